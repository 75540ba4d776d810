"""check_npz.py read FILE: prints the arrays of a .npz file of embeddings as JSON, with the bits of float32 values.
check_npz.py write FOLDER: writes files of embeddings as programs with NumPy do. Prints their ids and values as JSON.

Debian's python3-numpy. Nothing is unpickled.
"""

import json
import sys
from pathlib import Path

import numpy


def read(path):
    with numpy.load(path, allow_pickle=False) as arrays:
        values = arrays["embeddings"]
        assert values.dtype == numpy.float32 and arrays["ids"].ndim == 1 and values.shape[0] == arrays["ids"].shape[0]
        return {
            "ids": arrays["ids"].tolist(),
            "titles": arrays["titles"].tolist() if "titles" in arrays else None,
            "origin": arrays["origin"].item() if "origin" in arrays else None,
            "width": values.shape[1],
            "bits": values.view(numpy.int32).ravel().tolist(),
        }


def write(folder):
    values = numpy.random.default_rng(1).standard_normal((50, 7))
    ids = numpy.array([f"v{i} 海😀" for i in range(50)])
    origin = json.dumps({"model": "mix", "fold": 3, "checkpoint": "a" * 64, "precision": "float32"})
    numpy.savez(folder / "plain.npz", ids=ids, embeddings=values)
    numpy.savez_compressed(folder / "compressed.npz", ids=ids, embeddings=values)
    numpy.savez(folder / "origin.npz", embeddings=values, ids=ids, origin=origin)
    numpy.savez(folder / "objects.npz", ids=ids.astype(object), embeddings=values)
    return {"ids": ids.tolist(), "values": values.ravel().tolist()}


command, path = sys.argv[1:]
print(json.dumps({"read": read, "write": write}[command](Path(path))))
