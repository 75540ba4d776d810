"""Faults of a CUDA device, planted in the emulator, while a model is trained; see src/Emulator/README.md.

Every allocation fails once, and so does every launch of a kernel. The device is lost at launches of the whole run, and
calls of every function of the driver and of cuBLASLt fail. Each run must end with one line that names what failed and
leave whole checkpoints, and the same command without the fault must end with the bytes of an undisturbed run.
"""

import collections
import os
import re
import subprocess

from worker import Reference

MOST_LOST, MOST_CALLS = 24, 5  # how many launches lose the device, and how many calls of one function fail

# Functions that free something. If one of them fails, the result is complete.
RELEASES = r"cu(MemFree|MemFreeHost|ModuleUnload|GraphDestroy|GraphExecDestroy|EventDestroy|StreamDestroy|DevicePrimaryCtxRelease|blasLt\w*Destroy)(_v2)?"


def spread(count, most):
    """At most so many numbers from 1 to count, the first and the last among them."""
    return range(1, count + 1) if count <= most else sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def faults(counts):
    """Values of EMULATOR_FAIL for what an undisturbed run has counted."""
    allocations, launches = counts.pop("allocation"), counts.pop("launch")
    yield from (f"allocation={n}" for n in range(1, allocations + 1))
    yield from (f"launch={n}" for n in range(1, launches + 1))
    yield from (f"lost={n}" for n in spread(launches, MOST_LOST))
    for call, count in sorted(counts.items()):
        yield from (f"call={call}:{n}" for n in spread(count, MOST_CALLS))


def expected(fault):
    """What the line must name."""
    kind, what = fault.split("=")
    if kind == "call":
        return what.split(":")[0]
    return {
        "allocation": r"has no room for another \d+ bytes( of pinned memory for .*)?, needed for \w+",
        "launch": "CUDA_ERROR_LAUNCH_FAILED: a planted failure",
        "lost": "CUDA_ERROR_UNKNOWN: the device is lost|cublasLt\\w+ failed with 13",
    }[kind]


def fail_once(worker, scenario, reference, emulator, fault):
    worker.begin(scenario.base)
    code, text = worker.run(scenario.args, EMULATOR_FAIL=fault, **emulator)
    harmless = code == 0 and bool(re.fullmatch(f"call={RELEASES}:\\d+", fault))
    problems = list(reference.end_problems(worker, "after it")) if harmless else list(reference.line_problems(code, text, expected(fault)))
    problems += reference.state_problems(worker)
    problems += reference.resume(worker, **emulator)
    return harmless, problems, text


def run(harness, options):
    scenario, = harness.scenarios(options.only, "cuda")
    worker = harness.workers[0]
    built = subprocess.run([worker.program, "kernels", "build-emulator"], check=True, capture_output=True, text=True).stdout.strip()
    counts = worker.folder / "counts"
    emulator = {"VIDEOSIM_CUDA_PATH": ":".join([built, os.environ.get("VIDEOSIM_CUDA_PATH", "")])}
    worker.begin(scenario.base)
    code, text = worker.run(scenario.args, EMULATOR_COUNTS=str(counts), **emulator)
    if code != 0:
        raise SystemExit(f"the undisturbed run ended with {code}: {text}")
    reference = Reference(scenario, worker)
    planned = list(faults({name: int(count) for name, count in (line.split() for line in counts.read_text().splitlines())}))
    rows = collections.defaultdict(lambda: [0, 0])
    for fault, (harmless, problems, text) in harness.spread(planned, lambda worker, fault: fail_once(worker, scenario, reference, emulator, fault)):
        rows[re.sub(r"^call=|[=:]\d+$", "", fault)][harmless] += 1
        for problem in problems:
            harness.report(f"{fault}: {problem}", text)
    for what, (failed, harmless) in rows.items():
        harness.row(what, failed + harmless, failed, harmless)
    harness.note(f"{len(planned)} runs, {len(reference.resumed)} states to continue from")
    harness.print_rows(("what fails", "runs", "refused", "ended with 0"))
