"""The goals that bench/gpu/compare.py judges: met, missed (with the limiter) or not measured.

Of our kernels the worse round counts, of a peer the better one. Rates are those that `kernels bench` measured on the
same card.
"""

import re

from results import UNKNOWN_LIMITER

# Patterns of entries: some families have an entry for each shape.
ATTENTION = ["attention_forward.*", "attention_backward.*"]
NORM_FORWARD, NORM_BACKWARD = ["layer_norm_forward_bf16"], ["layer_norm_backward_bf16", "partial_sums_f32"]
TAGS, TOKENS, ADAM = ["asymmetric_tag_loss_consistency_f32"], ["cross_entropy_bf16"], ["adam_f32"]
VLAD = ["vlad_.*forward.*", "vlad_.*backward.*", "vlad_.*centres.*", "batch_norm_.*"]
# In the step of NetVLAD's shapes the largest batch normalisation of bf16 values is that of the cluster logits.
NETVLAD_FORWARD = ["vlad_forward_bf16", "batch_norm_statistics_bf16", "batch_norm_finish_statistics_f32"]
NETVLAD = [*NETVLAD_FORWARD, "vlad_backward_bf16", "vlad_backward_centres_f32", "batch_norm_backward_input_bf16", "batch_norm_backward_sums_bf16", "batch_norm_finish_backward_sums_f32"]

# Names of the peers' variants.
BACKENDS = ("flash", "efficient", "cudnn", "math", "flex", "default")
ROTARY = [f"B256 S64 {name} + {how} rotary" for name in BACKENDS for how in ("eager", "compiled")]
STEPS = [f"{precision}{mode}" for precision in ("master weights", "autocast") for mode in ("", ", max-autotune")]

# The necessary work of a step at the published sizes: batch; 10^12 FLOPs of products and attention; 10^9 bytes of all
# other kernels except Adam; parameters. It is counted by hand from the models' formulas, as if everything were fused.
# It does not depend on our kernels. Extra bytes of our kernels (a separate pass for GELU, fp32 gradients) count
# against them.
WORK = {
    ("mix", "pretrain"): (256, 5.07, 5.46, 206_935_371),
    ("mix", "finetune"): (128, 5.07, 5.46, 206_935_371),
    ("mix-asl", "pretrain"): (256, 5.07, 5.46, 206_935_371),
    ("mix-asl", "finetune"): (128, 5.07, 5.46, 206_935_371),
    ("mix-roformer", "pretrain"): (256, 5.07, 5.46, 228_125_259),
    ("mix-roformer", "finetune"): (128, 5.07, 5.46, 228_125_259),
    ("uniter", "pretrain"): (256, 8.66, 7.83, 105_844_376),
    ("uniter", "finetune"): (128, 8.53, 7.68, 105_844_376),
    ("uniter-asl", "pretrain"): (256, 8.66, 7.83, 105_844_376),
    ("uniter-asl", "finetune"): (128, 8.53, 7.68, 105_844_376),
    ("uniter-roformer", "pretrain"): (210, 7.23, 6.57, 127_653_728),
    ("uniter-roformer", "finetune"): (112, 7.46, 6.72, 127_653_728),
}
ADAM_BYTES = 28  # for each parameter: weight and both moments read and written, a bf16 gradient read, a bf16 copy written

# Rates of an H100 with other programs. They judge the steps of an H100 if no kernel bench ran on the card.
H100_RATES = {"copy_bytes_per_second": 3.0e12, "flops_per_second": 798e12}
# Peaks of dense bf16 products from the data sheet, by the card's name (SXM; PCIe cards have other names and peaks).
PEAKS = {r"H100 .*HBM3|H200$": 989e12}


def best_attention(results, case):
    return results.best("attention", [f"{case} {name}" for name in BACKENDS])


class Step:
    """A training step compared with the least time for its necessary work, one kind of work after the other."""

    def __init__(self, results, model, stage):
        self.name, self.json = f"{model} {stage}", results.steps.get((model, stage))
        self.milliseconds = self.ratio = None
        batch, flops, moved, parameters = WORK[model, stage]
        if self.json is None or self.json["batch"] != batch:
            return
        self.device, self.milliseconds = self.json["device"], self.json["median_milliseconds"]
        self.measured = results.rates(self.device)
        rates = self.measured or ("H100" in self.device and H100_RATES) or None
        if rates:
            moved = 1e9 * moved + ADAM_BYTES * parameters
            self.floor = 1e3 * (1e12 * flops / rates["flops_per_second"] + moved / rates["copy_bytes_per_second"])
            self.ratio = self.milliseconds / self.floor

    @property
    def limiter(self):
        """The least times of the step's launches, largest first, and the kernel that is furthest from its least
        time."""
        if not self.measured or not self.json["kernels"]:
            return UNKNOWN_LIMITER
        copy, flops = self.measured["copy_bytes_per_second"], self.measured["flops_per_second"]
        least = [(row, 1e3 * max(row["bytes"] / copy, row["flops"] / flops)) for row in self.json["kernels"]]
        products = sum(floor for row, floor in least if row["entry"] == "matmul")
        adam = sum(floor for row, floor in least if row["entry"].startswith("adam"))
        launches = 1e-3 * self.json["launches"] * self.measured["empty_microseconds"]
        needs = {"FLOPs of products": products, "bytes of kernels": sum(floor for _, floor in least) - products - adam, "bytes of Adam": adam,
                 f"{self.json['launches']} launches": launches}
        needs = ", ".join(f"{what} {time:.1f}" for what, time in sorted(needs.items(), key=lambda pair: -pair[1]))
        row, floor = max(least, key=lambda pair: 1e-3 * pair[0]["microseconds"] - pair[1])
        return f"of {self.milliseconds:.1f} ms {needs}; most lost in {row['entry']}, {1e-3 * row['microseconds']:.1f} ms, each launch waited for, where {floor:.1f} are needed"


class Goal:
    """Conditions of one goal. A goal with a condition that was not measured is not measured, unless another one
    misses."""

    def __init__(self, title):
        self.title, self.conditions, self.limiters = title, [], []

    def ratio(self, what, ours, peer, least, scale=1.0):
        """A peer takes at least `least` times as long as our kernel on the same card."""
        ours = ours if peer and ours and ours.device == peer.device else None
        value = ours and peer.best * scale / ours.worst
        self.judge(f"{what} at least {least}x", value, value and f"{value:.2f}x ({peer.name})", value and value >= least, ours and ours.limiter)

    def share(self, ours, least, what="copy rate"):
        value = ours and ours.share
        self.judge(f"{what} at least {100 * least:.0f} %", value, value and f"{100 * value:.0f} %", value and value >= least, ours and ours.limiter)

    def most(self, what, value, bound, limits):
        self.judge(f"{what} at most {bound}", value, value and f"{value:.2f}", value and value <= bound, limits)

    def judge(self, condition, value, finding, holds, limits):
        """`value` is None if it was not measured. The other arguments are then not used."""
        self.conditions.append((condition, None if value is None else finding, None if value is None else bool(holds)))
        if value is not None and not holds and limits not in self.limiters:
            self.limiters.append(limits)

    @property
    def verdict(self):
        outcomes = [holds for _, _, holds in self.conditions]
        return "missed" if False in outcomes else "not measured" if None in outcomes else "met"

    @property
    def reason(self):
        """Each condition with its finding. If nothing was measured, only the conditions."""
        if all(holds is None for _, _, holds in self.conditions):
            return "; ".join(condition for condition, _, _ in self.conditions)
        return "; ".join(f"{condition}: {finding or 'not measured'}" for condition, finding, _ in self.conditions) + "".join(f"; limiter: {limits}" for limits in self.limiters)


def judge(results):
    """All goals, in order."""
    return [*attention(results), exactness(results), *norms(results), tags(results), vlad(results), tokens(results), adam(results), *steps(results)]


def attention(results):
    uniter, mix, roformer = (results.ours(ATTENTION, model) for model in ("uniter", "mix", "uniter-roformer"))
    long = results.ours(ATTENTION, "mix", "s128")
    plain = Goal("attention forward and backward, B 256, S 64")
    plain.ratio("FlashAttention", uniter, results.peer("attention", "B256 S64 flash"), 1.5)
    plain.ratio("best backend", uniter, best_attention(results, "B256 S64"), 1.2)
    plain.share(uniter, 0.7)

    turned = Goal("attention with rotary positions, byte for byte")
    both = roformer and uniter and roformer.device == uniter.device
    turned.most("time per byte, relative to attention without rotary positions,", (roformer.worst / roformer.bytes) / (uniter.worst / uniter.bytes) if both else None, 1.03, roformer and roformer.limiter)
    turned.ratio("best backend with a rotary kernel", roformer if both else None, results.best("attention", ROTARY), 1.7, roformer.bytes / uniter.bytes if both else 1)

    others = Goal("attention at other lengths")
    others.share(mix, 0.65, "S 32: copy rate")
    others.share(long, 0.6, "S 128: copy rate")
    for ours, case in ((mix, "B256 S32"), (uniter, "B256 S64"), (long, "B128 S128")):
        others.ratio(f"{case}: best backend", ours, best_attention(results, case), 1)
    return plain, turned, others


def exactness(results):
    goal = Goal("attention's bits and errors")
    runs = [process for process in results.processes if "DeterminismTests" in process.name]
    goal.judge("equal bits in 100 repeats and at other places of the batch", runs or None, f"{sum(run.passed for run in runs)} tests passed, {sum(run.failed for run in runs)} failed",
             all(run.holds for run in runs), "see the outputs of the tests")
    cases = [case for case in results.cases if re.fullmatch("attention_.*bf16", case.entry)]
    wrong = [case for case in cases if case.verdict != "right"]
    goal.judge("errors against float64 within their bounds", cases or None, f"{len(cases) - len(wrong)} of {len(cases)} cases", not wrong,
             wrong and f"{wrong[0].entry}, {wrong[0].name}: {wrong[0].ratio} of its bound")
    return goal


def norms(results):
    forward, ours = Goal("LayerNorm forward"), results.ours(NORM_FORWARD, "uniter")
    forward.share(ours, 0.8)
    forward.ratio("compiled PyTorch", ours, results.peer("layernorm", "compiled forward"), 1.1)
    forward.ratio("eager PyTorch", ours, results.peer("layernorm", "eager forward"), 4)
    backward, ours = Goal("LayerNorm backward"), results.ours(NORM_BACKWARD, "uniter")
    backward.share(ours, 0.7)
    backward.ratio("PyTorch's own kernel", ours, results.peer("layernorm", "native_layer_norm_backward"), 2.5)
    return forward, backward


def tags(results):
    goal, ours = Goal("tag losses of four heads with consistency, fp32 logits"), results.ours(TAGS, "mix")
    goal.most("us a head", ours and ours.worst / 4, 10, ours and ours.limiter)
    goal.ratio("in place, eager PyTorch", ours, results.peer("asl", "optimised with consistency, fp32"), 30)
    goal.ratio("compiled PyTorch", ours, results.peer("asl", "compiled with consistency, fp32"), 2)
    return goal


def vlad(results):
    goal, ours, products = Goal("NeXtVLAD, our kernels and PyTorch's products"), results.ours(VLAD, "mix"), results.peer("nextvlad", "products")
    if ours and products and ours.device == products.device:
        ours.rounds = [time + max(products.rounds) for time in ours.rounds]
    else:
        ours = None
    goal.most("ms", ours and 1e-3 * ours.worst, 2.2, ours and f"PyTorch's products take {max(products.rounds):.0f} us; {ours.limiter}")
    goal.ratio("compiled PyTorch", ours, results.peer("nextvlad", "compiled"), 1.5)
    goal.ratio("eager PyTorch", ours, results.peer("nextvlad", "eager"), 2.5)
    return goal


def tokens(results):
    goal = Goal("loss of masked tokens")
    goal.share(results.ours(TOKENS, "uniter"), 0.75)
    return goal


def adam(results):
    goal, ours = Goal("Adam"), results.ours(ADAM, "mix")
    goal.share(ours, 0.9)
    goal.ratio("fused AdamW", ours, results.best("adam", ["tensors", "flat"]), 1)
    return goal


def steps(results):
    every = Goal("every training step, at most 1.25 times its serial floor")
    all_steps = [Step(results, model, stage) for model, stage in WORK]
    for step in all_steps:
        every.judge(step.name, step.ratio, step.ratio and f"{step.ratio:.2f}", step.ratio and step.ratio <= 1.25, None)
    worst = max(all_steps, key=lambda step: step.ratio or 0)
    every.limiters = [f"{worst.name}: {worst.limiter}"] if every.limiters else []

    uniter = Step(results, "uniter", "pretrain")
    against = Goal("Uniter's pretraining step against PyTorch's")
    for what, variants, least in (("compiled, our rewrites granted", "compiled granted", 1.25), ("compiled, as the reference has it", "compiled reference", 2),
                                  ("eager, as the reference has it", "eager reference", 3)):
        peer = results.best("encoder_step", [f"{variants}, {how}" for how in STEPS])
        value = 1e-3 * peer.best / uniter.milliseconds if peer and uniter.milliseconds and peer.device == uniter.device else None
        against.judge(f"{what} at least {least}x", value, value and f"{value:.2f}x ({peer.name})", value and value >= least, value and uniter.limiter)

    of_peak = Goal("Uniter's pretraining step, share of the card's bf16 peak")
    peak = uniter.milliseconds and next((peak for name, peak in PEAKS.items() if re.search(name, uniter.device)), None)
    share = 1e12 * WORK["uniter", "pretrain"][1] / (1e-3 * uniter.milliseconds) / peak if peak else None
    of_peak.judge("at least 45 %", share, share and f"{100 * share:.0f} % of {1e-12 * peak:.0f} TFLOP/s", share and share >= 0.45, share and uniter.limiter)
    return every, against, of_peak
