"""LayerNorm of residual + dropout(x): forward, backward and both, eager and compiled. Also PyTorch's own kernel for
the backward of LayerNorm alone. All tensors are bf16, because PyTorch needs one type; the engine has fp32 weights.
Times in microseconds.
"""

from _timing import Peer, backward_only, both_ways  # first: it ends the program if PyTorch is missing

import torch
from torch.nn import functional

DROPOUT, EPSILON = 0.1, 1e-12


def normalised(x, residual, weight, bias):
    return functional.layer_norm(residual + functional.dropout(x, DROPOUT), weight.shape, weight, bias, EPSILON)


def main():
    with Peer(__doc__, rows=16384, width=768) as peer:
        rows, width = peer.options.rows, peer.options.width
        x, residual = (peer.random(rows, width, grad=True) for _ in range(2))
        weight, bias = torch.ones(width, device=peer.device, dtype=x.dtype, requires_grad=True), torch.zeros(width, device=peer.device, dtype=x.dtype, requires_grad=True)
        gradient = peer.random(rows, width)
        inputs = (x, residual, weight, bias)
        for name in ("eager", "compiled"):
            def function():
                return normalised if name == "eager" else torch.compile(normalised, dynamic=False)

            def forward():
                run = function()
                return lambda: run(*inputs)

            peer.variant(f"{name} forward", forward)
            peer.variant(f"{name} backward", lambda: backward_only(forward(), inputs, gradient))
            peer.variant(f"{name} both", lambda: both_ways(forward(), inputs, gradient))

        def native():
            statistics = torch.native_layer_norm(x.detach(), [width], weight.detach(), bias.detach(), EPSILON)[1:]
            return lambda: torch.ops.aten.native_layer_norm_backward(gradient, x.detach(), [width], *statistics, weight.detach(), bias.detach(), [True, True, True])

        peer.variant("native_layer_norm_backward", native)


if __name__ == "__main__":
    main()
