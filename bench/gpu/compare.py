#!/usr/bin/env python3
"""compare.py RESULTS: what bench/gpu/run left in a folder, ours beside the peers: times of both rounds, their ratio, and each goal as met,
missed or not measured. A goal is judged by the worse round of ours against the better one of the peer."""

import json
import pathlib
import re
import sys

ROUNDS = (1, 2)


class Results:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.kernels = {number: self.read(f"bench-{number}.json") for number in ROUNDS}
        self.long = self.read("bench-s128.json")
        self.peers = {}
        for path in sorted(self.folder.glob("peer-*-[0-9].json")):
            name, number = path.stem[len("peer-"):].rsplit("-", 1)
            self.peers.setdefault(name, {})[int(number)] = self.read(path.name)

    def read(self, name):
        try:
            return json.loads((self.folder / name).read_text())
        except (OSError, ValueError):  # not run, or stopped before it wrote
            return None

    def ours(self, patterns, model, reports=None):
        """The launches in one model's bf16 steps of all entries that fit one of the patterns, added up; None where a pattern fits none."""
        rounds, total = [], None
        for report in reports or self.kernels.values():
            if report is None or report["emulated"]:
                continue
            of_model = [row for row in report["kernels"] if row["is_of_step"] and re.match(f"{model} .*bf16,", row["launch"])]
            if not all(any(re.fullmatch(pattern, row["entry"]) for row in of_model) for pattern in patterns):
                return None
            rows = [row for row in of_model if any(re.fullmatch(pattern, row["entry"]) for pattern in patterns)]
            total = Ours(sum(row["bytes"] for row in rows), sum(row["floor_microseconds"] for row in rows), report["rates"]["copy_bytes_per_second"], rows[0]["launch"])
            rounds.append(sum(row["microseconds"]["median"] for row in rows))
        if total is None:
            return None
        total.rounds = rounds
        return total

    def peer(self, name, variant):
        rounds = [report["results"][variant]["median"] for report in self.peers.get(name, {}).values() if report and "median" in report["results"].get(variant, {})]
        return rounds or None

    def best(self, name, variants):
        """The fastest of some variants: its name and times."""
        known = {variant: rounds for variant in variants if (rounds := self.peer(name, variant))}
        return min(known.items(), key=lambda pair: min(pair[1]), default=(None, None))


class Ours:
    def __init__(self, moved, floor, rate, launch):
        self.bytes, self.floor, self.rate, self.launch, self.rounds = moved, floor, rate, launch, []

    @property
    def worst(self):
        return max(self.rounds)

    @property
    def share(self):
        """Of the measured copy rate."""
        return self.bytes / (1e-6 * self.worst) / self.rate


class Goal:
    """Conditions of one goal; one that could not be looked at leaves the goal unmeasured unless another one misses."""

    def __init__(self, name):
        self.name, self.facts, self.outcomes = name, [], []

    def ratio(self, what, ours, peer, least, scale=1.0):
        if ours is None or peer is None:
            return self.unknown(what)
        self.say(f"{what} {min(peer) * scale / ours.worst:.2f}x (at least {least})", min(peer) * scale / ours.worst >= least)

    def share(self, ours, least, what="of the copy rate"):
        if ours is None:
            return self.unknown(what)
        self.say(f"{100 * ours.share:.0f} % {what} (at least {100 * least:.0f})", ours.share >= least)

    def most(self, what, value, bound):
        if value is None:
            return self.unknown(what)
        self.say(f"{what} {value:.2f} (at most {bound})", value <= bound)

    def unknown(self, what):
        self.say(f"{what}: not measured", None)

    def say(self, fact, holds):
        self.facts.append(fact)
        self.outcomes.append(holds)

    @property
    def verdict(self):
        return "missed" if False in self.outcomes else "not measured" if None in self.outcomes or not self.outcomes else "met"


# Entries, as patterns: those of some families are one for each shape.
ATTENTION = ["attention_forward.*", "attention_backward.*"]
NORM_FORWARD, NORM_BACKWARD = ["layer_norm_forward_bf16"], ["layer_norm_backward_bf16", "layer_norm_finish_f32"]
TAGS, TOKENS, ADAM = ["asymmetric_tag_loss_consistency_f32"], ["masked_token_loss_bf16"], ["adam_f32"]
VLAD = ["vlad_.*forward.*", "vlad_.*backward.*", "vlad_.*centres.*", "batch_norm_.*"]
BACKENDS = ("flash", "efficient", "cudnn", "math", "flex", "default")


def table(results):
    uniter, mix = "uniter", "mix"
    plain, rotary = results.ours(ATTENTION, uniter), results.ours(ATTENTION, "uniter-roformer")
    cases = [("attention, B256 S64", plain, "attention", [f"B256 S64 {name}" for name in BACKENDS]),
             ("attention, B256 S32", results.ours(ATTENTION, mix), "attention", [f"B256 S32 {name}" for name in BACKENDS]),
             ("attention, B128 S128", results.ours(ATTENTION, mix, [results.long]), "attention", [f"B128 S128 {name}" for name in BACKENDS]),
             (f"attention with rotary, {rotary.launch if rotary else 'S64'}; the ratio byte for byte", rotary, "attention",
              [f"B256 S64 {name} + {how} rotary" for name in BACKENDS for how in ("eager", "compiled")], rotary.bytes / plain.bytes if rotary and plain else 1),
             ("LayerNorm forward", results.ours(NORM_FORWARD, uniter), "layernorm", ["eager forward", "compiled forward"]),
             ("LayerNorm backward", results.ours(NORM_BACKWARD, uniter), "layernorm", ["eager backward", "compiled backward", "native_layer_norm_backward"]),
             ("tag losses of 4 heads with consistency", results.ours(TAGS, mix), "asl", [f"{name} with consistency" for name in ("eager", "compiled", "optimised")]),
             ("NeXtVLAD but for its products", results.ours(VLAD, mix), "nextvlad", ["eager", "compiled", "products"]),
             ("AdamW, 207 M parameters", results.ours(ADAM, "mix"), "adam", ["tensors", "tensors with bf16 copies", "flat", "flat with bf16 copies"])]
    print("| what | ours, us | peer | peer, us | ratio |\n| --- | ---: | --- | ---: | ---: |")
    for what, ours, name, variants, *scale in cases:
        own = " / ".join(f"{time:.1f}" for time in ours.rounds) if ours else ""
        for variant in variants:
            peer = results.peer(name, variant)
            if peer:
                ratio = f"{min(peer) * (scale or [1])[0] / ours.worst:.2f}" if ours else ""
                print(f"| {what} | {own} | {variant} | {' / '.join(f'{time:.1f}' for time in peer)} | {ratio} |")
    for path in sorted(results.folder.glob("step-*.json")):
        step = results.read(path.name)
        if step:
            print(f"| step of {step['model']}, {step['stage']} | {1e3 * step['median_milliseconds']:.0f} | | | |")
    for variant in ("eager granted", "compiled granted", "eager reference", "compiled reference"):
        peer = results.peer("encoder_step", variant)
        if peer:
            print(f"| step of uniter, pretrain | | {variant} | {' / '.join(f'{time:.0f}' for time in peer)} | |")


def goals(results):
    uniter = results.ours(ATTENTION, "uniter")
    a1 = Goal("A1")
    a1.ratio("FlashAttention", uniter, results.peer("attention", "B256 S64 flash"), 1.5)
    best, times = results.best("attention", [f"B256 S64 {name}" for name in BACKENDS])
    a1.ratio(f"best ({best})", uniter, times, 1.2)
    a1.share(uniter, 0.7)

    a2, rotary = Goal("A2"), results.ours(ATTENTION, "uniter-roformer")
    per_byte = rotary and uniter and (rotary.worst / rotary.bytes) / (uniter.worst / uniter.bytes)
    a2.most("times A1's time, byte for byte", per_byte, 1.05)
    best, times = results.best("attention", [f"B256 S64 {name} + {how} rotary" for name in BACKENDS for how in ("eager", "compiled")])
    a2.ratio(f"best with a rotary kernel ({best})", rotary, times, 1.7, scale=rotary.bytes / uniter.bytes if rotary and uniter else 1)

    a3 = Goal("A3")
    short, long = results.ours(ATTENTION, "mix"), results.ours(ATTENTION, "mix", [results.long])
    a3.share(short, 0.65, "of the copy rate at S = 32")
    a3.share(long, 0.6, "of the copy rate at S = 128")
    for ours, case in ((short, "B256 S32"), (uniter, "B256 S64"), (long, "B128 S128")):
        best, times = results.best("attention", [f"{case} {name}" for name in BACKENDS])
        a3.ratio(f"best at {case} ({best})", ours, times, 1.0)

    a4 = Goal("A4")
    tests = results.folder / "device-tests.txt"
    text = tests.read_text() if tests.exists() else ""
    if "Failed: 0," in text and results.kernels[1] and not results.kernels[1]["emulated"]:
        a4.say("in the device tests of this run: errors against float64 within their bounds, equal bits in 100 repeats and at other places of the batch", True)
    else:
        a4.unknown("device tests on a GPU")

    l1, forward = Goal("L1"), results.ours(NORM_FORWARD, "uniter")
    l1.share(forward, 0.8)
    l1.ratio("compiled", forward, results.peer("layernorm", "compiled forward"), 1.1)
    l1.ratio("eager", forward, results.peer("layernorm", "eager forward"), 4)
    l2, backward = Goal("L2"), results.ours(NORM_BACKWARD, "uniter")
    l2.share(backward, 0.7)
    l2.ratio("PyTorch's own kernel", backward, results.peer("layernorm", "native_layer_norm_backward"), 2.5)

    x1, tags = Goal("X1"), results.ours(TAGS, "mix")
    x1.most("us a head", tags and tags.worst / 4, 10)
    x1.ratio("in place, eager", tags, results.peer("asl", "optimised with consistency"), 30)
    x1.ratio("compiled", tags, results.peer("asl", "compiled with consistency"), 2)

    n1, vlad, products = Goal("N1"), results.ours(VLAD, "mix"), results.peer("nextvlad", "products")
    whole = None
    if vlad and products:
        whole = Ours(vlad.bytes, vlad.floor, vlad.rate, vlad.launch)
        whole.rounds = [time + max(products) for time in vlad.rounds]  # our kernels, and the products as PyTorch times them
    n1.most("ms with PyTorch's products", whole and 1e-3 * whole.worst, 2.2)
    n1.ratio("compiled", whole, results.peer("nextvlad", "compiled"), 1.5)
    n1.ratio("eager", whole, results.peer("nextvlad", "eager"), 2.5)

    c2 = Goal("C2")
    c2.share(results.ours(TOKENS, "uniter"), 0.75)

    o1, adam = Goal("O1"), results.ours(ADAM, "mix")
    o1.share(adam, 0.9)
    o1.ratio("fused AdamW", adam, results.peer("adam", "tensors"), 1.0)

    print("\n| goal | verdict | |\n| --- | --- | --- |")
    for goal in (a1, a2, a3, a4, l1, l2, x1, n1, c2, o1):
        print(f"| {goal.name} | {goal.verdict} | {'; '.join(goal.facts)} |")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    results = Results(sys.argv[1])
    for number, report in results.kernels.items():
        if report:
            rates = report["rates"]
            print(f"round {number}: {report['device']}, copies {rates['copy_bytes_per_second'] / 1e9:.0f} GB/s, multiplies in {rates['product_precision']} at "
                  f"{rates['flops_per_second'] / 1e12:.0f} TFLOP/s{', the emulator: times mean nothing' if report['emulated'] else ''}")
    print()
    table(results)
    goals(results)


if __name__ == "__main__":
    main()
