#!/usr/bin/env python3
"""compare.py RESULTS...: makes Markdown for bench/results/README.md from the results of bench/gpu/run.

Each RESULTS is a folder or a results.tgz; several are taken together as one run. The page has the machine, our times
beside those of the peers, and each goal: met, missed (with the limiter) or not measured. It also lists the results
that were not used. Times of the emulator are never measurements.
"""

import re
import sys

import goals
from results import Results, clock_range


def heading(results):
    """Machine, card and conditions. A line with several values means that the conditions changed during the run."""
    reports = results.reports()

    def every(key, text=str):
        return ", ".join(dict.fromkeys(text(report[key]) for report in reports if report.get(key))) or "not known"

    cards = list(dict.fromkeys(report["device"] for report in reports))
    print(f"## {every('date', lambda date: date[:10])}, {' and '.join(cards)}\n" if cards else "## No result of a GPU\n")
    if len(cards) > 1:
        print(f"**Results of {len(cards)} cards.** Times of different cards are not compared.\n")
    rows = [("machine", f"{every('machine')}; {every('processor')}"), ("driver", every("driver")), ("commit", every("commit")), ("PyTorch, its CUDA", f"{every('torch')}, {every('cuda')}")]
    for card in cards:
        if rates := results.rates(card):
            rows.append((f"rates of {card}", f"copies {1e-9 * rates['copy_bytes_per_second']:.0f} GB/s, products {1e-12 * rates['flops_per_second']:.0f} TFLOP/s"))
    for what, pattern, unit in (("clock of multiprocessors", r"\bsm$", "MHz"), ("temperature", "^temperature", "degrees C"), ("power", "^power", "W")):
        if span := clock_range(results.clocks, pattern):
            rows.append((what, " / ".join(f"{value:.0f}" for value in span) + f" {unit} (least, median, most)"))
    print("| | |\n| --- | --- |")
    for name, value in rows:
        print(f"| {name} | {value} |")


def peers(results):
    """Ours and theirs, in microseconds, both rounds. A ratio above 1: ours is faster."""
    plain, rotary = results.ours(goals.ATTENTION, "uniter"), results.ours(goals.ATTENTION, "uniter-roformer")
    scale = rotary.bytes / plain.bytes if rotary and plain else 1
    cases = [(f"attention, {case}", results.ours(goals.ATTENTION, model, bench), "attention", rf"{case} \w+", 1)
             for case, model, bench in (("B256 S64", "uniter", None), ("B256 S32", "mix", None), ("B128 S128", "mix", "s128"))]
    cases += [(f"attention with rotary, {rotary.launch if rotary else 'S64'}; ratio byte for byte", rotary, "attention", r"B256 S64 .* rotary", scale),
              ("LayerNorm forward", results.ours(goals.NORM_FORWARD, "uniter"), "layernorm", ".* forward", 1),
              ("LayerNorm backward", results.ours(goals.NORM_BACKWARD, "uniter"), "layernorm", ".*backward", 1),
              ("tag losses of 4 heads with consistency, fp32", results.ours(goals.TAGS, "mix"), "asl", ".* with consistency, fp32", 1),
              ("NeXtVLAD but for its products", results.ours(goals.VLAD, "mix"), "nextvlad", ".*", 1),
              ("NetVLAD but for its product, forward", results.ours(goals.NETVLAD_FORWARD, "mix", "netvlad"), "netvlad", ".* forward(, fp32)?", 1),
              ("NetVLAD but for its product, forward and backward", results.ours(goals.NETVLAD, "mix", "netvlad"), "netvlad", ".* both", 1),
              ("AdamW, 207 M parameters", results.ours(goals.ADAM, "mix"), "adam", ".*", 1)]
    print("\n| what | ours, us | PyTorch | its, us | ratio |\n| --- | ---: | --- | ---: | ---: |")
    for what, ours, name, pattern, scale in cases:
        own = " / ".join(f"{time:.1f}" for time in ours.rounds) if ours else "not measured"
        variants = [variant for variant in results.variants(name) if re.fullmatch(pattern, variant)]
        if not variants:
            print(f"| {what} | {own} | | not measured | |")
        for peer in (results.peer(name, variant) for variant in variants):
            ratio = f"{peer.best * scale / ours.worst:.2f}" if ours and ours.device == peer.device else ""
            print(f"| {what} | {own} | {peer.name} | {' / '.join(f'{time:.1f}' for time in peer.rounds)} | {ratio} |")


def steps(results):
    print("\n| training step | ours, ms | serial floor, ms | times it | where the time goes |\n| --- | ---: | ---: | ---: | --- |")
    for model, stage in goals.WORK:
        step = goals.Step(results, model, stage)
        if step.milliseconds is None:
            print(f"| {step.name} | not measured | | | |")
        else:
            floor = f"{step.floor:.1f} | {step.ratio:.2f}" if step.ratio else "not known |"
            print(f"| {step.name} | {step.milliseconds:.2f} | {floor} | {step.limiter} |")
    if variants := [variant for variant in results.variants("encoder_step") if re.match("eager|compiled", variant)]:
        print("\n| PyTorch's step of uniter, pretrain | ms |\n| --- | ---: |")
        for peer in (results.peer("encoder_step", variant) for variant in variants):
            print(f"| {peer.name} | {' / '.join(f'{1e-3 * time:.2f}' for time in peer.rounds)} |")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    results = Results(sys.argv[1:])
    heading(results)
    peers(results)
    steps(results)
    judged = goals.judge(results)
    print("\n| goal | verdict | conditions |\n| --- | --- | --- |")
    for goal in judged:
        print(f"| {goal.title} | {goal.verdict} | {goal.reason} |")
    unmeasured = sum(goal.verdict == "not measured" for goal in judged)
    print(f"\nNot measured: {unmeasured} of {len(judged)} goals.")
    print("FlashAttention-3 cannot run this attention: it has no dropout. FlashAttention-4 cannot: no backward below heads of 128 columns.")
    if results.unused:
        print("\nNot used, or in part:\n")
        for line in results.unused:
            print(f"- {line}")


if __name__ == "__main__":
    main()
