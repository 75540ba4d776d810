"""LayerNorm of residual + dropout(x): forward, backward and both, eager, compiled, in our own Triton kernels, and with
Liger's LayerNorm. Also PyTorch's own kernel for the backward of LayerNorm alone.

The Triton kernels are verified before each timing. Liger has no dropout and no residual for LayerNorm, so eager
PyTorch adds them. All tensors are bf16, because PyTorch needs one type; the engine has fp32 weights. Times in
microseconds.
"""

from _timing import Peer, backward_only, both_ways  # first: it ends the program if PyTorch is missing

import torch
from torch.nn import functional

DROPOUT, EPSILON = 0.1, 1e-12


def normalised(x, residual, weight, bias):
    return functional.layer_norm(residual + functional.dropout(x, DROPOUT), weight.shape, weight, bias, EPSILON)


def by_triton(x, residual, gradient):
    """The function of our Triton kernels, verified with this data."""
    from _triton_layernorm import Normalised, verify

    verify(x, residual, gradient, DROPOUT, EPSILON)
    return lambda *inputs: Normalised.apply(*inputs, DROPOUT, EPSILON)


def by_liger():
    from liger_kernel.ops.layer_norm import LigerLayerNormFunction

    return lambda x, residual, weight, bias: LigerLayerNormFunction.apply(residual + functional.dropout(x, DROPOUT), weight, bias, EPSILON)


def main():
    with Peer(__doc__, rows=16384, width=768) as peer:
        rows, width = peer.options.rows, peer.options.width
        x, residual = (peer.random(rows, width, grad=True) for _ in range(2))
        weight, bias = torch.ones(width, device=peer.device, dtype=x.dtype, requires_grad=True), torch.zeros(width, device=peer.device, dtype=x.dtype, requires_grad=True)
        gradient = peer.random(rows, width)
        inputs = (x, residual, weight, bias)

        def measure(name, function):
            def forward():
                run = function()
                return lambda: run(*inputs)

            peer.variant(f"{name} forward", forward)
            peer.variant(f"{name} backward", lambda: backward_only(forward(), inputs, gradient))
            peer.variant(f"{name} both", lambda: both_ways(forward(), inputs, gradient))

        measure("eager", lambda: normalised)
        measure("compiled", lambda: torch.compile(normalised, dynamic=False))
        def native():
            statistics = torch.native_layer_norm(x.detach(), [width], weight.detach(), bias.detach(), EPSILON)[1:]
            return lambda: torch.ops.aten.native_layer_norm_backward(gradient, x.detach(), [width], *statistics, weight.detach(), bias.detach(), [True, True, True])

        peer.variant("native_layer_norm_backward", native)
        if peer.has("triton", "triton"):
            measure("triton", lambda: by_triton(x, residual, gradient))
        if peer.has("liger", "liger_kernel.ops.layer_norm"):
            measure("liger", by_liger)


if __name__ == "__main__":
    main()
