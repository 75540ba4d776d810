#!/usr/bin/env python3
"""results.py: draws the README's picture of results, results-light.svg and results-dark.svg, beside this file.

The numbers come from bench/results: the summary of `reproduce --seed 1`. `--check` compares and writes nothing.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SUMMARY = HERE.parents[1] / "bench/results/2026-11-30-xeon-2-cores-16-bit-dropout/reproduce/seed-1.json"
STAGES = ("random weights", "pretrained", "one fold", "mean of 2 folds")
THEMES = {
    "light": {"page": "#ffffff", "text": "#1f2328", "quiet": "#59636e", "grid": "#d1d9e0", "bars": ("#c8d1da", "#a5d3ff", "#218bff", "#0550ae"), "values": ("#1f2328", "#1f2328", "#ffffff", "#ffffff"), "line": "#bc4c00"},
    "dark": {"page": "#0d1117", "text": "#f0f6fc", "quiet": "#9198a1", "grid": "#3d444d", "bars": ("#484f58", "#0c4a8a", "#1f6feb", "#a5d6ff"), "values": ("#f0f6fc", "#f0f6fc", "#f0f6fc", "#0d1117"), "line": "#f0883e"},
}
WIDTH, HEIGHT = 832, 330
LEFT, RIGHT, TOP, BOTTOM = 44, 134, 52, 292  # of the plot
BAR = 25


def scores(model):
    """Test scores of a model in the order of STAGES."""
    return model["random_spearman"], model["pretrain_spearman"], model["folds"][0]["test_spearman"], model["test_spearman"]


def draw(summary, theme):
    right = WIDTH - RIGHT
    group = (right - LEFT) / len(summary["models"])
    parts = []

    def y(value):
        return BOTTOM - value * (BOTTOM - TOP)

    def text(x, at, content, size=13, anchor="start", fill=theme["text"]):
        parts.append(f'<text x="{x:.1f}" y="{at:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}">{content}</text>')

    def line(at, fill, dashes=""):
        parts.append(f'<line x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="{theme[fill]}"{dashes}/>')

    for value in (0, 0.25, 0.5, 0.75, 1):
        line(y(value), "grid")
        text(LEFT - 6, y(value) + 4, f"{value:g}", 12, "end", theme["quiet"])
    for number, stage in enumerate(STAGES):
        x = LEFT + 150 * number
        parts.append(f'<rect x="{x}" y="12" width="14" height="14" fill="{theme["bars"][number]}"/>')
        text(x + 20, 24, stage)
    for place, (name, model) in enumerate(summary["models"].items()):
        middle = LEFT + group * (place + 0.5)
        for number, value in enumerate(scores(model)):
            x = middle + BAR * (number - len(STAGES) / 2)
            parts.append(f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{BAR - 2}" height="{BOTTOM - y(value):.1f}" fill="{theme["bars"][number]}"/>')
            text(x + BAR / 2 - 1, y(value) + 13, f"{value:.2f}", 10, "middle", theme["values"][number])
        text(middle, BOTTOM + 20, name, 13, "middle")
    for name, value in (("best possible", summary["best_possible_spearman"]), ("ensemble", summary["ensemble"]["test_spearman"])):
        line(y(value), "line", ' stroke-dasharray="6 4"')
        text(right + 6, y(value) + 4, f"{name} {value:.3f}", 12, fill=theme["line"])

    title = "Spearman correlation on the test set, by model and stage"
    body = "\n  ".join(parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">
  <title>{title}</title>
  <rect width="{WIDTH}" height="{HEIGHT}" fill="{theme["page"]}"/>
  {body}
</svg>
"""


def main():
    summary = json.loads(SUMMARY.read_text(encoding="utf-8"))
    for name, theme in THEMES.items():
        path, picture = HERE / f"results-{name}.svg", draw(summary, theme)
        if "--check" not in sys.argv[1:]:
            path.write_text(picture, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != picture:
            sys.exit(f"{path.name} is not what the results say: python3 docs/images/results.py")


if __name__ == "__main__":
    main()
