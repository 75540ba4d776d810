"""The commands that are disturbed, and the folders that they begin with."""

import json
import re
import shutil
import struct
import subprocess

# Calls that may fail and the command still ends with 0: call, error, place, reason.
HARMLESS = [
    ("unlink|rmdir|open folder", ".*", r"/\.(tmp|old)-", "a leftover that cannot be deleted is deleted by the next run"),
    ("unlink", ".*", r"/\.videosim-import\.json$", "the state of a complete import is deleted by the next run"),
    ("unlink", ".*", r"\.lock$", "a lock that no process holds keeps nobody out"),
    ("unlink", ".*", r"/\.lock-owner$", "the number of a process that has ended is replaced by the next run"),
    ("open folder", ".*", r"^out(/\w+|/\.import-.*)?$", "leftovers that are not found are deleted by the next run"),
    ("open", "EACCES", r"(^|/)(\.(tmp|import)-[\w-]+|[^.]+)$", "a folder that must not be read cannot be flushed"),
    ("flock", "ENOLCK", r"", "on a file system without locks, files are written all the same"),
]

# What some scenarios are for; the others are for calls and kills.
ONLY = {"reproduce": ["kills"], "data import, 620 MB": ["kills"], "data import, shard of 620 MB": ["kills"], "data import, --collect": ["kills"], "pretrain on CUDA": ["cuda"]}


class Scenario:
    """A command, what is in its output folder before it runs, and how the files in there belong together."""

    fully = False    # fill the disk at all sizes
    resumes = False  # the same command continues where it was killed
    once = False     # the command refuses its own result
    many = False     # it replaces its results many times, so the states in between are not known
    folders = r"$^"  # folders whose files belong together
    growing = r"$^"  # files that get lines at their end
    loose = r"$^"    # files that one run replaces several times
    ignored = r"$^"  # files and folders that are not compared
    times = r"$^"    # files with times, whose bytes are not compared
    pairs = []       # two files that belong together; instead of files of two pairs, the second one is missing

    def __init__(self, name, args, base, **rules):
        self.name, self.args, self.base = name, args, base
        self.__dict__.update(rules)

    def unit(self, path):
        """The file or folder that is replaced as a whole, and that this path belongs to; None for a temporary one."""
        if any(part.startswith(".") for part in path.split("/")) or re.match(self.ignored, path):
            return None
        match = re.match(f"(?:{self.folders})(?=/|$)", path)
        return match.group() if match else path if "." in path.split("/")[-1] else None

    def is_growing(self, path):
        return re.fullmatch(self.growing, path)

    def is_loose(self, path):
        return re.fullmatch(self.loose, path)

    def is_ignored(self, path):
        return re.match(self.ignored, path)

    def has_times(self, path):
        return re.fullmatch(self.times, path)

    def may_be_missing(self, unit):
        return any(unit == second for _, second in self.pairs)

    def content(self, path, data):
        """What is compared of a file."""
        if self.has_times(path):
            return b""
        return data

    def without_random(self, path):
        """A path without the random part of a temporary name."""
        return re.sub(r"(^|/)(\.(?:tmp|old)-[^/]+)-[0-9a-f]{16}(?=/|$)", r"\1\2", path)

    def more_problems(self, out):
        return []


def training(run):
    """The rules for the folder of a run; `run` is a pattern for its path."""
    return {
        "resumes": True,
        "folders": rf"{run}/(?:checkpoint-\d+|best|last)",
        "growing": rf"{run}/metrics\.(?:jsonl|csv)",
        "loose": rf"{run}/(?:validation\.tsv|embeddings\.json|environment\.json|metrics\.csv)",
        "ignored": rf"{run}/(?:tensorboard|timing\.jsonl)",
        "times": rf"{run}/(?:environment\.json|\.lock.*)",
    }


def stage(name, steps, evaluate_every=1):
    """Options of a training that logs and saves a checkpoint at every step."""
    return [word for key in (f"steps={steps}", "warmup=0", "log_every=1", f"evaluate_every={evaluate_every}", "checkpoint_every=1") for word in ("--set", f"{name}.{key}")]


def write_table(folder, videos, files, width, frames):
    """A table of videos with their frames, for "data import"."""
    (folder / "frames").mkdir(parents=True)
    header = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({frames}, {width}), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    for i in range(files):
        values = struct.pack(f"<{frames * width}e", *((i * 7 + j * 3) % 101 / 50 - 1 for j in range(frames * width)))
        (folder / "frames" / f"{i}.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values)
    with open(folder / "videos.jsonl", "w") as table:
        for i in range(videos):
            table.write(json.dumps({"id": f"video {i}", "title": f"title {i % 97} of {i % 13}", "tags": [f"tag {i % 5}", f"tag {5 + i % 7}"], "frames": f"{i % files}.npy"}) + "\n")
    (folder / "pairs.tsv").write_text("".join(f"video {i}\tvideo {i + 1}\t{i % 11 / 10}\n" for i in range(0, videos, 2)))


class World:
    """The inputs of all commands, and the folders that they begin with."""

    def __init__(self, worker, root, sources):
        self.worker, self.folder, self.bases, self.sources = worker, root / "world", root / "bases", sources
        self.folder.mkdir()

    def make(self, args, name):
        """Runs a command that writes "out/NAME", and keeps that as an input."""
        shutil.rmtree(self.worker.out, ignore_errors=True)
        self.worker.out.mkdir()
        self.succeed(args)
        (self.worker.out / name).rename(self.folder / name)

    def succeed(self, args):
        code, text, calls = self.worker.run_with_fault(args)
        if code != 0:
            raise SystemExit(f"{' '.join(args)} ended with {code}: {text}")
        return calls

    def base(self, name, *files):
        """A folder with files of an earlier run."""
        folder = self.bases / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text("old\n")
        return folder

    def interrupted(self, name, args, checkpoint):
        """The folder of a training that is killed when it logs the first step after a checkpoint."""
        begin = self.base(f"{name}, before")
        self.worker.begin(begin)
        calls = self.succeed(args)
        saved = max(i for i, (call, path) in enumerate(calls) if call == "rename" and path.endswith(f"/checkpoint-{checkpoint}"))
        at = next(i for i in range(saved, len(calls)) if calls[i][1].endswith("/metrics.jsonl"))
        self.worker.begin(begin)
        self.worker.run_with_fault(args, at + 1)
        shutil.copytree(self.worker.out, self.bases / name)
        return self.bases / name


def scenarios(world, only, kind):
    """The scenarios of a kind whose name has all words of `only`, made one after the other."""
    quiet = ["--quiet", "--threads", "1"]
    model = ["--model", "mix", "--preset", "micro", *quiet]
    data = ["--data", "../world/data"]
    embed = ["embed", "--checkpoint", "../world/mix", "--records", "../world/data/test_b", *quiet, "--output"]
    synth = ["data", "synth", "--seed", "3", "--pairs", "66", "--pair-videos", "24", "--tags", "48", "--frames", "4", "--output-dir"]
    world.make([*synth, "out/data", "--videos", "80", "--test-videos", "100"], "data")
    world.make(["pretrain", *model, *data, "--output-dir", "out/run", *stage("pretrain", 1)], "run")
    shutil.copytree(world.folder / "run/last", world.folder / "mix")
    world.make([*embed, "out/b.zip"], "b.zip")
    write_table(world.folder / "table", videos=24, files=4, width=4, frames=2)

    def new_run(name):
        return Scenario(name, ["pretrain", *model, *data, "--output-dir", "out/run", *stage("pretrain", 1)], world.base(name), fully=True, **training("run"))

    def last_save(name):
        args = ["pretrain", *model, *data, "--output-dir", "out/run", *stage("pretrain", 3), "--report-to", "csv", "tensorboard"]
        return Scenario(name, args, world.interrupted(name, args, 2), fully=True, **training("run"))

    def finetune(name):
        args = ["finetune", *model, *data, "--pretrained", "../world/mix", "--fold", "1", "--output-dir", "out/run", *stage("finetune", 2)]
        return Scenario(name, args, world.interrupted(name, args, 1), **training("run"))

    def cuda(name):
        args = ["pretrain", *model, *data, "--output-dir", "out/run", "--device", "cuda", *stage("pretrain", 2, evaluate_every=2)]
        return Scenario(name, args, world.base(name), **training("run"))

    def reproduce(name):
        steps = [word for key in ("steps=40", "checkpoint_every=7") for stage in ("pretrain", "finetune") for word in ("--set", f"{stage}.{key}")]
        args = ["reproduce", "--preset", "micro", "--models", "mix", "uniter-roformer", "--folds", "2", *data, "--output-dir", "out/all", "--quiet", "--report-to", "csv", "tensorboard", *steps]
        rules = training(r"all/[^/]+/[^/]+")
        rules["times"] = rf"{rules['times']}|all/(?:report\.html|timing\.json|parts/[^/]+\.json|\.lock.*)"
        rules["ignored"] = rf"{rules['ignored']}|all/parts/[^/]+\.claim-\d+"
        return Scenario(name, args, world.base(name), **rules, many=True, more_problems=tensorboard_problems)

    def tensorboard_problems(out):
        done = subprocess.run(["python3", world.sources / "tests/tensorboard/check.py", *out.glob("*/*/*/tensorboard")], capture_output=True, text=True)
        return [] if done.returncode == 0 else [f"tests/tensorboard/check.py: {done.stdout}{done.stderr}"]

    def large_table():
        if not (world.folder / "large").exists():
            write_table(world.folder / "large", videos=20000, files=50, width=1536, frames=10)
        return "large"

    def large_import(name):
        return Scenario(name, import_of(large_table()), world.base(name), resumes=True, folders="own")

    def shard_of_import(name):
        return Scenario(name, [*import_of(large_table()), "--shard", "2/2"], world.base(name), resumes=True)

    def joined(name, command, *files, **rules):
        """A command with --collect, in the folder that its shards have left."""
        world.worker.begin(world.base(f"{name}, before", *files))
        for shard in ("1/3", "2/3", "3/3"):
            world.succeed([*command, "--shard", shard])
        shutil.copytree(world.worker.out, world.bases / name)
        return Scenario(name, [*command, "--collect"], world.bases / name, **rules)

    def import_of(table):
        return ["data", "import", f"../world/{table}/videos.jsonl", "--frames", f"../world/{table}/frames", "--pairs", f"../world/{table}/pairs.tsv", "--output-dir", "out/own", "--quiet"]

    def compile_kernels(name):
        return Scenario(name, ["kernels", "compile", "--output-dir", "out/kernels", "--quiet"], world.base(name))

    def convert(name):
        published, source = world.sources / "tests/Golden/pretrained/bert", world.folder / "encoder"
        source.mkdir()
        for file, target in {"config.json": "config.json", "vocab.txt": "vocab.txt", "tokenizer_config.json": "tokenizer_config.json", "zip.bin": "pytorch_model.bin"}.items():
            shutil.copyfile(published / file, source / target)
        return Scenario(name, ["convert", "../world/encoder", "out/encoder", "--quiet"], world.base(name), folders="encoder", once=True)

    def one_file(file, *args):
        return lambda name: Scenario(name, [*args, "--quiet"], world.base(name, file))

    made = {
        "pretrain, new": new_run,
        "pretrain, last save": last_save,
        "finetune, last save": finetune,
        "embed, .json": one_file("b.json", *embed, "out/b.json"),
        "embed, .zip": one_file("b.zip", *embed, "out/b.zip"),
        "embed, .npy": lambda name: Scenario(name, [*embed, "out/b.npy"], world.base(name, "b.npy", "b.ids.txt"), pairs=[("b.ids.txt", "b.npy")]),
        "embed, shard": one_file("b.zip.shard-2-of-3", *embed, "out/b.zip", "--shard", "2/3"),
        "embed, --collect": lambda name: joined(name, [*embed, "out/b.zip"], "b.zip"),
        "ensemble": one_file("sum.zip", "ensemble", "--inputs", "../world/b.zip", "../world/b.zip", "--output", "out/sum.zip"),
        "index build": lambda name: Scenario(name, ["index", "build", "--embeddings", "../world/b.zip", "--records", "../world/data/test_b", "--output", "out/index", "--quiet"], world.base(name), folders="index", once=True),
        "dedup": one_file("groups.tsv", "dedup", "--embeddings", "../world/b.zip", "--threshold", "0.5", "--output", "out/groups.tsv"),
        "export": one_file("mix.onnx", "export", "--checkpoint", "../world/mix", "--onnx", "out/mix.onnx"),
        "report": one_file("report.html", "report", "../world/run", "--output", "out/report.html"),
        "inspect --step": one_file("step.safetensors", "inspect", "--step", "--checkpoint", "../world/mix", "--records", "../world/data/test_b", "--output", "out/step.safetensors"),
        "convert": convert,
        "data import": lambda name: Scenario(name, import_of("table"), world.base(name), folders="own"),
        "data import, --collect": lambda name: joined(name, import_of("table"), folders="own"),
        "data synth": lambda name: Scenario(name, [*synth, "out/data", "--videos", "20", "--test-videos", "10", "--quiet"], world.base(name), folders="data", once=True),
        "data folds": lambda name: Scenario(name, ["data", "folds", *data, "--output-dir", "out/folds", "--quiet"], world.base(name, "folds/fold-1.train.txt")),
        "kernels compile": compile_kernels,
        "reproduce": reproduce,
        "data import, 620 MB": large_import,
        "data import, shard of 620 MB": shard_of_import,
        "pretrain on CUDA": cuda,
    }
    for name, make in made.items():
        if all(word in name for word in only.split()) and kind in ONLY.get(name, ("calls", "kills")):
            yield make(name)
