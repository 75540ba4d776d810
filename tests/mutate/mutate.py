"""mutate.py [--sample] [--seed N] [SLOT...]: see tests/mutate.sh."""

import argparse
import datetime
import os
import subprocess
import sys
import time
from pathlib import Path

import belonging
import places
from named import NAMED
from tree import PROJECTS, Refused, Tree

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = ROOT / "tests" / "mutate.equivalent"
OF_EACH_KIND = 8
LONGEST = 1800  # seconds of the tests of a project in a sample

CAUGHT, SURVIVED, LISTED, REFUSED = "caught", "SURVIVED", "equivalent", "refused"


class Results:
    """Verdicts in a file, one a line: slot, id, verdict, seconds, and the first failing test or the reason."""

    def __init__(self, path):
        self.path, self.rows = path, []
        if path.exists():
            # The last line is left out: it is empty, or incomplete after the program was stopped.
            self.rows = [row.split("\t") for row in path.read_text(encoding="utf-8").split("\n")[:-1]]
            path.write_text("".join("\t".join(row) + "\n" for row in self.rows), encoding="utf-8")

    def add(self, *row):
        self.rows.append([str(cell).replace("\t", " ").replace("\n", " ") for cell in row])
        with open(self.path, "a", encoding="utf-8") as file:
            file.write("\t".join(self.rows[-1]) + "\n")

    def of(self, slot):
        """The row of the change that was judged for a slot, or None."""
        return next((row for row in self.rows if row[0] == slot and row[2] != REFUSED), None)

    def is_refused(self, place):
        return any(row[1] == place.id and row[2] == REFUSED for row in self.rows)


def slots(kinds, named):
    """Name and candidates of each slot. If a compiler refuses a candidate, the next one is judged."""
    for place in named:
        yield f"named-{place.path.rsplit('/', 1)[1]}", [place]
    for kind, found in kinds.items():
        for i in range(min(OF_EACH_KIND, len(found))):
            yield f"{kind}-{i + 1}", found[i::OF_EACH_KIND]


def sample(all_slots, day):
    """The slot of a day. After some days every slot had its turn."""
    return [all_slots[day % len(all_slots)]]


def baseline(tree, seconds):
    """Pairs of project and seconds of its tests, which pass without a change. A file keeps them."""
    if not seconds.exists():
        print("all tests, without a change", flush=True)
        taken = {}
        tree.baseline(taken.__setitem__)
        seconds.write_text("".join(f"{project}\t{time:.0f}\n" for project, time in taken.items()), encoding="utf-8")
    return [line.split("\t") for line in seconds.read_text(encoding="utf-8").splitlines()]


def equivalents(text):
    """Reasons by (path, line, changed line)."""
    rows = [line.split("\t") for line in text.split("\n") if line and not line.startswith("#")]
    for row in rows:
        if len(row) != 4 or not row[3].strip():
            raise SystemExit(f"tests/mutate.equivalent: expected path, line, changed line and reason with tabs between them, not {row}")
    return {tuple(row[:3]): row[3] for row in rows}


def judge(candidates, reasons, results, slot, first_failure):
    """Judges the first candidate of a slot that compiles. `first_failure` returns the test that fails, or None."""
    for place in candidates:
        begin = time.monotonic()
        verdict, reason = CAUGHT, ""
        if results.is_refused(place):
            continue
        if place.content in reasons:
            verdict, reason = LISTED, reasons[place.content]
        else:
            try:
                reason = first_failure(place) or ""
                verdict = CAUGHT if reason else SURVIVED
            except Refused as refused:
                verdict, reason = REFUSED, str(refused)
        results.add(slot, place.id, verdict, f"{time.monotonic() - begin:.0f}", reason)
        print(f"  {verdict} after {results.rows[-1][3]} s: {place.id} {reason}", flush=True)
        if verdict != REFUSED:
            return
    raise SystemExit(f"{slot}: a compiler refused every change")


def report(chosen, reasons, results):
    """Prints the counts and each survivor with its change. Returns whether each survivor has a reason."""
    known = {place.id: place for _, candidates in chosen for place in candidates}
    rows = [row for row in (results.of(slot) for slot, _ in chosen) if row]
    # A reason may have been written after the change was judged.
    survivors = [known[row[1]] for row in rows if row[2] == SURVIVED and known[row[1]].content not in reasons]
    caught = sum(row[2] == CAUGHT for row in rows)
    print(f"\n{len(rows)} changes: {caught} caught, {len(rows) - caught - len(survivors)} equivalent, {len(survivors)} survived")
    for place in survivors:
        print(f"\n{place.id}\n{place.diff}")
    return not survivors


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--sample", action="store_true")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("slots", nargs="*")
    options = options.parse_args()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    artifacts = ROOT / "artifacts" / "mutate"
    state = artifacts / f"{commit[:12]}-{options.seed}"
    state.mkdir(parents=True, exist_ok=True)
    tree = Tree(ROOT, artifacts, commit)
    files = {path: (tree.path / path).read_text(encoding="utf-8") for path in tree.git("ls-files", "src").split("\n") if places.SOURCES.match(path) and not places.LEFT_OUT.search(path)}
    reasons = equivalents(EQUIVALENT.read_text(encoding="utf-8"))
    chosen = list(slots(places.drawn(files, options.seed), places.named_places(files, NAMED)))
    if options.sample:
        chosen = sample(chosen, datetime.date.today().toordinal())
    if options.slots:
        chosen = [(slot, candidates) for slot, candidates in chosen if slot in options.slots]
    results = Results(state / "results.tsv")

    if options.sample:
        limits = dict.fromkeys(PROJECTS, LONGEST)
    else:
        limits = {project: 120 + 4 * int(time) for project, time in baseline(tree, state / "seconds.tsv")}
    for project in PROJECTS:
        tree.build(project)
    tests = {project: tree.tests(project) for project in PROJECTS}
    tree.keep_caches()

    def first_failure(place):
        tree.apply(place)
        try:
            # The tests compile kernels and the emulator. For a common header that takes minutes.
            compiles = not place.path.endswith((".cs", ".json"))
            for project, patterns in belonging.stages(place.path, files, tests):
                if failure := tree.first_failure(project, patterns, limits[project] + 1200 * compiles, compiles):
                    return failure
            return None
        finally:
            tree.restore()

    begin = time.monotonic()
    for i, (slot, candidates) in enumerate(chosen, 1):
        if not results.of(slot):
            print(f"{i} of {len(chosen)}, {time.monotonic() - begin:.0f} s: {slot}", flush=True)
            judge(candidates, reasons, results, slot, first_failure)
    sys.exit(0 if report(chosen, reasons, results) else 1)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
