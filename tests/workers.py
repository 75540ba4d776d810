#!/usr/bin/env python3
"""Shares a reproduction among workers, kills some of them, and compares the results with those of one process.

    tests/workers.py                                    two models, one fold, 5 kills for each number of workers
    tests/workers.py --models all --folds 11 --kills 20    the 72 parts of the published procedure

For 1, 2 and 3 workers it kills a random one again and again with SIGKILL and starts it anew. Then it stops a worker
with SIGSTOP until another one has taken its part over and finished it, and lets it go on. Each time summary.json and
result.zip must have the bytes of the run by one process, and the lines of the workers must show that no part was done
by two of them at once. It needs `dotnet build -c Release src/Cli` and nothing else.
"""

import argparse
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

PROGRAM = ["dotnet", str(Path(__file__).resolve().parents[1] / "src/Cli/bin/Release/net10.0/videosim.dll")]
MODELS = ["mix", "mix-asl", "mix-roformer", "uniter", "uniter-asl", "uniter-roformer"]
RESULTS = ["summary.json", "result.zip"]
BEGINS = re.compile(r"part \d+ of \d+, (\S+): (?:begins|taken over from .*)")
DONE = re.compile(r"part \d+ of \d+, (\S+): done")
LOST = re.compile(r"(\S+): .* has taken this part over; this worker stops it")


class Worker:
    """A process whose lines are kept with the time at which they were read."""

    def __init__(self, words):
        self.lines = []
        self.end = None
        self.process = subprocess.Popen([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.lines.append((time.monotonic(), line.strip()))

    def kill(self):
        self.end = time.monotonic()
        self.process.kill()
        self.wait()

    def wait(self):
        code = self.process.wait()
        self.reader.join()
        self.end = self.end or time.monotonic()
        return code

    def wait_for(self, pattern, seconds):
        """Waits for a line. Returns its match."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for _, line in list(self.lines):
                if match := pattern.fullmatch(line):
                    return match
            time.sleep(0.02)
        raise SystemExit(f"no line {pattern.pattern} within {seconds} s; the last ones: {self.lines[-5:]}")

    def spans(self):
        """Part, begin and end of all the work of this process."""
        begun = {}
        for at, line in self.lines:
            if match := BEGINS.fullmatch(line):
                begun[match[1]] = at
            elif (match := DONE.fullmatch(line) or LOST.fullmatch(line)) and match[1] in begun:
                yield match[1], begun.pop(match[1]), at
        for part, at in begun.items():
            yield part, at, max(at, self.end)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["mix", "uniter"], help="names, or all")
    parser.add_argument("--folds", type=int, default=1)
    parser.add_argument("--kills", type=int, default=5, help="for each number of workers")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    parser.add_argument("--program", help="the command, if not that of src/Cli")
    options = parser.parse_args()
    if options.program:
        PROGRAM[:] = options.program.split()
    models = MODELS if options.models == ["all"] else options.models
    chance = random.Random(options.seed)
    root = Path(tempfile.mkdtemp(prefix="videosim-workers-"))
    try:
        command = ["reproduce", "--preset", "micro", "--models", *models, "--folds", str(options.folds), "--threads", "1", "--output-dir"]
        began = time.monotonic()
        lines = len(run([*command, str(root / "one")]).splitlines())
        seconds = time.monotonic() - began
        print(f"one process: {len(models) * (1 + options.folds)} parts in {seconds:.0f} s", flush=True)
        for count in options.workers:
            killed(root, command, count, options.kills, lines, chance)
        stopped(root, command, seconds)
    finally:
        shutil.rmtree(root)


def run(words):
    done = subprocess.run([*PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stderr


def killed(root, command, count, kills, lines, chance):
    """Kills after some lines of the workers, so that the load of the machine does not matter."""
    output = root / f"workers-{count}"
    words = [*command, str(output), "--worker"]
    workers = [Worker(words) for _ in range(count)]
    all_workers = list(workers)
    done = 0
    while done < kills:
        # The kills end before the work does.
        target = written(all_workers) + chance.uniform(0.3, 1.7) * 0.6 * lines / kills
        while True:
            running = [place for place, worker in enumerate(workers) if worker.process.poll() is None]
            if not running:
                raise SystemExit(f"{count} workers: all parts were done after {done} of {kills} kills")
            if written(all_workers) >= target:
                break
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 0.3))
        place = chance.choice(running)
        workers[place].kill()
        workers[place] = Worker(words)
        all_workers.append(workers[place])
        done += 1
    finish(root, command, output, workers, all_workers, f"{count} workers, {kills} kills")


def written(workers):
    return sum(len(worker.lines) for worker in workers)


def stopped(root, command, seconds):
    output = root / "stopped"
    words = [*command, str(output), "--worker", "--takeover-after", "10"]
    first = Worker(words)
    part = first.wait_for(BEGINS, 60 + 10 * seconds)[1]
    first.process.send_signal(signal.SIGSTOP)
    second = Worker(words)
    second.wait_for(re.compile(rf"part \d+ of \d+, {part}: taken over from \S+ \(process {first.process.pid}\)"), 120 + 20 * seconds)
    second.wait_for(re.compile(rf"part \d+ of \d+, {part}: done"), 120 + 20 * seconds)
    # From here on it has nothing to do.
    first.end = time.monotonic()
    first.process.send_signal(signal.SIGCONT)
    first.wait_for(re.compile(rf"{part}: \S+ \(process {second.process.pid}\) has taken this part over; this worker stops it"), 60 + 10 * seconds)
    for worker in (first, second):
        if worker.wait() != 0:
            raise SystemExit(f"a worker ended with {worker.process.returncode}: {worker.lines[-3:]}")
    lost = [line for _, line in first.lines if LOST.fullmatch(line)]
    if len(lost) != 1:
        raise SystemExit(f"the stopped worker wrote {lost}")
    # It has the part until the takeover, not until its line.
    first.lines = [(at, line) for at, line in first.lines if not BEGINS.fullmatch(line) or BEGINS.fullmatch(line)[1] != part]
    finish(root, command, output, [], [first, second], "a stopped worker")


def finish(root, command, output, workers, all_workers, title):
    for worker in workers:
        if worker.wait() != 0:
            raise SystemExit(f"{title}: a worker ended with {worker.process.returncode}: {worker.lines[-3:]}")
    run([*command, str(output), "--collect", "--quiet"])
    for name in RESULTS:
        if (output / name).read_bytes() != (root / "one" / name).read_bytes():
            raise SystemExit(f"{title}: {name} differs from that of one process")
    check_lines(all_workers, title)
    print(f"{title}: the same bytes, no part by two workers at once", flush=True)
    shutil.rmtree(output)


def check_lines(workers, title):
    spans = sorted((part, begin, end, number) for number, worker in enumerate(workers) for part, begin, end in worker.spans())
    if not spans:
        raise SystemExit(f"{title}: no worker wrote that it begins a part")
    for (part, begin, end, number), (other, later, _, second) in zip(spans, spans[1:]):
        if part == other and later < end:
            raise SystemExit(f"{title}: {part} was done by workers {number} and {second} at once, {end - later:.3f} s")
    done = [match[1] for worker in workers for _, line in worker.lines if (match := DONE.fullmatch(line))]
    if len(done) != len(set(done)):
        raise SystemExit(f"{title}: a part was done twice: {sorted(done)}")


if __name__ == "__main__":
    main()
