"""How all peers are timed, the same as `videosim kernels bench`: one call at a time between two events, the L2 cache flushed before
each by filling a buffer of twice its size, median with the 10th and 90th percentile. Work is captured as a CUDA graph where that
works, so that Python's own time is not part of it. On the CPU, for trying a peer out, a clock and no flush.
"""

import argparse
import json
import signal
import statistics
import sys
import time

import torch

WARM_UP, FEWEST_SAMPLES, MOST_SAMPLES = 3, 10, 300


class Peer:
    """Measures variants one by one; one that fails is named with its error, the others go on. Prints one JSON object at the end,
    also when it is told to stop before."""

    def __init__(self, description, **sizes):
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
        parser.add_argument("--seconds", type=float, default=0.2, help="for the samples of one variant")
        for name, value in sizes.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
        self.options = parser.parse_args()
        self.device = torch.device(self.options.device)
        self.cuda = self.device.type == "cuda"
        self.results = {}
        self.flushed = None
        if self.cuda:
            level2 = getattr(torch.cuda.get_device_properties(self.device), "L2_cache_size", 64 << 20)
            self.flushed = torch.empty(2 * level2, dtype=torch.uint8, device=self.device)
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_tf32 = True

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped before its end"))
        return self

    def __exit__(self, kind, error, _):
        about = {"torch": torch.__version__, **vars(self.options)}
        if self.cuda:
            about["gpu"] = torch.cuda.get_device_name()
        if error is not None:
            about["error"] = f"{kind.__name__}: {error}"[:300]
        json.dump({**about, "results": self.results}, sys.stdout, indent=1)
        print(flush=True)
        return isinstance(error, SystemExit)

    def variant(self, name, make):
        """Times what `make` returns: a function without arguments, or a pair of it and a dictionary of facts about it."""
        try:
            made = make()
            call, facts = made if isinstance(made, tuple) else (made, {})
            self.results[name] = {**self.sample(call), **facts}
        except Exception as error:  # a version without a feature is no reason to lose the others
            self.results[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
            return False
        finally:
            if self.cuda:
                torch.cuda.empty_cache()
        return True

    def sample(self, call):
        if not self.cuda:
            return self.statistics(call, self.timed_by_clock)
        # The stream on which autograd built its graph has to be the one that is captured.
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                call()
            side.synchronize()
            try:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, stream=side):
                    call()
                run, captured = graph.replay, True
            except Exception:  # some work cannot be captured, such as what waits for the device
                torch.cuda.synchronize()
                run, captured = call, False
            result = self.statistics(run, self.timed_by_events)
        torch.cuda.synchronize()
        return {**result, "graph": captured}

    def statistics(self, run, timed):
        for _ in range(WARM_UP):
            timed(run)
        times, start = [], time.perf_counter()
        while len(times) < MOST_SAMPLES and (len(times) < FEWEST_SAMPLES or time.perf_counter() - start < self.options.seconds):
            times.append(timed(run))
        times.sort()
        at = lambda share: times[round(share * (len(times) - 1))]
        return {"median": statistics.median(times), "p10": at(0.1), "p90": at(0.9), "samples": len(times)}

    def timed_by_events(self, run):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self.flushed.zero_()
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


def both_ways(forward, inputs, gradient):
    """A call of forward and backward. `gradient` belongs to the output; None where that is a loss."""
    return lambda: torch.autograd.grad(forward(), inputs, gradient)


def backward_only(forward, inputs, gradient):
    """A call of backward alone, over what one forward kept. Where it is called first decides on its stream."""
    kept = []

    def call():
        if not kept:
            kept.append(forward())
        return torch.autograd.grad(kept[0], inputs, gradient, retain_graph=True)

    return call
