"""Tests of bench/gpu/compare.py, with results made here: python3 -m unittest discover -s bench/gpu/tests"""

import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

COMPARE = pathlib.Path(__file__).parents[1] / "compare.py"
sys.path.append(str(COMPARE.parent))

import goals

README = pathlib.Path(__file__).parents[2] / "results" / "README.md"
# Titles of goals.
NORM, EXACT, STEPS = "LayerNorm forward", "attention's bits and errors", "every training step, at most 1.25 times its serial floor"
UNITER, PEAK = "Uniter's pretraining step against PyTorch's", "Uniter's pretraining step, share of the card's bf16 peak"
H100, OTHER = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-80GB"
RATES = {"copy_bytes_per_second": 3e12, "flops_per_second": 8e14, "empty_microseconds": 2.0}


def row(entry, launch, microseconds, bytes=100e6, flops=1e9, error=None, is_finite=True):
    """A row of a kernel bench. 100 MB take 33.3 us at 3 TB/s."""
    time = microseconds and {"median": microseconds, "p10": microseconds, "p90": microseconds, "samples": 10}
    return {"entry": entry, "launch": launch, "is_of_step": True, "microseconds": time, "bytes": bytes, "flops": flops, "floor_microseconds": None, "error": error, "is_finite": is_finite}


def bench(*rows, device=f"cuda:0 {H100}", emulated=False, rates=RATES, complete=True):
    return {"device": device, "emulated": emulated, "preset": "reference", "date": "2026-12-01T10:00:00Z", "commit": "abc", "machine": "box", "processor": "cpu", "driver": "580",
            "rates": rates, "complete": complete, "kernels": list(rows)}


def step(model, stage, milliseconds, batch=256, device=f"cuda:0 {H100}", preset="reference"):
    kernels = [{"entry": "matmul", "launches": 300, "microseconds": 14000, "flops": 8.6e12, "bytes": 10e9},
               {"entry": "gelu_backward_bf16", "launches": 12, "microseconds": 5000, "flops": 2e10, "bytes": 3.6e9}]
    return {"model": model, "stage": stage, "preset": preset, "device": device, "batch": batch, "median_milliseconds": milliseconds, "launches": 420, "kernels": kernels,
            "date": "2026-12-01T09:00:00Z", "complete": True}


def peer(gpu=H100, **results):
    return {"torch": "2.11", "cuda": "13.0", "gpu": gpu, "date": "2026-12-01T11:00:00Z", "complete": True,
            "results": {name.replace("_", " "): {"median": time} if isinstance(time, (int, float)) else time for name, time in results.items()}}


def norms(forward, **facts):
    return bench(row("layer_norm_forward_bf16", "uniter pretrain bf16, batch 256", forward, **facts))


def write(folder, files):
    for name, content in files.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


class CompareTests(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        self.folder = self.root / "one"
        self.folder.mkdir()

    def run_on(self, *paths):
        done = subprocess.run([sys.executable, COMPARE, *map(str, paths)], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def goal(self, text, title):
        """Verdict and conditions of a goal."""
        return re.search(rf"^\| {re.escape(title)} \| (met|missed|not measured) \| (.*) \|$", text, re.M).groups()

    def test_nothing_is_not_measured(self):
        text = self.run_on(self.folder)
        self.assertIn("Not measured: 13 of 13 goals.", text)
        self.assertEqual(self.goal(text, "loss of masked tokens"), ("not measured", "copy rate at least 75 %"))

    def test_faster_than_all_conditions_is_met(self):
        write(self.folder, {"bench-1-uniter.json": norms(40), "bench-2-uniter.json": norms(38), "peer-layernorm-1.json": peer(eager_forward=170, compiled_forward=45)})
        verdict, conditions = self.goal(self.run_on(self.folder), NORM)
        self.assertEqual(verdict, "met")
        self.assertIn("copy rate at least 80 %: 83 %", conditions)  # 33.3 us by the slower round's 40
        self.assertIn("compiled PyTorch at least 1.1x: 1.12x (compiled forward)", conditions)

    def test_slower_is_missed_and_names_the_limiter(self):
        write(self.folder, {"bench-1-uniter.json": norms(50), "peer-layernorm-1.json": peer(eager_forward=170, compiled_forward=45)})
        verdict, conditions = self.goal(self.run_on(self.folder), NORM)
        self.assertEqual(verdict, "missed")
        self.assertIn("limiter: bytes at the copy rate take 33.3 of 50.0 us", conditions)

    def test_far_from_all_floors_names_none_of_them(self):
        write(self.folder, {"bench-1-uniter.json": norms(100)})
        self.assertIn("limiter: instructions or latency, which are not counted: of the counted ones bytes at the copy rate take 33.3 of 100.0 us", self.goal(self.run_on(self.folder), NORM)[1])

    def test_peer_missing_leaves_the_goal_unmeasured(self):
        write(self.folder, {"bench-1-uniter.json": norms(40)})
        verdict, conditions = self.goal(self.run_on(self.folder), NORM)
        self.assertEqual(verdict, "not measured")
        self.assertIn("copy rate at least 80 %: 83 %; compiled PyTorch at least 1.1x: not measured", conditions)

    def test_faulty_rows_are_listed_and_not_used(self):
        for facts, reason in (({"is_finite": False}, "losses of its step are not finite"), ({"error": "cuLaunchKernel: 716"}, "cuLaunchKernel: 716")):
            with self.subTest(reason):
                write(self.folder, {"bench-1-uniter.json": norms(40, **facts), "bench-2-uniter.json": norms(None)})
                text = self.run_on(self.folder)
                self.assertEqual(self.goal(text, NORM)[0], "not measured")
                self.assertIn(f"- bench-1-uniter.json, layer_norm_forward_bf16 of uniter pretrain bf16, batch 256: {reason}", text)
                self.assertIn("- bench-2-uniter.json, layer_norm_forward_bf16 of uniter pretrain bf16, batch 256: no time", text)

    def test_no_rates_leave_shares_unmeasured(self):
        write(self.folder, {"bench-1-uniter.json": {**norms(40), "rates": None}, "peer-layernorm-1.json": peer(eager_forward=170, compiled_forward=45)})
        self.assertIn("copy rate at least 80 %: not measured; compiled PyTorch at least 1.1x: 1.12x", self.goal(self.run_on(self.folder), NORM)[1])

    def test_faulty_steps_and_files_are_listed_and_not_used(self):
        failed = {**step("mix", "pretrain", 10), "error": "cuGraphLaunch: 700"}
        write(self.folder, {"step-mix-pretrain.json": failed, "step-mix-finetune.json": {**step("mix", "finetune", 10), "is_finite": False},
                            "step-uniter-pretrain.json": step("uniter", "pretrain", None), "step-uniter-finetune.json": "", "bench-1-mix.json": [], "peer-asl-1.json": {"gpu": H100}})
        text = self.run_on(self.folder)
        self.assertEqual(self.goal(text, STEPS)[0], "not measured")
        for line in ("step-mix-pretrain.json: cuGraphLaunch: 700", "step-mix-finetune.json: no time, or losses that are not finite", "step-uniter-pretrain.json: no time, or losses that are not finite",
                     "step-uniter-finetune.json: cannot be read, Expecting value", "bench-1-mix.json: cannot be read, the whole is [], not an object", "peer-asl-1.json: cannot be read, there is no results"):
            self.assertIn(f"- {line}", text)

    def test_one_odd_file_is_listed_and_all_others_are_used(self):
        whole, kernel, times = step("uniter", "pretrain", 18), norms(40), peer(eager_forward=170, compiled_forward=46)
        lacking = {key: value for key, value in whole.items() if key != "batch"}
        rows = lambda **facts: {**kernel, "kernels": [{**kernel["kernels"][0], **facts}]}
        cases = [("step", {**whole, "median_milliseconds": "22"}, "median_milliseconds is '22', not a number above 0 or null"), ("step", lacking, "there is no batch"),
                 ("step", {**whole, "median_milliseconds": float("nan")}, "median_milliseconds is nan"), ("step", {**whole, "median_milliseconds": 0}, "median_milliseconds is 0"),
                 ("step", {**whole, "kernels": None}, "kernels is None, not a list"), ("step", {**whole, "kernels": [7]}, "row 1 of kernels is 7, not an object"),
                 ("step", {**whole, "kernels": [{**whole["kernels"][0], "microseconds": None}]}, "row 1 of kernels, microseconds is None, not a number"),
                 ("step", {**whole, "launches": None}, "launches is None"), ("step", {**whole, "date": 20261201}, "date is 20261201, not text or null"), ("step", {**whole, "model": []}, "model is []"),
                 ("bench", {**kernel, "rates": {"copy_bytes_per_second": 3e12}}, "rates, there is no flops_per_second"), ("bench", {**kernel, "kernels": [None]}, "row 1 of kernels is None"),
                 ("bench", rows(microseconds={"median": "40"}), "microseconds, median is '40'"), ("bench", rows(microseconds=40), "microseconds is 40, not an object"),
                 ("bench", rows(bytes=None), "bytes is None"), ("bench", rows(flops=float("inf")), "flops is inf"), ("bench", rows(entry=None), "entry is None, not text"),
                 ("bench", {**kernel, "device": None}, "device is None, not text"), ("peer", {**times, "results": {"eager forward": {"median": "170"}}}, "median is '170', not a number above 0"),
                 ("peer", {**times, "results": {"eager forward": 170}}, "eager forward is 170, not an object"), ("peer", {**times, "results": {"eager forward": {}}}, "there is no median")]
        names = {"step": "step-uniter-pretrain.json", "bench": "bench-1-uniter.json", "peer": "peer-layernorm-1.json"}
        whole_files = {"step-mix-pretrain.json": step("mix", "pretrain", 20), "bench-2-uniter.json": norms(41), "peer-layernorm-2.json": times}
        for kind, report, reason in cases:
            with self.subTest(f"{kind}: {reason}"):
                for file in self.folder.iterdir():
                    file.unlink()
                write(self.folder, {**whole_files, names[kind]: report})
                text = self.run_on(self.folder)
                self.assertRegex(text, rf"(?m)^- {names[kind]}.*{re.escape(reason)}")
                self.assertEqual(self.goal(text, NORM)[0], "met")
                self.assertIn("| mix pretrain | 20.00 |", text)
                self.assertIn("| uniter pretrain | not measured |" if kind == "step" else "", text)

    def test_the_emulator_is_no_measurement(self):
        emulated = {**norms(40), "emulated": True}
        write(self.folder, {"bench-1-uniter.json": emulated, "step-uniter-pretrain.json": step("uniter", "pretrain", 16, device="cuda:0 emulator"), "peer-layernorm-1.json": peer(gpu=None, eager_forward=1),
                            "bench-1-mix.json": {**norms(40), "device": "cpu, 2 threads"}})
        text = self.run_on(self.folder)
        self.assertIn("## No result of a GPU", text)
        self.assertIn("Not measured: 13 of 13 goals.", text)
        for line in ("bench-1-uniter.json: of the emulator, no measurement", "step-uniter-pretrain.json: of the emulator, no measurement", "peer-layernorm-1.json: not of a GPU",
                     "bench-1-mix.json: not of a GPU"):
            self.assertIn(f"- {line}", text)

    def test_two_inputs_are_one_run(self):
        second = self.root / "results.tgz"
        write(self.folder, {"bench-1-uniter.json": norms(40)})
        self.pack(second, {"./peer-layernorm-1.json": peer(eager_forward=170, compiled_forward=45)})
        text = self.run_on(self.folder, second)
        self.assertEqual(self.goal(text, NORM)[0], "met")
        self.assertIn(f"## 2026-12-01, {H100}", text)

    def test_both_archives_unpacked_as_the_readme_says_give_what_they_gave(self):
        """Both have files with the same names. Clocks, tests and checks of both count."""
        check = "| attention_forward_d64_s64_bf16 | B {} | context | 1E-3 | 8E-3 | 0.125 | equal | right |\n"
        parts = [{"clocks.csv": f"clocks.current.sm [MHz]\n{clock} MHz\n", "device-tests.tsv": f"DeterminismTests\t{passed}\t0\t0\t0\n", "check-attention.txt": check.format(passed)}
                 for clock, passed in ((345, 7), (1980, 30))]
        parts[0]["step-uniter-pretrain.json"], parts[1]["bench-1-uniter.json"] = step("uniter", "pretrain", 18), norms(40)
        for number, files in enumerate(parts, 1):
            (self.root / f"OUT{number}").mkdir()
            self.pack(self.root / f"OUT{number}" / "results.tgz", {f"./{name}": content for name, content in files.items()})
        text = self.run_on(self.root / "OUT1" / "results.tgz", self.root / "OUT2" / "results.tgz")
        self.assertIn("| clock of multiprocessors | 345 / 1162 / 1980 MHz", text)
        self.assertEqual(self.goal(text, EXACT), ("met", "equal bits in 100 repeats and at other places of the batch: 37 tests passed, 0 failed; errors against float64 within their bounds: 2 of 2 cases"))

        commands = re.search(r"^ *```bash\n( *run=.*?)^ *```", README.read_text(), re.M | re.S)[1].replace("out", "OUT").replace("bench/gpu/compare.py", f"{sys.executable} {COMPARE}")
        done = subprocess.run(["bash", "-ec", commands], cwd=self.root, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr, done.stdout), (0, "", text))

    def test_netvlad_is_compared_at_its_own_shapes(self):
        """A row of its step at other shapes, in the model's own bench, does not count."""
        launch, entries = "mix pretrain bf16, batch 2048", goals.NETVLAD
        write(self.folder, {"bench-1-netvlad.json": bench(*(row(entry, launch, 10) for entry in entries)), "bench-2-netvlad.json": bench(*(row(entry, launch, 20) for entry in entries)),
                            "bench-1-mix.json": bench(*(row(entry, launch, 1) for entry in entries)),
                            "peer-netvlad-1.json": peer(**{"eager forward": 120, "eager forward, fp32": 240, "eager both": 320, "product both": 7})})
        text = self.run_on(self.folder)
        for line in ("| NetVLAD but for its product, forward | 30.0 / 60.0 | eager forward | 120.0 | 2.00 |", "| NetVLAD but for its product, forward | 30.0 / 60.0 | eager forward, fp32 | 240.0 | 4.00 |",
                     "| NetVLAD but for its product, forward and backward | 80.0 / 160.0 | eager both | 320.0 | 2.00 |"):
            self.assertIn(line, text)

    def test_triton_and_liger_are_beside_ours(self):
        write(self.folder, {"bench-1-uniter.json": norms(40), "bench-1-mix.json": bench(row("asymmetric_tag_loss_consistency_f32", "mix pretrain bf16, batch 256", 30)),
                            "peer-layernorm-1.json": peer(**{"triton forward": 50, "triton backward": {"error": "ArithmeticError: dX is wrong"}, "liger": {"error": "not measured, No module named 'liger_kernel'"}}),
                            "peer-asl-1.json": peer(**{"triton with consistency, fp32": 45})})
        text = self.run_on(self.folder)
        for line in ("| LayerNorm forward | 40.0 | triton forward | 50.0 | 1.25 |", "| tag losses of 4 heads with consistency, fp32 | 30.0 | triton with consistency, fp32 | 45.0 | 1.50 |",
                     "- peer-layernorm-1.json, triton backward: ArithmeticError: dX is wrong", "- peer-layernorm-1.json, liger: not measured, No module named 'liger_kernel'"):
            self.assertIn(line, text)

    def test_two_cards_are_not_compared(self):
        second = self.root / "two"
        second.mkdir()
        write(self.folder, {"bench-1-uniter.json": norms(40)})
        write(second, {"peer-layernorm-1.json": peer(gpu=OTHER, eager_forward=170, compiled_forward=45)})
        text = self.run_on(self.folder, second)
        self.assertIn("**Results of 2 cards.**", text)
        self.assertEqual(self.goal(text, NORM)[0], "not measured")

    def test_one_name_in_two_inputs_is_told(self):
        second = self.root / "two"
        second.mkdir()
        write(self.folder, {"bench-1-uniter.json": norms(50)})
        write(second, {"bench-1-uniter.json": norms(40)})
        text = self.run_on(self.folder, second)
        self.assertIn(f"- bench-1-uniter.json of {self.folder}: {second} also has one", text)
        self.assertIn("copy rate at least 80 %: 83 %", self.goal(text, NORM)[1])

    def test_archive_with_paths_and_links_writes_nothing(self):
        archive = self.root / "results.tgz"
        self.pack(archive, {"../bench-1-uniter.json": norms(20), "bench-2-uniter.json": norms(40)}, link="bench-1-mix.json")
        before = sorted(self.root.rglob("*"))
        self.assertIn("| LayerNorm forward | 40.0 |", self.run_on(archive))
        self.assertEqual(sorted(self.root.rglob("*")), before)

    def test_archive_that_was_cut_gives_what_is_whole(self):
        archive = self.root / "results.tgz"
        noise = "".join(map(str, range(20000)))
        self.pack(archive, {"bench-1-uniter.json": norms(40), "check-a.txt": noise, "step-uniter-pretrain.json": step("uniter", "pretrain", 16)})
        archive.write_bytes(archive.read_bytes()[:-2000])
        text = self.run_on(archive)
        self.assertIn("83 %", self.goal(text, NORM)[1])
        self.assertIn(f"- {archive}, in part: ", text)

    def test_input_that_is_not_there_is_one_line(self):
        done = subprocess.run([sys.executable, COMPARE, self.root / "nowhere"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", f"compare.py: {self.root / 'nowhere'} does not exist\n"))

    def test_steps_are_held_against_fixed_work(self):
        write(self.folder, {"step-uniter-pretrain.json": step("uniter", "pretrain", 18), "step-mix-pretrain.json": step("mix", "pretrain", 20), "step-mix-finetune.json": step("mix", "finetune", 9, preset="micro"),
              "bench-1-uniter.json": norms(40), "peer-encoder_step-1.json": peer(**{"compiled granted, master weights": 24000, "compiled granted, autocast": 30000, "compiled granted, master weights, max-autotune": 23000,
                                                                              "compiled reference, autocast": 40000, "eager reference, master weights": 50000})})
        text = self.run_on(self.folder)
        verdict, conditions = self.goal(text, STEPS)
        self.assertEqual(verdict, "missed")
        self.assertIn("uniter pretrain: 1.25;", conditions)  # 8.66e12 / 8e14 + (7.83e9 + 28 * 105.8e6) / 3e12 = 14.4 ms
        self.assertIn("mix finetune: not measured", conditions)
        self.assertIn("limiter: mix pretrain: of 20.0 ms FLOPs of products 10.8, bytes of kernels 1.2, 420 launches 0.8, bytes of Adam 0.0; most lost in gelu_backward_bf16, 5.0 ms", conditions)
        self.assertIn("step-mix-finetune.json: of the sizes 'micro'", text)
        verdict, conditions = self.goal(text, UNITER)
        self.assertEqual(verdict, "missed")
        self.assertIn("compiled, our rewrites granted at least 1.25x: 1.28x (compiled granted, master weights, max-autotune)", conditions)
        self.assertIn("eager, as the reference has it at least 3x: 2.78x", conditions)
        self.assertEqual(self.goal(text, PEAK), ("met", "at least 45 %: 49 % of 989 TFLOP/s"))

    def test_steps_without_rates_use_an_h100s(self):
        write(self.folder, {"step-uniter-pretrain.json": step("uniter", "pretrain", 18), "step-mix-pretrain.json": step("mix", "pretrain", 20, device=f"cuda:0 {OTHER}")})
        text = self.run_on(self.folder)
        self.assertIn("mix pretrain: not measured", self.goal(text, STEPS)[1])
        self.assertIn("uniter pretrain: 1.25;", self.goal(text, STEPS)[1])
        self.assertIn("| uniter pretrain | 18.00 | 14.5 | 1.25 | not known, the card's rates were not measured |", text)

    def test_bits_and_errors_of_attention(self):
        checks = "| entry | case | worst output | error | bound | error / bound | bits | verdict |\n| --- | --- | --- | ---: | ---: | ---: | --- | --- |\n" \
                 "| attention_backward_d64_s64_bf16 | B 2 | dQ | 1.0E-2 | 8E-3 | 1.250 | equal | look |\n| attention_forward_d64_s64_bf16 | B 2 | context | 1E-3 | 8E-3 | 0.125 | equal | right |\n"
        tests = "name\tpassed\tfailed\tskipped\texit code\nDeterminismTests\t30\t0\t0\t0\n"
        write(self.folder, {"device-tests.tsv": tests, "check-attention.txt": checks})
        text = self.run_on(self.folder)
        self.assertEqual(self.goal(text, EXACT)[0], "not measured")
        self.assertIn(f"- check-attention.txt of {self.folder}: no other result of this input is from a GPU", text)
        write(self.folder, {"clocks.csv": "clocks.current.sm [MHz]\n1980 MHz\n"})
        verdict, conditions = self.goal(self.run_on(self.folder), EXACT)
        self.assertEqual(verdict, "missed")
        self.assertIn("errors against float64 within their bounds: 1 of 2 cases; limiter: attention_backward_d64_s64_bf16, B 2: 1.250 of its bound", conditions)
        write(self.folder, {"check-attention.txt": checks.replace("look", "right")})
        self.assertEqual(self.goal(self.run_on(self.folder), EXACT)[0], "met")
        write(self.folder, {"device-tests.tsv": tests.replace("30\t0\t0\t0", "3\t0\t0\t134")})
        self.assertEqual(self.goal(self.run_on(self.folder), EXACT)[0], "missed")

    def test_a_rehearsal_beside_a_gpu_is_no_measurement(self):
        """On a machine with nvidia-smi, the clocks of its GPU are beside the results of the emulator."""
        other, archive = self.root / "two", self.root / "results.tgz"
        other.mkdir()
        rehearsed = {"rehearsal.txt": "over the emulator: no measurement\n", "device-tests.tsv": "DeterminismTests\t30\t0\t0\t0\n", "clocks.csv": "clocks.current.sm [MHz]\n345 MHz\n",
                     "check-attention.txt": "| attention_forward_d64_s64_bf16 | B 2 | context | 1E-3 | 8E-3 | 0.125 | equal | right |\n", "peer-layernorm-1.json": peer(eager_forward=170)}
        write(self.folder, rehearsed)
        self.pack(archive, {f"./{name}": content for name, content in rehearsed.items()})
        write(other, {"bench-1-uniter.json": norms(40)})
        for path in (self.folder, archive):
            with self.subTest(path.name):
                text = self.run_on(path, other)
                self.assertEqual(self.goal(text, EXACT)[0], "not measured")
                self.assertNotIn("eager forward", text)
                self.assertNotIn("345", text)
                self.assertIn(f"- {path}: a rehearsal over the emulator, no measurement", text)
                self.assertIn("83 %", self.goal(text, NORM)[1])

    def test_clocks_show_their_range(self):
        write(self.folder, {"clocks.csv": "clocks.current.sm [MHz], clocks.current.memory [MHz], power.draw [W], temperature.gpu\n1980 MHz, 2619 MHz, 300.5 W, 40\n345 MHz, 2619 MHz, [N/A], 35\n1755 MHz, 2619 MHz, 650 W, 61\n"})
        text = self.run_on(self.folder)
        self.assertIn("| clock of multiprocessors | 345 / 1755 / 1980 MHz (least, median, most) |", text)
        self.assertIn("| temperature | 35 / 40 / 61 degrees C (least, median, most) |", text)

    def test_readme_has_every_goal_in_the_same_words(self):
        goal = r"^\| ([^|]*) \| (?:met|missed|not measured) \|.*\|$"
        table = r"^\| goal \| verdict \| conditions \|\n(?:\|.*\n)+"
        here, there = (re.findall(goal, re.search(table, text, re.M)[0], re.M) for text in (self.run_on(self.folder), README.read_text()))
        self.assertEqual(len(here), 13)
        self.assertEqual(there, here)

    def pack(self, path, files, link=None):
        with tarfile.open(path, "w:gz") as archive:
            for name, content in files.items():
                data = (content if isinstance(content, str) else json.dumps(content)).encode()
                member = tarfile.TarInfo(name)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            if link:
                member = tarfile.TarInfo(link)
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(member)


if __name__ == "__main__":
    unittest.main()
