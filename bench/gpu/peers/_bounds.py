"""Compares the results of a kernel with a reference in float64, before the kernel is timed."""

import torch

UNIT = 2.0**-24  # rounding of fp32, relative
# Most roundings on the way to one value: in sums a thread adds up to 40 values one by one, and 10 levels of a tree
# follow. The rest is for the functions: exponential, logarithm, root and quotient are correct to a few roundings.
ROUNDINGS = 64


def require(what, result, reference, terms):
    """Raises ArithmeticError unless each value is the reference up to its bound: the rounding to the type of the
    result, and ROUNDINGS in fp32 of its terms. `terms` are the sums of the magnitudes of what is added."""
    bound = torch.finfo(result.dtype).eps / 2 * reference.abs() + ROUNDINGS * UNIT * terms
    excess = ((result.double() - reference).abs() / bound.clamp(min=1e-30)).max().item()
    if not excess <= 1:  # also NaN
        raise ArithmeticError(f"{what} is wrong: its error is {excess:.3g} times its bound")
