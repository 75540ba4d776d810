"""The asymmetric loss of tags for all heads of MixNextvlad, values and gradients.

Four variants: the plain formulas, eager and compiled, the common "optimised" form, in place and without gradients of
the focusing weights, and our own Triton kernel, which is verified before its timing. Each also runs with the
consistency of the experts with the mixture. Logits are fp32, as in
the engine's kernel, or bf16, with half the bytes. Formulas: Ridnik et al., "Asymmetric loss for multi-label
classification", 2021. Here the focus is 1 for absent tags and 0 for present ones, without a margin. Times in
microseconds.
"""

from _timing import Peer, both_ways  # first: it ends the program if PyTorch is missing

import torch

FOCUS, EPSILON, TEMPERATURE = 1.0, 1e-8, 2.0


def asymmetric(logits, labels):
    """Sum over the heads [heads, B, tags] of the loss with labels [B, tags]."""
    probability = torch.sigmoid(logits)
    wrong = torch.where(labels > 0, 1 - probability, probability)
    focus = torch.where(labels > 0, torch.ones_like(wrong), wrong**FOCUS)
    likelihood = labels * torch.log(probability.clamp(min=EPSILON)) + (1 - labels) * torch.log((1 - probability).clamp(min=EPSILON))
    return -(focus * likelihood).sum()


def optimised(logits, labels):
    """The same with the least memory in eager PyTorch: in place, the focus as a constant."""
    absent = 1 - labels
    present_probability = torch.sigmoid(logits)
    absent_probability = 1.0 - present_probability
    loss = labels * torch.log(present_probability.clamp(min=EPSILON))
    loss.add_(absent * torch.log(absent_probability.clamp(min=EPSILON)))
    with torch.no_grad():
        kept = present_probability.detach().mul(labels).add_(absent_probability.detach().mul(absent))
        focus = torch.pow(1 - kept, FOCUS * absent)
    loss *= focus
    return -loss.sum()


def consistency(logits):
    """Consistency of the experts (heads 1 and up) with the mixture (head 0): sum of P (log P - log Q)."""
    softened = torch.softmax(logits / TEMPERATURE, dim=-1)
    mixture, experts = softened[:1], softened[1:]
    return (mixture * (torch.log(mixture + EPSILON) - torch.log(experts + EPSILON))).sum()


def call(loss, compiled, logits, labels):
    run = torch.compile(loss, dynamic=False) if compiled else loss
    return both_ways(lambda: run(logits, labels), (logits,), None)


def by_triton(logits, labels, consistent):
    from _triton_tags import losses, verify

    logits, labels = logits.detach(), labels.to(torch.uint8)
    verify(logits, labels, [asymmetric, lambda z, _: consistency(z)][: 1 + consistent], TEMPERATURE, EPSILON)
    return lambda: losses(logits, labels, consistent, TEMPERATURE, EPSILON)


def main():
    with Peer(__doc__, heads=4, batch=256, tags=10000) as peer:
        o = peer.options
        labels = torch.rand(o.batch, o.tags, device=peer.device) < 1e-3
        losses = {
            " with consistency": lambda loss: lambda z, y: loss(z, y) + consistency(z),
            "": lambda loss: loss,
        }
        has_triton = peer.has("triton", "triton")
        for suffix, dtype in ((", fp32", torch.float32), ("", torch.bfloat16)):
            logits = peer.random(o.heads, o.batch, o.tags, dtype=dtype, grad=True)
            for what, extended in losses.items():
                for name, loss, compiled in (("eager", asymmetric, False), ("compiled", asymmetric, True), ("optimised", optimised, False)):
                    peer.variant(name + what + suffix, lambda: call(extended(loss), compiled, logits, labels.to(dtype)))
                if has_triton:
                    peer.variant("triton" + what + suffix, lambda: by_triton(logits, labels, what != ""))


if __name__ == "__main__":
    main()
