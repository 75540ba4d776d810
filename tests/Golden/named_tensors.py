"""Named tensors on disk: 8-byte little-endian header length, JSON header, raw little-endian data (safetensors)."""

import json
import struct

import numpy as np

CODES = {"float64": "F64", "int64": "I64", "int32": "I32"}


def to_bytes(tensors, metadata):
    """The file's bytes for name -> numpy array or torch tensor; a scalar is stored with shape [1].

    Tensors lie sorted by name, the wider element types first, so that every one is aligned.
    """
    header = {"__metadata__": {key: str(value) for key, value in sorted(metadata.items())}}
    arrays = {name: np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor) for name, tensor in tensors.items()}
    chunks, offset = [], 0
    for name, array in sorted(arrays.items(), key=lambda entry: (-entry[1].itemsize, entry[0])):
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name}: holds a value that is not finite")
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()  # row-major
        header[name] = {
            "dtype": CODES[array.dtype.name],
            "shape": list(array.shape) or [1],
            "data_offsets": [offset, offset + len(data)],
        }
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)  # so that the data starts at a multiple of eight
    return struct.pack("<Q", len(text)) + text + b"".join(chunks)
