"""Writes encoders of published size with random weights, one folder for each container.

    /usr/bin/python3 make.py FOLDER

Needs 5 GB on disk, 3 GB of memory, and the packages that tests/Golden/pretrained/make.py needs.
"""

import os
import sys
from collections import OrderedDict
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "Golden"
sys.path[:0] = [str(GOLDEN / "pretrained"), str(GOLDEN)]
sys.dont_write_bytecode = True

import torch  # noqa: E402

import make as small  # noqa: E402
from mix.model import EncoderSizes, encoder_shapes  # noqa: E402

SIZES = {
    "bert": EncoderSizes(vocabulary=21128, positions=512, width=768, heads=12, layers=12, feed_forward=3072),
    "roformer": EncoderSizes(vocabulary=50000, positions=1536, width=768, heads=12, layers=12, feed_forward=3072),
}
LEGACY = {"_use_new_zipfile_serialization": False}


def main():
    root = Path(sys.argv[1])
    for kind, sizes in SIZES.items():
        small.SIZES = sizes
        small.VOCABULARY = small.SPECIAL + [f"piece{i}" for i in range(sizes.vocabulary - len(small.SPECIAL))]
        generator = torch.Generator().manual_seed(1)
        weights = OrderedDict((name, torch.randn(shape, generator=generator) * 0.02) for name, shape in encoder_shapes(sizes, kind).items())
        print(f"{kind}: {sum(value.numel() for value in weights.values()):,} parameters")
        writers = {
            "safetensors": lambda folder: small.write_safetensors(folder / "model.safetensors", weights),
            "safetensors-shards": lambda folder: small.split(folder / "model", weights, ".safetensors", small.write_safetensors),
            "zip": lambda folder: torch.save(weights, folder / "pytorch_model.bin"),
            "zip-half": lambda folder: torch.save(OrderedDict((n, v.half()) for n, v in weights.items()), folder / "pytorch_model.bin"),
            "zip-shards": lambda folder: small.split(folder / "pytorch_model", weights, ".bin", lambda path, part: torch.save(part, path)),
            "legacy": lambda folder: torch.save(weights, folder / "pytorch_model.bin", **LEGACY),
            "keras": lambda folder: small.write_keras(folder / "tf_model.h5", weights, kind, "", "weight"),
        }
        for name, write in writers.items():
            folder = root / f"{kind}-{name}"
            os.makedirs(folder, exist_ok=True)
            small.write_descriptions(folder, kind)
            write(folder)


if __name__ == "__main__":
    main()
