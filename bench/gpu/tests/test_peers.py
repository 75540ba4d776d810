"""Tests of the peers' times and output, with a stand-in for PyTorch: python3 -m unittest discover -s
bench/gpu/tests"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

PEERS = pathlib.Path(__file__).parents[1] / "peers"
SCRIPTS = sorted(path for path in PEERS.glob("*.py") if not path.name.startswith("_"))

# Takes the place of Peer and records the variants of a script.
RECORDER = """
import json, types
from unittest.mock import MagicMock
import torch
class Recorder:
    def __init__(self, *_, **sizes):
        self.options, self.device, self.results, self.made, self.order = types.SimpleNamespace(**sizes), None, {}, {}, []
        Recorder.last = self
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def random(self, *shape, dtype="bf16", **_): return MagicMock(permute=lambda *_: shape[:3]) if len(shape) > 3 else (dtype,)
    def variant(self, name, make, trial=False):
        self.order.append(name + (", trial" if trial else ""))
        self.results[name] = {"median": len(self.results)}
        if not trial and self.makes: self.made[name] = make()
        return True
    def graphs(self): self.order.append("graphs")
    def has(self, name, module): return True
"""

# The part of PyTorch that _timing.py calls. Each piece of work advances a clock; `order` is the work of the stream.
TORCH = """
import contextlib, os, sys, types

order, now, broken, stuck, capturing, graph_microseconds = [], [0.0], [], [], [], [5]
__version__, bfloat16, float32 = "0", "bf16", "f32"
class Tensor:
    def sum(self): order.append("read")
    def __getitem__(self, index): return self
    def item(self): synchronize()
def work(name, microseconds):
    order.append(name)
    now[0] += 1e-3 * microseconds
class Event:
    def __init__(self, enable_timing): pass
    def record(self): self.at = now[0]
    def synchronize(self): pass
    def elapsed_time(self, end): return end.at - self.at
class Stream:
    def wait_stream(self, other): pass
    def synchronize(self): pass
class CUDAGraph:
    def replay(self): work("replay", graph_microseconds[0])
def synchronize():
    if broken: raise RuntimeError("an illegal memory access was encountered")
def empty_cache():
    if stuck: raise RuntimeError("captures_underway.empty() INTERNAL ASSERT FAILED")
@contextlib.contextmanager
def graph(graph, stream):
    empty_cache()
    capturing.append(1)
    try: yield
    except Exception:
        stuck.append(1)
        raise
    finally: capturing.pop()
version = types.SimpleNamespace(cuda="13.0")
device = lambda name: types.SimpleNamespace(type=name)
zeros = lambda count, device: Tensor()
manual_seed = lambda seed: None
backends = types.SimpleNamespace(cuda=types.SimpleNamespace(matmul=types.SimpleNamespace()))
cuda = types.SimpleNamespace(is_available=lambda: "NO_GPU" not in os.environ, get_device_name=lambda: "stand-in", get_device_properties=lambda device: types.SimpleNamespace(L2_cache_size=64),
    Event=Event, Stream=Stream, CUDAGraph=CUDAGraph, graph=graph, synchronize=synchronize, empty_cache=empty_cache, current_stream=Stream, stream=lambda side: contextlib.nullcontext())
nn = types.ModuleType("torch.nn")
nn.Module, nn.functional = object, types.ModuleType("torch.nn.functional")
sys.modules |= {"torch.nn": nn, "torch.nn.functional": nn.functional}
"""


class PeerTests(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.root = pathlib.Path(holder.name)
        (self.root / "torch.py").write_text(TORCH)
        self.output = self.root / "peer.json"

    def environment(self, **more):
        return {**os.environ, "PYTHONPATH": f"{self.root}:{PEERS}", "PATH": f"{self.root}:{os.environ['PATH']}", **more}

    def start(self, body, output=None, before="", after=""):
        """Starts a peer with the variants in `body`. Its stdout is the file."""
        script = self.root / "peer.py"
        script.write_text(textwrap.dedent(before) + "import os, time, torch\nfrom _timing import Peer\nwith Peer('') as peer:\n" + textwrap.indent(textwrap.dedent(body), "    ") + "\n" + after)
        with open(self.output, "w") as file:
            process = subprocess.Popen([sys.executable, script, "--seconds", "0"], stdout=output or file, stderr=subprocess.PIPE, text=True, env=self.environment())
        limit = threading.Timer(20, process.kill)
        limit.start()
        self.addCleanup(limit.cancel)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def results(self, body, before=""):
        process = self.start(body, before=before)
        errors = process.communicate()[1]
        self.assertEqual((process.returncode, errors), (0, ""))
        return json.loads(self.output.read_text())

    def wait_for(self, text):
        for _ in range(500):
            if text in self.output.read_text():
                return
            time.sleep(0.02)
        self.fail(f"'{text}' did not come: {self.output.read_text()}")

    def test_without_torch_or_gpu_each_script_says_so_and_ends_with_3(self):
        self.assertEqual(len(SCRIPTS), 7)
        for torch, more, line in (("raise ImportError", {}, "no torch: install it with 'python3 -m pip install torch', or put a python3 that has it first on PATH\n"),
                                  (TORCH, {"NO_GPU": "1"}, "no CUDA device\n")):
            (self.root / "torch.py").write_text(torch)
            for script in SCRIPTS:
                with self.subTest(script=script.name, line=line):
                    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=self.environment(**more))
                    self.assertEqual((done.returncode, done.stdout, done.stderr), (3, "", line))

    def test_each_variant_is_timed_both_ways_and_the_faster_counts(self):
        results = self.results("""
            def work(call, graph):
                return lambda: torch.graph_microseconds.__setitem__(0, graph) if torch.capturing else torch.work("call", call)
            peer.variant("launches cost", lambda: work(8, 5))
            peer.variant("the graph costs", lambda: (work(8, 9), {"mask": True}))
            """)["results"]
        self.assertEqual([(round(result["median"]), result["way"], round(result["ways"]["call"]["median"]), round(result["ways"]["graph"]["median"])) for result in results.values()],
                         [(5, "graph", 8, 5), (8, "call", 8, 9)])
        self.assertTrue(results["the graph costs"]["mask"])

    def test_what_cannot_be_captured_counts_as_a_call(self):
        results = self.results("""
            def call():
                if torch.capturing: raise RuntimeError("not permitted when stream is capturing")
                torch.work("call", 8)
            peer.variant("waits", lambda: call)
            """)["results"]
        self.assertEqual((round(results["waits"]["median"]), results["waits"]["way"]), (8, "call"))
        self.assertIn("not permitted", results["waits"]["ways"]["graph"]["error"])

    def test_cache_is_flushed_by_reading_before_every_timed_call(self):
        results = self.results("""
            peer.variant("one", lambda: lambda: torch.work("call", 8) if not torch.capturing else None)
            peer.graphs()
            timed = torch.order
            assert timed[-1] == "replay"
            assert set(timed[0::2]) == {"read"} and "read" not in timed[1::2], timed
            """)
        self.assertTrue(results["complete"])

    def test_an_error_is_a_result_and_the_next_variant_runs(self):
        results = self.results("""
            def fails(): raise ValueError("not in this version")
            peer.variant("first", lambda: fails)
            peer.variant("second", lambda: lambda: None)
            """)
        self.assertEqual(results["results"]["first"], {"error": "ValueError: not in this version"})
        self.assertIn("median", results["results"]["second"])
        self.assertTrue(results["complete"])

    def test_a_missing_module_is_the_result_of_its_variants(self):
        results = self.results("""
            assert peer.has("fine", "json") and not peer.has("absent", "no_such_module")
            peer.variant("next", lambda: lambda: None)
            """)["results"]
        self.assertEqual(list(results), ["absent", "next"])
        self.assertEqual(results["absent"], {"error": "not measured, No module named 'no_such_module'"})

    def test_after_a_lost_device_no_variant_is_tried(self):
        results = self.results("""
            def breaks():
                torch.broken.append(1)
                torch.cuda.synchronize()
            peer.variant("breaks", lambda: breaks)
            peer.variant("next", lambda: lambda: os._exit(1))
            """)["results"]
        self.assertEqual(results["breaks"]["error"], "RuntimeError: an illegal memory access was encountered")
        self.assertEqual(results["next"]["error"], "not run, the device was lost in 'breaks': an illegal memory access was encountered")

    def test_a_capture_that_fails_costs_no_plain_call(self):
        """After it PyTorch still captures: its cache cannot be emptied, and no other graph can begin."""
        results = self.results("""
            def first():
                if torch.capturing: raise RuntimeError("not permitted when stream is capturing")
                torch.work("call", 8)
            def second():
                if torch.stuck: raise RuntimeError("Offset increment outside graph capture encountered unexpectedly")
                torch.work("call", 7)
            peer.variant("first", lambda: first)
            peer.variant("second", lambda: second)
            """)
        self.assertTrue(results["complete"])
        first, second = (results["results"][name] for name in ("first", "second"))
        self.assertEqual([round(first["median"]), round(second["median"])], [8, 7])
        self.assertIn("not permitted", first["ways"]["graph"]["error"])
        self.assertIn("INTERNAL ASSERT", second["ways"]["graph"]["error"])

    def test_a_clean_up_that_fails_loses_no_device(self):
        results = self.results("""
            peer.variant("first", lambda: lambda: torch.stuck.append(1))
            peer.variant("second", lambda: lambda: torch.work("call", 7))
            """)["results"]
        self.assertEqual(round(results["second"].get("median", 0)), 7)

    def test_a_trial_has_few_samples_and_no_graph(self):
        trial = self.results("""peer.variant("trial", lambda: lambda: torch.work("call", 7), trial=True)""")["results"]["trial"]
        self.assertEqual((round(trial["median"]), trial["samples"], list(trial["ways"])), (7, 5, ["call"]))

    def test_a_compiled_backward_can_run_twice(self):
        """PyTorch 2.6 and later need donated buffers off for retain_graph. Earlier versions have no such setting."""
        results = self.results("""
            from _timing import backward_only
            def grad(output, inputs, gradient, retain_graph):
                if functorch.donated_buffer: raise RuntimeError("compiled with non-empty donated buffers which requires retain_graph=False")
            torch.autograd = types.SimpleNamespace(grad=grad)
            peer.variant("compiled backward", lambda: backward_only(lambda: 0, (), None))
            """, before="""
            import sys, types
            functorch = types.SimpleNamespace(donated_buffer=True)
            sys.modules["torch._functorch"] = types.SimpleNamespace(config=functorch)
            """)["results"]
        self.assertNotIn("error", results["compiled backward"])

    def recorded(self, script, body):
        """The output of `body` after a script of the peers ran without timing."""
        done = subprocess.run([sys.executable, "-c", RECORDER + f"import {script}\n{script}.Peer = Recorder\n" + textwrap.dedent(body)], capture_output=True, text=True, env=self.environment())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_steps_of_the_goals_come_before_what_takes_long(self):
        order = self.recorded("encoder_step", """
            torch.ones_like = encoder_step.Batch = MagicMock()
            Recorder.makes = False
            encoder_step.main()
            print(json.dumps(Recorder.last.order))
            """)
        trials = [name for name in order if name.endswith(", trial")]
        self.assertEqual((order[:len(trials)], len(trials) <= 3), (trials, True))
        at = lambda pattern: [place for place, name in enumerate(order) if re.match(pattern, name)]
        groups = [at("eager reference"), at("compiled.*(weights|autocast)$"), at("graphs"), at("eager granted"), at("compiled.*max-autotune$")]
        self.assertEqual([len(group) for group in groups], [2, 4, 1, 2, 4])
        self.assertEqual(sum(groups, []), list(range(len(trials), len(order))))

    def test_what_is_captured_later_works_on_the_same_numbers(self):
        types = self.recorded("asl", """
            torch.rand = lambda *_, **__: MagicMock(__lt__=lambda *_: MagicMock())
            torch.compile = lambda run, dynamic: run
            asl.asymmetric = asl.optimised = lambda logits, labels: logits
            asl.consistency = lambda logits: ()
            asl.by_triton = lambda logits, labels, consistent: lambda: 2 * logits
            asl.both_ways = lambda forward, inputs, gradient: lambda: (forward()[0], inputs[0][0])
            Recorder.makes = True
            asl.main()
            print(json.dumps({name: call() for name, call in Recorder.last.made.items()}))
            """)
        self.assertEqual(len(types), 16)
        for name, both in types.items():
            self.assertEqual(both, 2 * ["f32" if "fp32" in name else "bf16"], name)

    def test_result_says_where_it_comes_from(self):
        tool = self.root / "nvidia-smi"
        tool.write_text("#!/bin/sh\necho '580.65, 1980 MHz, 2619 MHz, 301.50 W, 41'\n")
        tool.chmod(0o755)
        about = self.results("pass")
        self.assertEqual([about[key] for key in ("torch", "cuda", "gpu", "driver")], ["0", "13.0", "stand-in", "580.65"])
        self.assertEqual(about["clocks"], {"clocks.sm": "1980 MHz", "clocks.mem": "2619 MHz", "power.draw": "301.50 W", "temperature.gpu": "41"})
        for key in ("date", "machine", "processor"):
            self.assertTrue(about[key])

    def test_stopped_while_a_gpu_hangs_keeps_what_it_has(self):
        # The main thread waits for a lock of C that is never released. Python's own handlers would never run.
        process = self.start("""
            import ctypes
            def hang():
                mutex = ctypes.create_string_buffer(64)
                print("hangs", flush=True)
                for _ in range(2):
                    ctypes.CDLL(None).pthread_mutex_lock(mutex)
            peer.variant("first", lambda: lambda: None)
            peer.variant("hangs", lambda: hang)
            """)
        self.assertEqual(process.stderr.readline(), "hangs\n")
        process.terminate()
        self.assertEqual(process.wait(10), 128 + signal.SIGTERM)
        results = json.loads(self.output.read_text())
        self.assertEqual((list(results["results"]), results["complete"], results["error"]), (["first"], False, "stopped by SIGTERM"))

    def test_stopped_with_a_pipe_writes_one_document(self):
        process = self.start("""
            peer.variant("first", lambda: lambda: None)
            print("a library's line", flush=True)
            time.sleep(60)
            """, output=subprocess.PIPE)
        self.assertEqual(process.stderr.readline(), "a library's line\n")
        process.terminate()
        output = process.communicate()[0]
        self.assertEqual((list(json.loads(output)["results"]), process.returncode), (["first"], 143))

    def test_stopped_after_its_end_is_complete(self):
        process = self.start("peer.variant('first', lambda: lambda: None)", after="time.sleep(60)")
        self.wait_for('"complete": true')
        process.terminate()
        process.wait()
        self.assertTrue(json.loads(self.output.read_text())["complete"])

    def test_killed_leaves_what_the_variants_before_wrote(self):
        process = self.start("""
            peer.variant("first", lambda: lambda: None)
            time.sleep(60)
            """)
        self.wait_for('"first"')
        process.kill()
        process.wait()
        self.assertEqual(list(json.loads(self.output.read_text())["results"]), ["first"])


if __name__ == "__main__":
    unittest.main()
