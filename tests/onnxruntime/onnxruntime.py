"""A stand-in for the Python package onnxruntime, which Debian does not have. It runs the same native library.

The environment variable ONNXRUNTIME names libonnxruntime.so of the NuGet package Microsoft.ML.OnnxRuntime. Of the
Python package it has what examples/python/run_onnx.py uses. Nothing is released before the process ends.
"""

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p

import numpy as np

WARNING, ARENA_ALLOCATOR, DEFAULT_MEMORY = 2, 1, 0
FLOAT, INT64 = 1, 7  # types of elements in ONNX

# The library's functions by their places in OrtApi of onnxruntime_c_api.h. Newer versions add functions at its end.
API_VERSION, GET_ERROR_MESSAGE = 16, 2
FUNCTIONS = {
    "create_env": (3, c_int, c_char_p, c_void_p),
    "create_session": (7, c_void_p, c_char_p, c_void_p, c_void_p),
    "run": (9, c_void_p, c_void_p, POINTER(c_char_p), POINTER(c_void_p), c_size_t, POINTER(c_char_p), c_size_t, POINTER(c_void_p)),
    "create_options": (10, c_void_p),
    "get_output_name": (37, c_void_p, c_size_t, c_void_p, c_void_p),
    "create_tensor": (49, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_int, c_void_p),
    "get_data": (51, c_void_p, c_void_p),
    "count_dimensions": (61, c_void_p, c_void_p),
    "get_dimensions": (62, c_void_p, c_void_p, c_size_t),
    "get_shape": (65, c_void_p, c_void_p),
    "create_cpu_memory": (69, c_int, c_int, c_void_p),
    "get_allocator": (78, c_void_p),
}


class _ApiBase(ctypes.Structure):
    _fields_ = [("get_api", ctypes.CFUNCTYPE(POINTER(c_void_p), c_uint32)), ("get_version", c_void_p)]


_library = ctypes.CDLL(os.environ["ONNXRUNTIME"])
_library.OrtGetApiBase.restype = POINTER(_ApiBase)
_api = _library.OrtGetApiBase().contents.get_api(API_VERSION)


def _call(name, *arguments):
    place, *types = FUNCTIONS[name]
    error = ctypes.CFUNCTYPE(c_void_p, *types)(_api[place])(*arguments)
    if error:
        raise RuntimeError(ctypes.CFUNCTYPE(c_char_p, c_void_p)(_api[GET_ERROR_MESSAGE])(error).decode())


def _made(name, *arguments, kind=c_void_p):
    """What a function writes to its last argument."""
    result = kind()
    _call(name, *arguments, byref(result))
    return result


class InferenceSession:
    def __init__(self, path, providers):
        if providers != ["CPUExecutionProvider"]:
            raise ValueError("this stand-in runs on the CPU")
        self._env = _made("create_env", WARNING, b"videosim")
        self._session = _made("create_session", self._env, os.fsencode(path), _made("create_options"))
        self._output = _made("get_output_name", self._session, 0, _made("get_allocator"), kind=c_char_p)

    def run(self, output_names, feeds):
        """The only output for arrays of float32 and int64."""
        memory = _made("create_cpu_memory", ARENA_ALLOCATOR, DEFAULT_MEMORY)
        arrays = [np.ascontiguousarray(array) for array in feeds.values()]
        tensors = [_made("create_tensor", memory, array.ctypes.data, array.nbytes, (c_int64 * array.ndim)(*array.shape), array.ndim,
                         {"float32": FLOAT, "int64": INT64}[array.dtype.name]) for array in arrays]
        names, results = (c_char_p * len(feeds))(*map(str.encode, feeds)), (c_void_p * 1)()
        values = (c_void_p * len(tensors))(*[tensor.value for tensor in tensors])
        _call("run", self._session, None, names, values, len(tensors), (c_char_p * 1)(self._output), 1, results)
        info = _made("get_shape", results[0])
        shape = (c_int64 * _made("count_dimensions", info, kind=c_size_t).value)()
        _call("get_dimensions", info, shape, len(shape))
        data = ctypes.cast(_made("get_data", results[0]), POINTER(ctypes.c_float))
        return [np.ctypeslib.as_array(data, tuple(shape)).copy()]
