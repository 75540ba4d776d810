"""Reads results of bench/gpu/run: one or more folders or results.tgz files, taken together as one run."""

import dataclasses
import json
import pathlib
import re
import statistics
import sys
import tarfile
import zlib

import forms

WANTED = re.compile(r"(bench|step|peer)-[\w-]+\.json|check-[\w-]+\.txt|clocks\.csv|device-tests\.tsv|rehearsal\.txt")
UNKNOWN_LIMITER = "not known, the card's rates were not measured"


def files_of(path):
    """The texts of the files by name, and the error that ended the reading, or None. A .tgz is not unpacked: only
    its plain files at the top are read, so links and paths in it do no harm. An incomplete one has the files before
    its end."""
    if path.is_dir():
        files = (file for file in sorted(path.iterdir()) if file.is_file() and WANTED.fullmatch(file.name))
        return {file.name: file.read_text(errors="replace") for file in files}, None
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isreg() and WANTED.fullmatch(name):
                    found[name] = archive.extractfile(member).read().decode(errors="replace")
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        return found, f"{type(error).__name__}: {error}"
    return found, None


@dataclasses.dataclass
class Ours:
    """The sum of launches of our kernels: for each round a time in microseconds and the rates (None: not measured)."""

    device: str
    launch: str
    bytes: float
    flops: float
    launches: int
    rounds: list
    rates: list

    @property
    def worst(self):
        return max(self.rounds)

    @property
    def share(self):
        """Share of the copy rate in the worse round, or None if that rate was not measured."""
        rates = self.rates[self.rounds.index(self.worst)]
        return rates and self.bytes / (1e-6 * self.worst) / rates["copy_bytes_per_second"]

    @property
    def limiter(self):
        return limiter(self.worst, self.bytes, self.flops, self.launches, self.rates[self.rounds.index(self.worst)])


@dataclasses.dataclass
class Peer:
    """A variant of a PyTorch program: its time in microseconds in each round, and the parts of the work it leaves
    out."""

    device: str
    variant: str
    rounds: list
    omits: list

    @property
    def best(self):
        return min(self.rounds)

    @property
    def name(self):
        return self.variant + "".join(f", no {what}" for what in self.omits)


def limiter(time, moved, flops, launches, rates):
    """The limit of a time in microseconds: the largest of three floors, and its share of the time."""
    if rates is None:
        return UNKNOWN_LIMITER
    floors = {"bytes at the copy rate": 1e6 * moved / rates["copy_bytes_per_second"], "FLOPs at the product rate": 1e6 * flops / rates["flops_per_second"],
              "launches": launches * rates["empty_microseconds"]}
    name, floor = max(floors.items(), key=lambda pair: pair[1])
    part = f"{name} take {floor:.1f} of {time:.1f} us"
    return part if floor >= 0.5 * time else f"instructions or latency, which are not counted: of the counted ones {part}"


class Results:
    """The results that can be used. `unused` has the others, with the reason."""

    def __init__(self, paths):
        self.unused, self.kernels, self.steps, self.peers = [], {}, {}, {}
        self.clocks, self.processes, self.cases = [], [], []
        origins = {}
        for path in map(pathlib.Path, paths):
            if not path.exists():
                sys.exit(f"compare.py: {path} does not exist")
            files, damage = files_of(path)
            known = len(self.reports())
            if damage:
                self.unused.append(f"{path}, in part: {damage}")
            if "rehearsal.txt" in files:
                self.unused.append(f"{path}: a rehearsal over the emulator, no measurement")
                continue
            for name in [name for name in files if name.endswith(".json")]:
                if name in origins:
                    self.unused.append(f"{name} of {origins[name]}: {path} also has one")
                origins[name] = path
                try:
                    self.add(name, json.loads(files.pop(name)))
                except (ValueError, RecursionError) as error:  # no JSON, or of another form
                    self.unused.append(f"{name}: cannot be read, {error}")
            self.add_tests(path, files, len(self.reports()) > known)

    def add(self, name, report):
        """Adds a JSON file if it was measured on a GPU."""
        kind, rest = name[:-len(".json")].split("-", 1)
        forms.check_report(kind, report)
        own = None if kind == "peer" else re.fullmatch(r"cuda:\d+ (.*)", report["device"])  # behind the number, the name that PyTorch has for it, too
        device = report.get("gpu") if kind == "peer" else own and own[1]
        if report.get("emulated") or device == "emulator":
            return self.unused.append(f"{name}: of the emulator, no measurement")
        if device is None:
            return self.unused.append(f"{name}: not of a GPU")
        report["device"] = device
        if not report.get("complete", True):
            self.unused.append(f"{name}: stopped before its end; its results up to then are used")
        if kind == "step":
            self.add_step(name, report)
        elif kind == "peer":
            variant, number = rest.rsplit("-", 1)
            faults = {key: result.get("error") or forms.odd(result, {"median": "a number above 0"}) for key, result in report["results"].items()}
            self.unused += [f"{name}, {key}: {fault}" for key, fault in faults.items() if fault]
            report["results"] = {key: result for key, result in report["results"].items() if not faults[key]}
            self.peers.setdefault(variant, {})[number] = report
        else:
            self.unused += [f"{name}, {row['entry']} of {row['launch']}: {fault}" for row in report["kernels"] if (fault := fault_of(row))]
            if fault := forms.odd(report.get("rates"), forms.RATES, "rates"):
                self.unused.append(f"{name}: the card's rates were not measured, {report.get('rates_error') or fault}")
                report["rates"] = None
            number, _, model = rest.partition("-")  # of bench-1-mix.json; bench-s128.json has neither round nor model
            self.kernels.setdefault(model or rest, {})[number] = report

    def add_step(self, name, step):
        if step.get("error") or step["median_milliseconds"] is None or not step.get("is_finite", True):
            return self.unused.append(f"{name}: {step.get('error') or 'no time, or losses that are not finite'}")
        if step["preset"] != "reference":
            return self.unused.append(f"{name}: of the sizes '{step['preset']}'")
        self.steps[step["model"], step["stage"]] = step

    def add_tests(self, path, files, beside_gpu):
        """Clocks, tests and checks of one input. Tests and checks do not say where they ran. They count if other
        results of the input are from a GPU."""
        clocks = clock_rows(files.pop("clocks.csv", ""))
        self.clocks += clocks
        for name, text in files.items():
            if not (beside_gpu or clocks):
                self.unused.append(f"{name} of {path}: no other result of this input is from a GPU")
            elif name == "device-tests.tsv":
                self.processes += [row for line in text.splitlines() if (row := process_row(line))]
            else:
                self.cases += [row for line in text.splitlines() if (row := case_row(line))]

    def reports(self):
        """All reports of a GPU."""
        benches = [report for rounds in self.kernels.values() for report in rounds.values()]
        return list(self.steps.values()) + benches + [report for rounds in self.peers.values() for report in rounds.values()]

    def ours(self, patterns, model, bench=None):
        """The sum of the launches in one model's bf16 steps of all entries that match one of the patterns. None if no
        usable entry matches one of them."""
        total = None
        for report in self.kernels.get(bench or model, {}).values():
            rows = [row for row in report["kernels"] if row["is_of_step"] and re.match(f"{model} .*bf16,", row["launch"])]
            rows = [row for row in rows if any(re.fullmatch(pattern, row["entry"]) for pattern in patterns)]
            if any(map(fault_of, rows)) or not all(any(re.fullmatch(pattern, row["entry"]) for row in rows) for pattern in patterns):
                continue
            if total is None:
                total = Ours(report["device"], rows[0]["launch"], sum(row["bytes"] for row in rows), sum(row["flops"] for row in rows), len(rows), [], [])
            total.rounds.append(sum(row["microseconds"]["median"] for row in rows))
            total.rates.append(report["rates"])
        return total

    def variants(self, name):
        """All variants of a peer that were measured in any round, in order."""
        reports = self.peers.get(name, {}).values()
        return list(dict.fromkeys(variant for report in reports for variant in report["results"]))

    def peer(self, name, variant):
        found = [(report, report["results"][variant]) for report in self.peers.get(name, {}).values() if variant in report["results"]]
        if not found:
            return None
        omits = [what for what in ("mask", "dropout") if found[0][1].get(what) is False]
        return Peer(found[0][0]["device"], variant, [result["median"] for _, result in found], omits)

    def best(self, name, variants):
        """The fastest of some variants, or None if none was measured."""
        return min(filter(None, (self.peer(name, variant) for variant in variants)), key=lambda peer: peer.best, default=None)

    def rates(self, device):
        """The best rates that a kernel bench measured on a card, or None."""
        known = [report["rates"] for rounds in self.kernels.values() for report in rounds.values() if report["device"] == device and report["rates"]]
        return known and {key: (min if key.startswith("empty") else max)(rates[key] for rates in known)
                          for key in ("copy_bytes_per_second", "flops_per_second", "empty_microseconds")} or None


def fault_of(row):
    """Why a row of a kernel bench cannot be used, or None."""
    if row.get("error"):
        return row["error"]
    if not row.get("is_finite", True):
        return "losses of its step are not finite"
    if row.get("microseconds") is None:
        return "no time"
    return forms.odd(row["microseconds"], {"median": "a number above 0"}, "microseconds") or forms.odd(row, forms.BENCH_NUMBERS)


@dataclasses.dataclass
class Process:
    """Tests that ran in one process."""

    name: str
    passed: int
    failed: int
    skipped: int
    exit_code: int

    @property
    def holds(self):
        return self.exit_code == 0 and self.failed == 0 and self.passed > 0


def process_row(line):
    """A line of device-tests.tsv: name, passed, failed, skipped, exit code; None for the headline."""
    name, *numbers = line.split("\t")
    return Process(name, *map(int, numbers)) if len(numbers) == 4 and all(number.lstrip("-").isdigit() for number in numbers) else None


@dataclasses.dataclass
class Case:
    """A case of `kernels check --device cuda`: its error divided by its bound as text, and right, look or FAILED."""

    entry: str
    name: str
    ratio: str
    verdict: str


def case_row(line):
    """A row of check-FAMILY.txt, or None for any other line."""
    cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
    return Case(cells[0], cells[1], cells[-3], cells[-1]) if len(cells) == 8 and cells[-1] in ("right", "look", "FAILED") else None


def clock_rows(text):
    """Rows of nvidia-smi's CSV: numbers by the column's name without its unit. Cells without a number are left out."""
    lines = [line.split(",") for line in text.splitlines() if line.strip()]
    if not lines:
        return []
    names = [name.split("[")[0].strip() for name in lines[0]]
    matched = ([(name, re.match(r"\s*(\d+(?:\.\d+)?)(\s|$)", value)) for name, value in zip(names, line)] for line in lines[1:])
    return [{name: float(match[1]) for name, match in row if match} for row in matched]


def clock_range(rows, pattern):
    """Smallest, median and largest number of the columns whose name matches, or None."""
    values = [value for row in rows for name, value in row.items() if re.search(pattern, name)]
    return (min(values), statistics.median(values), max(values)) if values else None
