"""Tests of our Triton kernels and of NetVLAD with a stand-in for Triton, and PyTorch on the CPU. If this Python has no
PyTorch, Debian's Python runs the tests."""

import contextlib
import io
import json
import pathlib
import subprocess
import sys
import types
import unittest
from unittest import mock

TESTS, DEBIAN = pathlib.Path(__file__).parent, "/usr/bin/python3"
PEERS = TESTS.parent / "peers"

try:
    import torch
except ImportError:
    torch = None

if torch:
    sys.path[:0] = [str(TESTS), str(PEERS)]
    import triton_standin

    triton_standin.take_place()
    torch.set_num_threads(1)

    import _bounds
    import asl
    import layernorm
    import netvlad

NORM, TAGS = "_triton_layernorm", "_triton_tags"


def kernels(name, old="", new=""):
    """A module of kernels, with a text of its source replaced."""
    source = (PEERS / f"{name}.py").read_text()
    if source.count(old) == 0:
        raise ValueError(f"{name}.py has no '{old}'")
    module = types.ModuleType(name)
    exec(compile(source.replace(old, new), f"{name}.py", "exec"), module.__dict__)
    if name == NORM:  # a few rows then give several to a program, and several steps to the sum over programs
        module.PROGRAMS, module.PARTIAL_ROWS, module.PARTIAL_COLUMNS = 5, 2, 4
    else:
        module.BLOCK = 32
    return module


def verify_norm(module, rows, width, dtype, dropped=0.1):
    torch.manual_seed(1)
    x, residual, gradient = (torch.randn(rows, width).to(dtype) for _ in range(3))
    module.verify(x.requires_grad_(), residual.requires_grad_(), gradient, dropped, 1e-12)


def verify_tags(module, heads, videos, tags, dtype, consistent=True):
    torch.manual_seed(1)
    logits, labels = torch.randn(heads, videos, tags).to(dtype), (torch.rand(videos, tags) < 0.1).to(torch.uint8)
    module.verify(logits, labels, [asl.asymmetric, lambda z, _: asl.consistency(z)][: 1 + consistent], asl.TEMPERATURE, asl.EPSILON)


@contextlib.contextmanager
def exact():
    """All arithmetic in float64, and bounds to match: only a wrong formula exceeds them."""
    with mock.patch.object(triton_standin.language, "float32", torch.float64), mock.patch.object(_bounds, "UNIT", 2.0**-53):
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float32)


class TritonTests(unittest.TestCase):
    # A row, rows that are no multiple of anything, more rows than programs; widths that are and are not powers of two.
    NORM_SIZES = [(1, 3), (5, 7), (3, 64), (2, 100), (13, 12)]
    # A head alone, heads that are no power of two, tags in one step and in three.
    TAG_SIZES = [(1, 2, 5), (2, 3, 32), (3, 2, 70), (4, 1, 2000)]

    def test_layernorm_has_the_formulas(self):
        module = kernels(NORM)
        for rows, width in self.NORM_SIZES:
            for dropped in (0.0, 0.1, 0.5):
                with self.subTest(rows=rows, width=width, dropped=dropped), exact():
                    verify_norm(module, rows, width, torch.float64, dropped)

    def test_tag_loss_has_the_formulas(self):
        module = kernels(TAGS)
        for heads, videos, tags in self.TAG_SIZES:
            for consistent in (False, True):
                with self.subTest(heads=heads, tags=tags, consistent=consistent), exact():
                    verify_tags(module, heads, videos, tags, torch.float64, consistent)

    def test_slopes_have_the_share_of_epsilon(self):
        """Without it the slopes differ by almost the same number for all tags, and the softmax subtracts that."""
        with exact(), self.assertRaises(ArithmeticError):
            verify_tags(kernels(TAGS, "distance + mixture / (mixture + epsilon)", "distance"), 3, 2, 70, torch.float64)

    def test_roundings_are_within_the_bounds(self):
        norm, tags = kernels(NORM), kernels(TAGS)
        for dtype in (torch.float32, torch.bfloat16):
            for rows, width in (*self.NORM_SIZES, (3, 768)):
                with self.subTest(rows=rows, width=width, dtype=dtype):
                    verify_norm(norm, rows, width, dtype)
            for heads, videos, count in self.TAG_SIZES:
                with self.subTest(heads=heads, tags=count, dtype=dtype):
                    verify_tags(tags, heads, videos, count, dtype)

    def test_extreme_logits_give_no_nan(self):
        logits = torch.tensor([-80.0, -20.0, 0.0, 20.0, 80.0]).expand(2, 2, 5).contiguous()
        loss, gradient = kernels(TAGS).losses(logits, torch.tensor([[0] * 5, [1] * 5], dtype=torch.uint8), True, asl.TEMPERATURE, asl.EPSILON)
        self.assertTrue(loss.isfinite().all() and gradient.isfinite().all())

    def assert_noticed(self, name, run, changes):
        """What runs before each timing on a GPU notices each change of a kernel."""
        for old, new in changes:
            with self.subTest(f"{old} -> {new}"), self.assertRaises((ArithmeticError, IndexError, RuntimeError)):
                run(kernels(name, old, new))

    def test_a_wrong_layernorm_is_noticed(self):
        self.assert_noticed(NORM, lambda module: verify_norm(module, 13, 100, torch.bfloat16), [
            ("residual + factor * x, factor", "residual + x, factor"), ("1 / (1 - dropped)", "1.0"), ("uniform >= dropped", "uniform >= 2 * dropped"), ("columns < width", "columns < BLOCK"),
            ("tl.where(inside, s - mean, 0.0)", "s - mean"), ("1 / tl.sqrt(", "1 / ("), ("difference * rstd * weight + bias", "difference * rstd * weight - bias"),
            ("g = g * weight", "g = g * 1"), ("g - tl.sum(g, 0) / width - n", "g - n"), (" - n * (tl.sum(g * n, 0) / width)", ""), ("ds = rstd * (", "ds = ("), ("ds * factor", "ds"),
            ("range(first, rows, programs)", "range(first, rows - 1, programs)"), ("of_weight += g * n", "of_weight += g"), ("of_bias += g", "of_bias = g"), ("(programs + first)", "first"),
            ("(program < programs)", "(program < programs - 1)"), ("range(0, programs, ROWS)", "range(0, ROWS, ROWS)"), ("(vector * programs + program)", "program"), ("seed, row * ", "seed, ")])

    def test_a_wrong_tag_loss_is_noticed(self):
        self.assert_noticed(TAGS, lambda module: verify_tags(module, 3, 2, 70, torch.float32), [
            ("tl.where(is_mixture, soft, 0.0)", "soft"), ("tl.log(mixture + epsilon) - ", ""), ("-mixture / (soft + epsilon)", "mixture / (soft + epsilon)"),
            ("(head > 0) & (head < heads)", "head > 0"), ("total * tl.exp((largest - larger) * sharpness) +", "total +"), ("average += soft * slope", "average = soft * slope"),
            ("sharpness * soft * (slope - average)", "soft * (slope - average)"), ("(slope - average)", "slope"), ("consistency += distance", "consistency = distance"), ("other=LOWEST", "other=0.0"),
            ("tl.where(present, -z, z)", "z"), ("tl.log(1 + small)", "small"), ("probability * surprise)", "surprise)"), ("((1 - probability) * surprise + probability)", "probability"),
            ("tl.where(present, -probability,", "tl.where(present, probability,"), ("first + tag < tags", "first + tag < BLOCK + tags"), ("video * tags + first", "first"), ("/ (1 + small)", "/ (1 - small)")])

    def run_peer(self, script, *sizes, **modules):
        """The variants of a script on the CPU."""
        module, output = __import__(script), io.StringIO()
        with mock.patch.dict(sys.modules, modules), mock.patch.object(sys, "argv", [script, "--device", "cpu", "--seconds", "0", *map(str, sizes)]), \
                mock.patch.object(module.Peer, "__enter__", self.begin(output)):
            module.main()
        return json.loads(output.getvalue())["results"]

    @staticmethod
    def begin(output):
        def begin(peer):
            peer.output, peer.rewrites = output, False
            return peer

        return begin

    def assert_measured(self, results, names):
        self.assertEqual([results[name].get("error") for name in names], [None] * len(names))

    def test_layernorm_measures_triton_and_liger(self):
        function = mock.Mock()
        function.apply = lambda x, weight, bias, epsilon: torch.nn.functional.layer_norm(x, weight.shape, weight, bias, epsilon)
        names = [f"{name} {what}" for name in ("eager", "triton", "liger") for what in ("forward", "backward", "both")]
        liger = {name: mock.Mock(LigerLayerNormFunction=function) for name in ("liger_kernel", "liger_kernel.ops", "liger_kernel.ops.layer_norm")}
        self.assert_measured(self.run_peer("layernorm", "--rows", 5, "--width", 24, **liger), names)
        results = self.run_peer("layernorm", "--rows", 5, "--width", 24, triton=None)
        self.assertEqual([name for name in results if name in ("triton", "liger")], ["triton", "liger"])
        self.assertRegex(results["triton"]["error"], "^not measured, import of triton halted")
        self.assertEqual(results["liger"]["error"], "not measured, No module named 'liger_kernel'")
        self.assert_measured(results, names[:3])

    def test_tag_loss_measures_triton(self):
        results = self.run_peer("asl", "--heads", 3, "--batch", 2, "--tags", 50)
        self.assert_measured(results, [f"triton{what}{suffix}" for what in ("", " with consistency") for suffix in ("", ", fp32")])
        self.assertIn("eager with consistency, fp32", results)

    def test_a_wrong_kernel_is_the_error_of_its_variants(self):
        with mock.patch.dict(sys.modules, {NORM: kernels(NORM, "g = g * weight", "g = g * 1")}):
            results = self.run_peer("layernorm", "--rows", 5, "--width", 24)
        for what in ("forward", "backward", "both"):
            self.assertRegex(results[f"triton {what}"]["error"], "^ArithmeticError: dX is wrong: its error is .* times its bound$")
        self.assert_measured(results, ["eager forward"])

    def test_netvlad_is_that_of_its_paper(self):
        torch.manual_seed(1)
        frames, model = torch.randn(2, 5, 6), netvlad.NetVlad(6, 3)
        logits = frames.reshape(-1, 6) @ model.assign.weight.t()
        logits = (logits - logits.mean(0)) / (logits.var(0, unbiased=False) + model.norm.eps).sqrt()
        for video, descriptor in zip(range(2), model(frames)):
            expected = torch.zeros(6, 3)
            for frame in range(5):
                assigned = torch.softmax(logits[5 * video + frame], 0)
                for k in range(3):
                    expected[:, k] += assigned[k] * (frames[video, frame] - model.centres[:, k])
            expected = torch.stack([expected[:, k] / expected[:, k].norm() for k in range(3)], 1)
            self.assertTrue(torch.allclose(descriptor, (expected / expected.norm()).flatten(), atol=1e-5))

    def test_netvlad_measures_all_but_compiled(self):
        results = self.run_peer("netvlad", "--batch", 4, "--frames", 5, "--frame-width", 12, "--clusters", 3)
        self.assert_measured(results, ["eager forward", "eager forward, fp32", "eager both", "product forward", "product both"])


class OtherPythonTests(unittest.TestCase):
    def test_passes_with_debians_pytorch(self):
        if not pathlib.Path(DEBIAN).exists() or subprocess.run([DEBIAN, "-c", "import torch"], capture_output=True).returncode != 0:
            self.skipTest("PyTorch is missing (Debian: apt install python3-torch)")
        done = subprocess.run([DEBIAN, "-B", "-m", "unittest", "test_triton"], cwd=TESTS, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)


def load_tests(loader, *_):
    return loader.loadTestsFromTestCase(TritonTests if torch else OtherPythonTests)


if __name__ == "__main__":
    unittest.main()
