"""One update of fused AdamW over as many fp32 parameters as MixNextvlad has. The parameters are tensors of a model's
sizes, or one flat tensor. A second variant of each also writes bf16 copies of the weights, which a step in mixed
precision needs and which the engine's kernel writes as well. Times in microseconds.
"""

from _timing import Peer  # first: it ends the program if PyTorch is missing

import torch


def shapes(count, width):
    """A word table and encoder layers, and one tensor for the rest."""
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
