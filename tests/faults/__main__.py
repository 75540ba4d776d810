"""tests/faults.sh starts this program in a mount namespace and a process namespace of its own."""

import argparse
import datetime
import os
import queue
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import calls
import cuda
import kills
from scenarios import World, scenarios
from worker import Worker

ROOT = Path(__file__).resolve().parents[2]


class Harness:
    """Workers, and what they find."""

    def __init__(self, root, program, jobs, every):
        self.first, self.every = datetime.date.today().toordinal() % every, every
        self.root, self.problems, self.rows, self.lock, self.free = root, 0, [], threading.Lock(), queue.SimpleQueue()
        injector = root / "inject.so"
        subprocess.run(["g++", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-std=c++17", "-o", injector, ROOT / "tests/faults/inject.cpp", "-ldl"], check=True)
        self.workers = [Worker(root / f"worker-{i}", program, injector) for i in range(jobs)]
        for worker in self.workers:
            self.free.put(worker)

    def scenarios(self, only, kind):
        return scenarios(World(self.workers[0], self.root, ROOT), only, kind)

    def spread(self, points, work):
        """Does work(worker, point) for all points, as many at a time as there are workers. Gives (point, result)."""
        def one(point):
            worker = self.free.get()
            try:
                return work(worker, point)
            finally:
                self.free.put(worker)

        points = points[self.first::self.every]
        with ThreadPoolExecutor(len(self.workers)) as pool:
            yield from zip(points, pool.map(one, points))

    def note(self, text):
        print(text, file=sys.stderr, flush=True)

    def report(self, problem, text):
        with self.lock:
            self.problems += 1
            self.note(f"wrong: {problem}\n    {text.strip()}")

    def row(self, *cells):
        self.rows.append(cells)

    def print_rows(self, titles):
        """A table of Markdown; the last line has the sums."""
        numbers = [i for i in range(len(titles)) if all(isinstance(row[i], int) for row in self.rows)]
        total = [sum(row[i] for row in self.rows) if i in numbers else "" for i in range(len(titles))]
        lines = [[str(cell) for cell in row] for row in (titles, *self.rows, ["all", *total[1:]])]
        widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
        lines.insert(1, [("-" * (width - 1) + ":") if i in numbers else "-" * width for i, width in enumerate(widths)])
        for line in lines:
            print("| " + " | ".join(cell.rjust(width) if i in numbers else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))) + " |")
        print(f"\n{self.problems} wrong")


def main():
    parser = argparse.ArgumentParser(prog="tests/faults.sh", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["calls", "kills", "cuda"])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", metavar="WORDS", help="only commands whose name has these words")
    parser.add_argument("--program", default=str(ROOT / "src/Cli/bin/Release/net10.0/videosim"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at a time")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every n-th fault, other ones every day")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the random moments of kills")
    options = parser.parse_args()
    # In memory, where a sync costs nothing. It goes with the namespace, however this program ends.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6g", "tmpfs", options.folder], check=True)
    harness = Harness(options.folder, str(Path(options.program).resolve()), options.jobs, options.every)
    {"calls": calls, "kills": kills, "cuda": cuda}[options.what].run(harness, options)
    sys.exit(1 if harness.problems else 0)


if __name__ == "__main__":
    main()
