"""Times all peers in the way of `videosim kernels bench`: one call at a time between two events, with a cold L2 cache.
The result is the median with the 10th and 90th percentile.

Each variant is timed in two ways, as a plain call and as a CUDA graph. The faster one counts. A graph saves Python's
own time, but for a single kernel its start takes longer than a launch. Graphs come after the plain calls of all
variants, because later work in PyTorch may fail after a failed capture.

L2 is flushed by reading a buffer of twice its size. A fill would leave modified lines in the cache. The timed kernel
would then wait until they are written to memory: up to 50 MB on an H100, 15 us of a kernel of 34 us.

On the CPU (`--device cpu`, to try a peer) a clock replaces the events, without graphs and without a flush.
"""

import argparse
import contextlib
import importlib
import json
import os
import signal
import statistics
import stat
import sys
import threading
import time


def give_up(line):
    print(line, file=sys.stderr)
    sys.exit(3)


try:
    import torch
except (ImportError, OSError):  # OSError: a library that it needs is missing
    give_up("no torch: install it with 'python3 -m pip install torch', or put a python3 that has it first on PATH")

with contextlib.suppress(ImportError):
    from torch._functorch import config

    # A compiled backward then does not change the saved tensors of its forward, and can run again. PyTorch has this
    # setting since 2.6.
    if hasattr(config, "donated_buffer"):
        config.donated_buffer = False

from _machine import about_gpu, about_machine

WARM_UP, FEWEST_SAMPLES, MOST_SAMPLES, TRIAL_SAMPLES = 3, 10, 300, 5
TEXT = 300  # most characters of an error


class Peer:
    """Measures variants one by one. The result of a failed variant is its error, and the next one runs. The output
    is one JSON document on stdout. A file is written again after every variant. A pipe is written at the end or at
    SIGTERM."""

    def __init__(self, description, **sizes):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--device", default="cuda")
        parser.add_argument("--seconds", type=float, default=0.2, help="for the samples of one way of one variant")
        for name, value in sizes.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
        self.options = parser.parse_args()
        self.device = torch.device(self.options.device)
        self.cuda = self.device.type == "cuda"
        if self.cuda and not torch.cuda.is_available():
            give_up("no CUDA device")
        self.about = {"torch": torch.__version__, "cuda": torch.version.cuda, **vars(self.options), **about_machine(), "gpu": None}
        self.results, self.calls, self.lost = {}, {}, None
        self.lock, self.written = threading.RLock(), False
        if self.cuda:
            self.about |= about_gpu(torch.cuda.get_device_name())
            level2 = getattr(torch.cuda.get_device_properties(self.device), "L2_cache_size", 64 << 20)
            self.flushing = torch.zeros(2 * level2 // 4, device=self.device)
            self.side = torch.cuda.Stream()  # a capture needs the stream on which autograd built its graph
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = True

    def __enter__(self):
        self.output = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)  # output of libraries goes to stderr
        self.rewrites = stat.S_ISREG(os.fstat(self.output.fileno()).st_mode)
        end_at_signal(lambda number: self.write(complete=False, error=f"stopped by {signal.Signals(number).name}"))
        return self

    def __exit__(self, kind, error, _):
        if error is None:
            self.graphs()
        self.write(complete=error is None, error=error and f"{kind.__name__}: {error}"[:TEXT])

    def write(self, complete, error=None):
        """Writes the results up to now. The last call has `complete` or an error."""
        last = bool(complete or error)
        with self.lock:
            if self.written or not (self.rewrites or last):
                return
            if self.rewrites:
                self.output.seek(0)
                self.output.truncate()
            json.dump({**self.about, "complete": complete, "error": error, "results": self.results}, self.output, indent=1)
            print(file=self.output, flush=True)
            self.written = last

    def has(self, name, module):
        """Whether the module that the variants of a name need can be imported. If not, they have one result: why."""
        try:
            importlib.import_module(module)
            return True
        except Exception as error:  # not installed, or its own import fails
            self.keep(name, {"error": f"not measured, {error}"[:TEXT]})
            return False

    def variant(self, name, make, trial=False):
        """Times a plain call of the function that `make` returns, alone or in a pair with a dictionary of facts
        about it. Returns whether that worked. `graphs` calls the function again later, so its data must not change.
        A trial has few samples and no graph."""
        result = {"error": self.lost} if self.lost else self.measure(name, make, trial)
        self.keep(name, result)
        return "error" not in result

    def graphs(self):
        """Times all variants so far as CUDA graphs."""
        calls, self.calls = self.calls, {}
        for name, call in calls.items():
            ways = {**self.results[name]["ways"], "graph": {"error": self.lost} if self.lost else self.measure_graph(name, call)}
            self.keep(name, {**self.results[name], **faster(ways)})

    def keep(self, name, result):
        with self.lock:
            self.results[name] = result
            self.write(complete=False)

    def measure(self, name, make, trial):
        try:
            made = make()
            call, facts = made if isinstance(made, tuple) else (made, {})
            with self.on_side():
                ways = {"call": self.statistics(call, TRIAL_SAMPLES if trial else MOST_SAMPLES)}
            if self.cuda and not trial:
                self.calls[name] = call
            return {**faster(ways), **facts}
        except Exception as error:  # a version of PyTorch without one feature still measures the others
            return fault(error)
        finally:
            self.clean_up(name)

    def measure_graph(self, name, call):
        try:
            with self.on_side():
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, stream=self.side):
                    call()
                return self.statistics(graph.replay, MOST_SAMPLES)
        except Exception as error:  # some work cannot be captured, such as a wait for the device
            return fault(error)
        finally:
            self.clean_up(name)

    def on_side(self):
        if not self.cuda:
            return contextlib.nullcontext()
        self.side.wait_stream(torch.cuda.current_stream())
        return torch.cuda.stream(self.side)

    def clean_up(self, name):
        """After some errors a GPU does not work until the process ends. The other variants are then not tried. An
        error here alone is no proof of that: after a failed capture the cache cannot be emptied, but kernels run."""
        if not self.cuda:
            return
        try:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        except Exception:
            try:
                self.flushing[0].item()
            except Exception as error:
                self.lost = f"not run, the device was lost in '{name}': {error}"[:TEXT]

    def statistics(self, run, most):
        timed = self.timed_by_events if self.cuda else self.timed_by_clock
        for _ in range(WARM_UP):
            timed(run)
        times, start = [], time.perf_counter()
        while len(times) < most and (len(times) < FEWEST_SAMPLES or time.perf_counter() - start < self.options.seconds):
            times.append(timed(run))
        times.sort()
        at = lambda share: times[round(share * (len(times) - 1))]
        return {"median": statistics.median(times), "p10": at(0.1), "p90": at(0.9), "samples": len(times)}

    def timed_by_events(self, run):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self.flushing.sum()
        start.record()
        run()
        end.record()
        end.synchronize()
        return 1e3 * start.elapsed_time(end)

    def timed_by_clock(self, run):
        start = time.perf_counter()
        run()
        return 1e6 * (time.perf_counter() - start)

    def random(self, *shape, dtype=torch.bfloat16, grad=False, scale=1.0):
        return (scale * torch.randn(*shape, device=self.device)).to(dtype).requires_grad_(grad)


def fault(error):
    return {"error": f"{type(error).__name__}: {error}"[:TEXT]}


def faster(ways):
    """The way with the smaller median and its name, and both ways."""
    way = min((way for way in ways if "median" in ways[way]), key=lambda way: ways[way]["median"])
    return {**ways[way], "way": way, "ways": ways}


def end_at_signal(finish):
    """At SIGTERM or SIGINT calls `finish` with the signal's number and ends the process. This also works while the
    main thread waits for a GPU that hangs: Python runs its handlers only in the main thread, but it writes this pipe
    at once."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def wait():
        number = os.read(read, 1)[0]
        finish(number)
        os._exit(128 + number)

    threading.Thread(target=wait, daemon=True).start()


def both_ways(forward, inputs, gradient):
    """A call of forward and backward. `gradient` is the gradient of the output; None if the output is a loss."""
    return lambda: torch.autograd.grad(forward(), inputs, gradient)


def backward_only(forward, inputs, gradient):
    """A call of backward alone, with the saved tensors of one forward. The first call decides on the stream."""
    kept = []

    def call():
        if not kept:
            kept.append(forward())
        return torch.autograd.grad(kept[0], inputs, gradient, retain_graph=True)

    return call
