"""A stand-in for Triton: runs a kernel program by program on the CPU, with PyTorch's tensors as blocks.

It has the functions that the kernels of bench/gpu/peers call, and raises an error where a program reads or writes
outside of a tensor, writes one place twice, or has a block whose size is no power of two. `float32` may be replaced
by float64, to test formulas without roundings. It does not test what only the compiler knows, such as types.
"""

import itertools
import sys
import types

import torch

current, total, written = [], [], {}


class Pointer:
    """Places in the memory of a tensor."""

    def __init__(self, tensor, at=0):
        if not tensor.is_contiguous():
            raise ValueError("the tensor is not contiguous")
        self.memory, self.at = tensor.detach().view(-1), at

    def __add__(self, more):
        moved = Pointer.__new__(Pointer)
        moved.memory, moved.at = self.memory, self.at + more
        return moved

    def places(self, mask):
        at, mask = torch.broadcast_tensors(torch.as_tensor(self.at), torch.as_tensor(True if mask is None else mask))
        if ((at < 0) | (at >= len(self.memory)))[mask].any():
            raise IndexError("a place outside of the tensor")
        return torch.where(mask, at, torch.zeros_like(at)), mask


def load(pointer, mask=None, other=None):
    at, mask = pointer.places(mask)
    values = pointer.memory[at]
    return values if other is None else where(mask, values, other)


def store(pointer, value, mask=None):
    at, mask = pointer.places(mask)
    value = torch.broadcast_to(torch.as_tensor(value), at.shape)[mask].to(pointer.memory.dtype)
    once = written.setdefault(pointer.memory.data_ptr(), torch.zeros(len(pointer.memory), dtype=torch.int32))
    once.index_add_(0, at[mask], torch.ones_like(at[mask], dtype=torch.int32))
    if once.max() > 1:
        raise RuntimeError("a place is written twice")
    pointer.memory[at[mask]] = value


class Kernel:
    """A kernel, launched as kernel[grid](...), or a function that a kernel calls."""

    def __init__(self, body):
        self.body = body

    def __call__(self, *arguments):
        return self.body(*arguments)

    def __getitem__(self, grid):
        def launch(*arguments, num_warps=4, **constants):
            arguments = [Pointer(argument) if isinstance(argument, torch.Tensor) else argument for argument in arguments]
            written.clear()
            total[:] = grid
            for place in itertools.product(*map(range, grid)):
                current[:] = place
                self.body(*arguments, **constants)

        return launch


def arange(begin, end):
    if (end - begin) & (end - begin - 1):
        raise ValueError(f"a block of {end - begin} values")
    return torch.arange(begin, end)


def where(condition, x, y):
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    kind = x.dtype if x.dim() >= y.dim() else y.dtype  # of the block, if the other is a number
    return torch.where(condition, x.to(kind), y.to(kind))


def maximum(x, y):
    return torch.maximum(x, torch.as_tensor(y, dtype=x.dtype))


def rand4x(seed, offsets):
    """Four numbers in [0, 1) that depend on the seed and the offset only. They are no Philox."""
    return [(torch.sin((offsets.double() + 1) * 12.9898 + 78.233 * (k + 1) + seed % 1000) * 43758.5453) % 1 for k in range(4)]


def interleave(x, y):
    return torch.stack((x, y), -1).flatten(-2)


language = types.ModuleType("triton.language")
language.float32, language.constexpr = torch.float32, lambda value: value
language.program_id, language.num_programs = lambda axis: current[axis], lambda axis: total[axis]
language.zeros, language.full = lambda shape, dtype: torch.zeros(shape, dtype=dtype), lambda shape, value, dtype: torch.full(shape, value, dtype=dtype)
language.sum, language.max = lambda x, axis: x.sum(axis), lambda x, axis: x.amax(axis)
for function in (torch.exp, torch.log, torch.sqrt, torch.abs, load, store, arange, where, maximum, rand4x, interleave):
    setattr(language, function.__name__, function)
jit, cdiv = Kernel, lambda count, step: -(-count // step)
next_power_of_2 = lambda count: 1 << (count - 1).bit_length()


def take_place():
    """Makes this module what `import triton` finds."""
    sys.modules |= {"triton": sys.modules[__name__], "triton.language": language}
