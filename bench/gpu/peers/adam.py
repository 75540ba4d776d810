"""One update of fused AdamW over as many fp32 parameters as MixNextvlad has, as tensors of a model's sizes and as
one flat tensor, and with the bf16 copies that a step in mixed precision multiplies by, which the engine's kernel
writes on the way. Times in microseconds.
"""

from _timing import Peer  # first: it ends the program where there is no torch

import torch


def shapes(count, width):
    """A word table and encoder layers; what is left over as one tensor."""
    tensors = [(21128, width)] + 12 * ([(3 * width, width), (width, width), (4 * width, width), (width, 4 * width)] + 10 * [(width,)])
    while sum(torch.Size(shape).numel() for shape in tensors) > count:
        tensors.pop(0)
    rest = count - sum(torch.Size(shape).numel() for shape in tensors)
    return tensors + ([(rest,)] if rest else [])


def update(peer, sizes, copies):
    parameters = [torch.nn.Parameter(peer.random(*size, dtype=torch.float32, scale=0.02)) for size in sizes]
    for parameter in parameters:
        parameter.grad = peer.random(*parameter.shape, dtype=torch.float32, scale=1e-3)
    fused = {"fused": True, "capturable": True} if peer.cuda else {}
    optimizer = torch.optim.AdamW(parameters, lr=1e-5, weight_decay=0.0, **fused)
    halves = [parameter.detach().to(torch.bfloat16) for parameter in parameters] if copies else []

    def call():
        optimizer.step()
        if copies:
            torch._foreach_copy_(halves, [parameter.detach() for parameter in parameters])

    return call


def main():
    with Peer(__doc__, count=206_935_371, width=768) as peer:
        tensors = shapes(peer.options.count, peer.options.width)
        for name, sizes in (("tensors", tensors), ("flat", [(peer.options.count,)])):
            for copies in (False, True):
                peer.variant(name + (" with bf16 copies" if copies else ""), lambda: update(peer, sizes, copies))


if __name__ == "__main__":
    main()
