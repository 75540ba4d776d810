"""LayerNorm of s = residual + dropout(x) in Triton, for a comparison with the engine's kernel.

    y = n weight + bias,  n = (s - mean) rstd
    g = dY weight:  ds = rstd (g - mean(g) - n mean(g n)),  dX = ds factor,  dResidual = ds
    dWeight = sum dY n,  dBias = sum dY
    x, residual, y [rows, width]   weight, bias [width]   mean, rstd [rows], fp32

A program has whole rows in registers. Forward reads x and residual and writes y. Backward reads dY, x and residual
and draws the numbers of dropout again. Each program adds dWeight and dBias over its rows; `add_partial` adds the
programs. The engine's kernel for bf16 is the same but for two things: it computes n from y instead of x and residual,
and its LayerNorm also has a bias of x.
"""

import torch
import triton
import triton.language as tl
from torch.nn import functional

from _bounds import require

SEED = 20261201
WARPS = 4       # of a program: 8 values a thread in a row of 1,024
PROGRAMS = 528  # of backward: 4 for each multiprocessor of an H100
PARTIAL_ROWS, PARTIAL_COLUMNS = 64, 16  # of a step of `add_partial`; 768 columns are 48 programs a vector


@triton.jit
def sum_of_row(X, Residual, row, columns, inside, width, dropped, seed, BLOCK: tl.constexpr):
    """s of a row, and its factors of dropout. Four neighbouring columns share a counter of random numbers."""
    a, b, c, d = tl.rand4x(seed, row * (BLOCK // 4) + tl.arange(0, BLOCK // 4))
    uniform = tl.interleave(tl.interleave(a, c), tl.interleave(b, d))
    factor = tl.where(uniform >= dropped, 1 / (1 - dropped), 0.0)
    x = tl.load(X + row * width + columns, mask=inside, other=0.0).to(tl.float32)
    residual = tl.load(Residual + row * width + columns, mask=inside, other=0.0).to(tl.float32)
    return residual + factor * x, factor


@triton.jit
def forward_row(X, Residual, Weight, Bias, Y, Mean, Rstd, width, dropped, epsilon, seed, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    s, factor = sum_of_row(X, Residual, row, columns, inside, width, dropped, seed, BLOCK)
    mean = tl.sum(s, 0) / width  # s is 0 outside
    difference = tl.where(inside, s - mean, 0.0)
    rstd = 1 / tl.sqrt(tl.sum(difference * difference, 0) / width + epsilon)
    weight = tl.load(Weight + columns, mask=inside, other=0.0).to(tl.float32)
    bias = tl.load(Bias + columns, mask=inside, other=0.0).to(tl.float32)
    tl.store(Y + row * width + columns, difference * rstd * weight + bias, mask=inside)
    tl.store(Mean + row, mean)
    tl.store(Rstd + row, rstd)


@triton.jit
def backward_rows(dY, X, Residual, Weight, Mean, Rstd, dX, dResidual, Partial, rows, width, dropped, seed, BLOCK: tl.constexpr):
    first, programs = tl.program_id(0), tl.num_programs(0)
    columns = tl.arange(0, BLOCK)
    inside = columns < width
    weight = tl.load(Weight + columns, mask=inside, other=0.0).to(tl.float32)
    of_weight = tl.zeros([BLOCK], tl.float32)
    of_bias = tl.zeros([BLOCK], tl.float32)
    for row in range(first, rows, programs):
        s, factor = sum_of_row(X, Residual, row, columns, inside, width, dropped, seed, BLOCK)
        rstd = tl.load(Rstd + row)
        n = (s - tl.load(Mean + row)) * rstd  # outside, g is 0
        g = tl.load(dY + row * width + columns, mask=inside, other=0.0).to(tl.float32)
        of_weight += g * n
        of_bias += g
        g = g * weight
        ds = rstd * (g - tl.sum(g, 0) / width - n * (tl.sum(g * n, 0) / width))
        tl.store(dX + row * width + columns, ds * factor, mask=inside)
        tl.store(dResidual + row * width + columns, ds, mask=inside)
    tl.store(Partial + first * width + columns, of_weight, mask=inside)
    tl.store(Partial + (programs + first) * width + columns, of_bias, mask=inside)


@triton.jit
def add_partial(Partial, Gradients, programs, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Adds the programs' sums [2, programs, width] to the gradients [2, width]."""
    vector = tl.program_id(1)
    columns = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = columns < width
    total = tl.zeros([ROWS, COLUMNS], tl.float32)
    for first in range(0, programs, ROWS):
        program = first + tl.arange(0, ROWS)
        at = (vector * programs + program)[:, None] * width + columns[None, :]
        total += tl.load(Partial + at, mask=(program < programs)[:, None] & inside[None, :], other=0.0)
    tl.store(Gradients + vector * width + columns, tl.sum(total, 0), mask=inside)


class Normalised(torch.autograd.Function):
    """Takes x, residual, weight, bias, the probability of dropout and epsilon."""

    @staticmethod
    def forward(context, x, residual, weight, bias, dropped, epsilon):
        rows, width = x.shape
        y, mean, rstd = torch.empty_like(x), torch.empty(rows, device=x.device), torch.empty(rows, device=x.device)
        forward_row[(rows,)](x, residual, weight, bias, y, mean, rstd, width, dropped, epsilon, SEED, BLOCK=triton.next_power_of_2(width), num_warps=WARPS)
        context.save_for_backward(x, residual, weight, mean, rstd)
        context.dropped = dropped
        return y

    @staticmethod
    def backward(context, gradient):
        x, residual, weight, mean, rstd = context.saved_tensors
        (rows, width), programs = x.shape, min(x.shape[0], PROGRAMS)
        of_x, of_residual = torch.empty_like(x), torch.empty_like(residual)
        partial = torch.empty(2, programs, width, device=x.device)
        vectors = torch.empty(2, width, device=x.device, dtype=weight.dtype)
        backward_rows[(programs,)](gradient, x, residual, weight, mean, rstd, of_x, of_residual, partial, rows, width, context.dropped, SEED,
                                   BLOCK=triton.next_power_of_2(width), num_warps=WARPS)
        add_partial[(triton.cdiv(width, PARTIAL_COLUMNS), 2)](partial, vectors, programs, width, ROWS=PARTIAL_ROWS, COLUMNS=PARTIAL_COLUMNS, num_warps=WARPS)
        return of_x, of_residual, vectors[0], vectors[1], None, None


def verify(x, residual, gradient, dropped, epsilon):
    """Raises ArithmeticError unless all results are those of the eager formulas in float64, with random vectors and
    with the elements dropped that the kernels dropped. Those have the gradient 0."""
    width = x.shape[1]
    weight, bias = (torch.randn(width, device=x.device).to(x.dtype).requires_grad_() for _ in range(2))
    inputs = (x, residual, weight, bias)
    y = Normalised.apply(*inputs, dropped, epsilon)
    results = [y, *torch.autograd.grad(y, inputs, gradient, retain_graph=True)]
    # One gradient in some million is 0 by chance. Another gradient then is not.
    kept = (results[1] != 0) | (torch.autograd.grad(y, x, gradient.flip(0))[0] != 0)
    expected, share = 1 - dropped, kept.double().mean().item()
    if abs(share - expected) > 6 * (dropped * expected / x.numel()) ** 0.5:
        raise ArithmeticError(f"dropout keeps {share:.4f} of the elements, not {expected:.4f}")
    if 0 < share < 1 and len(kept) > 1 and (kept == kept[0]).all():
        raise ArithmeticError("dropout keeps the same columns in all rows")

    doubles = [tensor.detach().double().requires_grad_() for tensor in inputs]
    factor = kept.double() / expected
    s = doubles[1] + factor * doubles[0]
    reference = functional.layer_norm(s, [width], doubles[2], doubles[3], epsilon)
    references = [reference, *torch.autograd.grad(reference, doubles, gradient.double())]
    for what, result, reference, terms in zip(("y", "dX", "dResidual", "dWeight", "dBias"), results, references, terms_of(doubles, factor, s, gradient, epsilon)):
        require(what, result, reference, terms)


@torch.no_grad()
def terms_of(inputs, factor, s, gradient, epsilon):
    """Sums of magnitudes for the bounds. `reach` is the largest term of s in units of the row's deviation. It is the
    error of n in roundings, relative to n; another factor of it is the error of rstd."""
    x, residual, weight, bias = inputs
    rstd = (s.var(1, unbiased=False, keepdim=True) + epsilon) ** -0.5
    reach = 1 + rstd * (residual.abs() + (factor * x).abs()).amax(1, keepdim=True)
    g = (gradient * weight).abs()
    of_sum = rstd * reach * (g + reach * g.mean(1, keepdim=True))
    return reach**2 * weight.abs() + bias.abs(), factor * of_sum, of_sum, (reach**2 * gradient.abs()).sum(0), gradient.double().abs().sum(0)
