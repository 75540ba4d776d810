"""Writes the zip archive of torch.save from the format's description, for what PyTorch 1.13 cannot write: the record
`byteorder` (either order) and `.data/serialization_id`."""

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np


class _Global:
    """Pickled as a global of PyTorch by name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Storage:
    def __init__(self, kind, key, count):
        self.kind, self.key, self.count = kind, key, count


class _Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape


class _Pickler(pickle._Pickler):  # the one in Python: its methods can be replaced
    def persistent_id(self, value):
        if isinstance(value, _Storage):
            return "storage", value.kind, value.key, "cpu", value.count
        return None

    def save_global_by_name(self, value):
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def save_tensor(self, value):
        strides = tuple(int(np.prod(value.shape[i + 1 :], dtype=np.int64)) for i in range(len(value.shape)))
        self.save_global_by_name(_Global("torch._utils", "_rebuild_tensor_v2"))
        self.save((value.storage, 0, tuple(value.shape), strides, False, OrderedDict()))
        self.write(pickle.REDUCE)

    dispatch = {**pickle._Pickler.dispatch, _Global: save_global_by_name, _Tensor: save_tensor}


def write(path, tensors, byte_order):
    """tensors: name -> float32 numpy array."""
    swap = ">f4" if byte_order == "big" else "<f4"
    values, records = OrderedDict(), {}
    for key, (name, array) in enumerate(tensors.items()):
        records[f"data/{key}"] = array.astype(swap).tobytes()
        values[name] = _Tensor(_Storage(_Global("torch", "FloatStorage"), str(key), array.size), array.shape)
    content = io.BytesIO()
    _Pickler(content, protocol=2).dump(values)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {"data.pkl": content.getvalue(), "byteorder": byte_order.encode(), **records, "version": b"3\n",
                           ".data/serialization_id": b"0" * 40}.items():
            archive.writestr(zipfile.ZipInfo(f"pytorch_model/{name}", (1980, 1, 1, 0, 0, 0)), data)
