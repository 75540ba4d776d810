"""Runs commands in a folder of their own, and compares what they leave with what an undisturbed run leaves."""

import errno
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading

LIMIT = 300  # seconds of a run


def snapshot(folder, content=lambda path, data: data):
    """All files and folders below a folder: the digest of a file, None for a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = None if path.is_dir() else hashlib.sha256(content(name, path.read_bytes())).hexdigest()
    return found


class Worker:
    """A folder in which one command at a time runs. The command writes to "out", so paths in results are equal."""

    def __init__(self, folder, program, injector):
        self.folder, self.out, self.log = folder, folder / "out", folder / "calls"
        self.program, self.injector = program, injector
        folder.mkdir()

    def begin(self, base):
        """Copies the folder that a command begins with."""
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(base, self.out)

    def environment(self, **more):
        return {**os.environ, "DOTNET_TieredPGO": "0", "NO_COLOR": "1", **more}

    def run(self, args, prefix=(), **environment):
        """Exit code, or None after the time limit; and the text on stderr."""
        done = subprocess.Popen([*prefix, self.program, *args], cwd=self.folder, env=self.environment(**environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            text = done.communicate(timeout=LIMIT)[1]
            return done.returncode, text.decode(errors="replace")
        except subprocess.TimeoutExpired:
            done.kill()
            return None, done.communicate()[1].decode(errors="replace")

    def run_with_fault(self, args, number=0, error=None, prefix=()):
        """The same. Call `number` on a path below "out" returns an error, or the process is killed there. Also returns
        the calls, each with the path in question."""
        self.log.unlink(missing_ok=True)
        code, text = self.run(args, prefix, LD_PRELOAD=str(self.injector), FAULTS_FOLDER=str(self.out), FAULTS_LOG=str(self.log), FAULTS_AT=str(number),
                              FAULTS_ERROR=str(getattr(errno, error) if error else 0))
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        calls = [re.fullmatch(r"\d+ (.*?) (/.*)", line).groups() for line in lines]
        return code, text, [(call, os.path.relpath(path.removesuffix(" (deleted)"), self.folder)) for call, path in calls]

    def run_and_kill(self, args, seconds):
        """Kills a command after a time. Returns its exit code and the text on stderr."""
        with subprocess.Popen([self.program, *args], cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
            return process.wait(LIMIT), process.stderr.read().decode(errors="replace")


class Reference:
    """What a command leaves when nothing disturbs it, and what is wrong with that of other runs."""

    def __init__(self, scenario, worker):
        """Takes the result of a run that has ended, which is in the worker's folder."""
        self.scenario = scenario
        self.before, self.whole = snapshot(scenario.base), snapshot(worker.out, scenario.content)
        self.growing = {path: (worker.out / path).read_bytes() for path in self.whole if scenario.is_growing(path)}
        self.resumed = {}  # state of the folder: what is wrong with the run that continues from it
        self.lock = threading.Lock()

    def line_problems(self, code, text, names=r"\bout\b"):
        """What is wrong with the end of a run that failed."""
        lines = text.splitlines()
        if code != 1:
            yield f"ended with {code}" if code is not None else f"did not end within {LIMIT} s"
        if len(lines) != 1:
            yield f"stderr has {len(lines)} lines"
        elif not lines[0].startswith("error: "):
            yield "the line does not begin with 'error: '"
        if re.search(r"^   at |Unhandled|--verbose", text, re.MULTILINE):
            yield "the exception was not expected"
        if not re.search(names, text):
            yield f"the line does not name {names}"

    def state_problems(self, worker):
        """What is wrong with the files after a run that failed or was killed: each must be the old or the new one."""
        now = snapshot(worker.out, self.scenario.content)
        for unit in sorted({self.scenario.unit(path) for path in [*now, *self.before, *self.whole]} - {None}):
            version = self.version(unit, now)
            if version in [self.version(unit, files) for files in (self.before, self.whole)] or not version and self.scenario.may_be_missing(unit):
                continue
            path = worker.out / unit
            if any(re.match(rf"{re.escape(unit)}/\.tmp-unfinished-", name) for name in now):
                continue  # a new folder that its next writer fills, and readers refuse
            if not self.version(unit, now) and self.version(unit, self.before) == moved_aside(unit, now):
                continue  # the next start brings it back
            if self.scenario.is_growing(unit) and self.growing.get(unit, b"").startswith(path.read_bytes() if path.exists() else b""):
                continue
            if self.scenario.is_loose(unit) and is_well_formed(path):
                continue
            yield f"{unit} is neither the old nor the new one"
        for first, second in self.scenario.pairs:
            if second in now and not any((now.get(first), now[second]) == (files.get(first), files.get(second)) for files in (self.before, self.whole)):
                yield f"{first} and {second} do not belong together"

    def version(self, unit, files):
        return [(path, value) for path, value in files.items() if value is not None and self.scenario.unit(path) == unit]

    def end_problems(self, worker, when):
        """What is wrong with the files after a run that ended with 0."""
        now, then = ({path: value for path, value in files.items() if not self.scenario.is_ignored(path)} for files in (snapshot(worker.out, self.scenario.content), self.whole))
        for name in sorted(set(now) ^ set(then)):
            yield f"{when}, {name} is {'left' if name in now else 'missing'}"
        for name in sorted(set(now) & set(then)):
            if now[name] != then[name]:
                yield f"{when}, {name} has other bytes"
        yield from self.scenario.more_problems(worker.out)

    def is_done(self, worker):
        """Whether a command that refuses its own result had ended when it was killed."""
        return self.scenario.once and not any(self.end_problems(worker, ""))

    def resume(self, worker, **environment):
        """What is wrong after the same command has run again. It runs once for each state of the folder."""
        if self.is_done(worker):
            return []
        state = self.state(worker)
        with self.lock:
            if state in self.resumed:
                return self.resumed[state]
        code, text = worker.run(self.scenario.args, **environment)
        problems = [f"the same command again ended with {code}: {text.strip()}"] if code != 0 else list(self.end_problems(worker, "after the same command again"))
        with self.lock:
            self.resumed[state] = problems
        return problems

    # Of files with times only their end counts: a torn line is another state. Of temporary files only the name counts.
    def state(self, worker):
        def content(path, data):
            return str((len(data) > 0, data[-1:])).encode() if self.scenario.has_times(path) else b"" if re.search(r"(^|/)\.(tmp|old)-", path) else data

        return tuple(sorted((self.scenario.without_random(path), value or "") for path, value in snapshot(worker.out, content).items()))


def moved_aside(unit, files):
    """The files of a folder that was moved aside for its successor, under their old names."""
    parent, name = os.path.split(unit)
    aside = re.compile(rf"{re.escape(os.path.join(parent, f'.old-{name}'))}-[0-9a-f]{{16}}/(.*)")
    return [(f"{unit}/{match[1]}", value) for path, value in files.items() if value is not None and (match := aside.fullmatch(path))]


def is_well_formed(path):
    """Whether a file of text is complete, or missing: its last line ends, and JSON can be read."""
    if not path.exists():
        return True
    content = path.read_bytes()
    try:
        return json.loads(content) is not None if path.suffix == ".json" else content.endswith(b"\n")
    except ValueError:
        return False


def was_killed(code):
    return code == -signal.SIGKILL
