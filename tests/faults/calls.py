"""Every call with which a command saves its result fails once with each of its errors, and the command is killed there
once. Then the disk is full at several sizes."""

import collections
import os
import re
import shutil
import subprocess

from scenarios import HARMLESS
from worker import Reference, was_killed

SIZES = 20  # of full disks

# The n-th call of a kind gets one of them in turn.
ERRORS = {
    "open": ["EIO", "EACCES", "EMFILE"],
    "open to write": ["EACCES", "EMFILE"],
    "open folder": ["EIO", "EMFILE"],
    "create": ["ENOSPC", "EACCES", "EMFILE"],
    "write": ["ENOSPC", "EIO"],
    "pwrite64": ["ENOSPC", "EIO"],
    "pwritev": ["ENOSPC", "EIO"],
    "sendfile": ["ENOSPC", "EIO"],
    "copy_file_range": ["ENOSPC", "EIO"],
    "fsync": ["EIO", "ENOSPC"],
    "fdatasync": ["EIO", "ENOSPC"],
    "ftruncate": ["EIO"],
    "fallocate": ["ENOSPC"],
    "flock": ["ENOLCK"],
    "rename": ["EIO", "EACCES", "ENOSPC"],
    "link": ["EIO", "EACCES", "ENOSPC"],
    "symlink": ["EIO", "EACCES"],
    "mkdir": ["ENOSPC", "EACCES"],
    "rmdir": ["EIO", "EACCES"],
    "unlink": ["EIO", "EACCES"],
    "chmod": ["EACCES"],
    "fchmod": ["EIO"],
}

# These change nothing on the disk. A kill there is a kill at the call before.
READS = {"open", "open folder", "fsync", "fdatasync", "flock"}

# Names of strace: what inject.cpp calls them.
TRACED = {
    **{name: "open" for name in ("open", "openat", "creat", "open folder", "open to write", "create")},
    "write": "write", "writev": "write", "pwrite64": "pwrite64", "pwritev": "pwritev", "pwritev2": "pwritev", "sendfile": "sendfile", "copy_file_range": "copy_file_range",
    "fsync": "fsync", "fdatasync": "fdatasync", "ftruncate": "ftruncate", "fallocate": "fallocate", "flock": "flock",
    "rename": "rename", "renameat": "rename", "renameat2": "rename", "link": "link", "linkat": "link", "symlink": "symlink", "symlinkat": "symlink",
    "mkdir": "mkdir", "mkdirat": "mkdir", "rmdir": "rmdir", "unlink": "unlink", "unlinkat": "unlink", "chmod": "chmod", "fchmodat": "chmod", "fchmod": "fchmod",
}
BY_FILE = {"write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "fsync", "fdatasync", "ftruncate", "fallocate", "flock", "fchmod"}


def traced_calls(log, folder):
    """The calls in a log of "strace -f -y -s 0" on paths at or below a folder. The log has no contents of files."""
    for line in log.read_text(errors="replace").splitlines():
        match = re.match(r"^\d+ +(\w+)\((.*)$", line)
        if not match or "LOCK_UN" in line:
            continue
        name, rest = match.groups()
        files = re.findall(r"\d+<([^>]*)>", rest)
        paths = re.findall(r'"([^"]*)"', rest)
        if name in BY_FILE:
            path = files[1 if name == "copy_file_range" else 0] if files else ""
        else:
            path = paths[-1 if name.startswith(("rename", "link", "symlink")) else 0] if paths else ""
        path = path.removesuffix(" (deleted)")
        if path == str(folder) or path.startswith(f"{folder}/"):
            yield TRACED[name], os.path.relpath(path, folder.parent)


def undisturbed(scenario, worker):
    """Runs a command without a fault under strace, and compares the calls of strace with those of inject.cpp."""
    worker.begin(scenario.base)
    trace = worker.folder / "trace"
    names = ",".join(name for name in TRACED if " " not in name and name != "create")
    code, text, calls = worker.run_with_fault(scenario.args, prefix=["strace", "-f", "-y", "-e", f"trace={names}", "-e", "signal=none", "-s", "0", "-o", str(trace)])
    if code != 0:
        raise SystemExit(f"{scenario.name}: the undisturbed run ended with {code}: {text}")
    seen = collections.Counter(traced_calls(trace, worker.out))
    counted = collections.Counter((TRACED.get(call, call), path) for call, path in calls)
    if seen != counted:
        raise SystemExit(f"{scenario.name}: strace and inject.cpp see other calls: {dict(seen - counted)} and {dict(counted - seen)}")
    return calls


def is_harmless(call, error, path):
    return any(re.fullmatch(calls, call) and re.fullmatch(errors, error) and re.search(place, path) for calls, errors, place, _ in HARMLESS)


def sweep(harness, scenario):
    """All faults of one command."""
    calls = undisturbed(scenario, harness.workers[0])
    reference = Reference(scenario, harness.workers[0])
    points = list(plan(calls))
    rows = collections.defaultdict(lambda: [0, 0])
    for (number, error), (call, path, harmless, problems, text) in harness.spread(points, lambda worker, point: fail_once(worker, scenario, reference, calls, *point)):
        rows[call, error or "SIGKILL"][harmless] += 1
        for problem in problems:
            harness.report(f"{scenario.name}: call {number}, {call} of {path}, {error or 'SIGKILL'}: {problem}", text)
    for (call, error), (failed, harmless) in sorted(rows.items()):
        harness.row(scenario.name, call, error, failed + harmless, failed, harmless)
    harness.note(f"{scenario.name}: {len(calls)} calls, {len(points)} runs, {len(reference.resumed)} states to continue from")
    return reference


def plan(calls):
    """Numbers of calls with an error, then with None for a kill."""
    counts = collections.Counter()
    for number, (call, _) in enumerate(calls, 1):
        yield number, ERRORS[call][counts[call] % len(ERRORS[call])]
        counts[call] += 1
    yield from ((number, None) for number, (call, _) in enumerate(calls, 1) if call not in READS)


def fail_once(worker, scenario, reference, calls, number, error):
    """Runs a command with one fault. Returns what failed, whether the command ended with 0, and what is wrong."""
    worker.begin(scenario.base)
    code, text, seen = worker.run_with_fault(scenario.args, number, error)
    call, path = (seen if len(seen) >= number else calls)[number - 1]
    problems = [] if len(seen) >= number else [f"there were only {len(seen)} calls"]
    harmless = code == 0
    if error is None:
        problems += [] if was_killed(code) else [f"ended with {code} and not by the kill"]
    elif not harmless:
        problems += reference.line_problems(code, text)
    else:
        problems += [] if is_harmless(call, error, path) else ["the command ended with 0"]
        problems += [problem for problem in reference.end_problems(worker, "after it") if not re.search(r"[/ ]\.((tmp|old|lock)-\S+|[\w.-]+\.(lock|json)) is left$", problem)]
    problems += reference.state_problems(worker)
    problems += reference.resume(worker)
    return call, path, harmless, problems, text


def fill_disks(harness, scenario, reference):
    """Runs a command on a disk that is full at several sizes, makes it larger, and runs the command again."""
    worker = harness.workers[0]
    worker.begin(scenario.base)
    code, text = worker.run(scenario.args)
    begin, used = (sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*")) for folder in (scenario.base, worker.out))
    failed, large = 0, used * 4 + (64 << 20)
    sizes = SIZES if scenario.fully else SIZES // 4
    for i in range(1, sizes + 1):
        size = begin + max(4096, (used - begin) * i // (sizes + 1) // 4096 * 4096)
        shutil.rmtree(worker.out)
        worker.out.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={large}", "tmpfs", worker.out], check=True)
        try:
            shutil.copytree(scenario.base, worker.out, dirs_exist_ok=True)
            subprocess.run(["mount", "-o", f"remount,size={size}", worker.out], check=True)
            code, text = worker.run(scenario.args)
            failed += code != 0
            problems = list(reference.line_problems(code, text)) if code != 0 else list(reference.end_problems(worker, "after it"))
            problems += reference.state_problems(worker)
            subprocess.run(["mount", "-o", f"remount,size={large}", worker.out], check=True)
            problems += reference.resume(worker)
        finally:
            subprocess.run(["umount", worker.out], check=True)
        for problem in problems:
            harness.report(f"{scenario.name}: a disk of {size} bytes: {problem}", text)
    harness.row(scenario.name, "disk full", f"{sizes} sizes", sizes, failed, sizes - failed)


def run(harness, options):
    for scenario in harness.scenarios(options.only, "calls"):
        fill_disks(harness, scenario, sweep(harness, scenario))
    harness.print_rows(("command", "call", "fault", "runs", "refused or killed", "ended with 0"))
    print("\nA command that ended with 0 had done its work:")
    for call, error, place, why in HARMLESS:
        print(f"- {call.replace('|', ', ')}{'' if error == '.*' else f' ({error})'}{f' of {place}' if place else ''}: {why}")
