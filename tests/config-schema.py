#!/usr/bin/python3
"""config-schema.py: compares the JSON schema of --config with the program.

The schema must be valid by the rules of its draft. A validator that is not ours (python3-jsonschema of Debian) and
the program must accept and refuse the same files. The program reads each by 'reproduce --dry-run', which trains
nothing. Prints one line for each file that the two judge differently.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "src/Cli/bin/Release/net10.0/videosim"

# The first part is sized so that the program itself has no reason to refuse a file beyond its keys and values.
ACCEPTED = [
    {},
    {"$schema": "docs/config.schema.json", "preset": "micro", "seed": 0, "folds": 11},
    {"seed": 18446744073709551615},
    {"pretrain": {"batch": 1, "steps": 2147483647}, "finetune": {"batch": 65536 // 1024}},
    {"pretrain": {"batch": 2.0, "rate": 0, "losses": {"margin": 0.5, "kl_weight": 1e-9}}},
    {"pretrain": {"precision": "fp32", "on_nan": "rollback", "weight_decay": 0.01}},
    {"model": {"even_frames": True, "tag_prior": 0.01, "encoder": {"hidden_dropout_prob": 0}}},
    {"model": {}, "pretrain": {"losses": {}}},
]
REFUSED = [
    [], "micro", None,
    {"preset": "mini"}, {"seed": -1}, {"seed": 1.5}, {"seed": 18446744073709551616}, {"$schema": 1}, {"folds": 0}, {"folds": 12}, {"batch": 4},
    {"pretrain": []}, {"pretrain": None}, {"pretrain": {"batch": 0}}, {"pretrain": {"batch": 65537}}, {"pretrain": {"batch": "4"}}, {"pretrain": {"batch": 4.5}},
    {"pretrain": {"batch": True}}, {"pretrain": {"steps": 2147483648}}, {"pretrain": {"rate": -1e-9}}, {"pretrain": {"rate": 1e39}}, {"pretrain": {"step": 4}},
    {"pretrain": {"precision": "fp16"}}, {"pretrain": {"precision": 32}}, {"pretrain": {"losses": {"margin": 1}}}, {"pretrain": {"losses": {"contrastive_temperature": 0}}},
    {"pretrain": {"losses": 3}}, {"finetune": {"losses": {"rate": 3}}}, {"model": {"model": "mix"}}, {"model": {"even_frames": 1}}, {"model": {"tag_prior": 0}},
    {"model": {"encoder": {"layer_norm_eps": 0}}}, {"model": {"encoder": {"model_type": "gpt"}}}, {"model": {"encoder": {"hidden_size": 16385}}},
]


def program_accepts(text):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.json"
        file.write_text(text)
        options = ["--dry-run", "--models", "mix", "--preset", "micro", "--output-dir", folder, "--json", "--quiet"]
        done = subprocess.run([PROGRAM, "reproduce", *options, "--config", file], capture_output=True, text=True)
        if done.returncode not in (0, 1) or (done.returncode == 1 and str(file) not in done.stderr):
            sys.exit(f"{text}: exit code {done.returncode}: {done.stderr}")
        return done.returncode == 0


def main():
    schema = json.loads(subprocess.run([PROGRAM, "presets", "--schema"], check=True, capture_output=True, text=True).stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    wrong = 0
    for value, expected in [(value, True) for value in ACCEPTED] + [(value, False) for value in REFUSED]:
        text = json.dumps(value)
        verdicts = validator.is_valid(value), program_accepts(text)
        if verdicts != (expected, expected):
            print(f"{text}: accepted by the schema: {verdicts[0]}, by the program: {verdicts[1]}, expected: {expected}")
            wrong += 1
    print(f"{len(ACCEPTED) + len(REFUSED)} files, {wrong} of them judged differently")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
