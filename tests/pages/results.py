"""results.py SUMMARY: compares "Results" in README.md with the summary.json of `videosim reproduce --seed 1`.

Each row of a model in its table has the model's scores: random weights, pretrained, one fold, mean of 2 folds. All
other numbers 0.NNN of the section are scores of the ensemble and of the baselines. The bits of a run are the same on
any number of threads, so the numbers must be equal in all three places.
"""

import json
import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def differences(page, summary):
    """Sentences, one for each difference."""
    section = re.search(r"^## Results\n(.*?)(?=^## |\Z)", page, re.M | re.S)[1]
    rows = {match[1]: re.findall(r"\b0\.\d{3}\b", match[0]) for match in re.finditer(r"^\| `([\w-]+)` \|.*$", section, re.M)}
    scores = {model: [f"{score:.3f}" for score in (of["random_spearman"], of["pretrain_spearman"], of["folds"][0]["test_spearman"], of["test_spearman"])]
              for model, of in summary["models"].items()}
    for model in sorted(rows.keys() | scores.keys()):
        if rows.get(model) != scores.get(model):
            yield f"{model}: the page has {rows.get(model)}, the run has {scores.get(model)}"
    ensemble = summary["ensemble"]
    others = {f"{score:.3f}" for score in (ensemble["test_spearman"], ensemble["normalized_test_spearman"], summary["best_possible_spearman"], *summary["baselines"].values())}
    stated = set(re.findall(r"\b0\.\d{3}\b", re.sub(r"^\|.*$|<[^>]*>", "", section, flags=re.M)))
    if stated != others:
        yield f"ensemble and baselines: the page has {sorted(stated)}, the run has {sorted(others)}"


def main():
    found = list(differences(README.read_text(encoding="utf-8"), json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
    for difference in found:
        print(f"README.md, Results: {difference}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
