"""Attention of short sequences, forward and backward: all backends of scaled_dot_product_attention, and FlexAttention.

Each backend has the key mask and dropout if it supports them; "mask" and "dropout" of a result say so. Rotary
positions are separate kernels before it, eager and compiled. The mask is made once, as numbers that are added to the
scores. PyTorch would convert a mask of booleans to such numbers on every call. Times in microseconds.
"""

from _timing import Peer, both_ways  # first: it ends the program if PyTorch is missing

import contextlib

import torch
from torch.nn import functional

DROPOUT = 0.1
BACKENDS = {"default": None, "flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "cudnn": "CUDNN_ATTENTION", "math": "MATH"}


def only(backend):
    if backend is None:
        return contextlib.nullcontext()
    from torch.nn.attention import SDPBackend, sdpa_kernel

    return sdpa_kernel(getattr(SDPBackend, backend))


def additive(kept, heads, dtype):
    """A mask for the scores [B, H, S, S] from the kept keys [B, S]. It takes the memory of [B, S]."""
    hidden = torch.zeros(kept.shape, dtype=dtype, device=kept.device).masked_fill_(~kept, -10000.0)
    return hidden[:, None, None, :].expand(-1, heads, kept.shape[1], -1)


def rotated(x, sine, cosine):
    """Turns neighbouring pairs (2i, 2i + 1) by the angle of their position."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, odd * cosine + even * sine), dim=-1).flatten(-2)


def flex(q, k, v, lengths, turned, gradient):
    from torch.nn.attention.flex_attention import flex_attention

    def within(score, b, h, i, j):
        return torch.where(j < lengths[b], score, -float("inf"))

    compiled = torch.compile(flex_attention, dynamic=False)
    return both_ways(lambda: compiled(turned(q), turned(k), v, score_mod=within), (q, k, v), gradient), {"mask": True, "dropout": False}


def measure(peer, batch, length):
    heads, depth = peer.options.heads, peer.options.depth
    # [B, S, H, D] in memory, as products write them; attention reads [B, H, S, D].
    q, k, v = (peer.random(batch, length, heads, depth).transpose(1, 2).requires_grad_() for _ in range(3))
    gradient = peer.random(batch, length, heads, depth).transpose(1, 2)
    lengths = torch.randint(length // 4, length + 1, (batch,), device=peer.device)
    mask = additive(torch.arange(length, device=peer.device) < lengths[:, None], heads, q.dtype)
    angles = torch.arange(length, device=peer.device)[:, None] * 10000.0 ** (-torch.arange(0, depth, 2, device=peer.device) / depth)
    sine, cosine = angles.sin().to(q.dtype), angles.cos().to(q.dtype)
    case = f"B{batch} S{length}"
    turn = {"": lambda x: x, " + eager rotary": lambda x: rotated(x, sine, cosine)}
    with contextlib.suppress(AttributeError):  # before 2.0
        compiled = torch.compile(rotated, dynamic=False)
        turn[" + compiled rotary"] = lambda x: compiled(x, sine, cosine)

    def call(backend, masked, dropout, turned):
        def forward():
            with only(backend):
                return functional.scaled_dot_product_attention(turned(q), turned(k), v, attn_mask=mask if masked else None, dropout_p=DROPOUT if dropout else 0.0)

        return both_ways(forward, (q, k, v), gradient), {"mask": masked, "dropout": dropout}

    def alone(turned):
        return both_ways(lambda: turned(q) + turned(k), (q, k), gradient)

    for kind, turned in turn.items():
        if kind and length != peer.options.rotary_length:
            continue
        for name, backend in BACKENDS.items():
            if kind == " + eager rotary" and backend is not None:
                continue  # one backend shows the cost
            # The first combination of mask and dropout that the backend supports.
            for masked, dropout in ((True, True), (False, True), (True, False), (False, False)):
                if peer.variant(f"{case} {name}{kind}", lambda: call(backend, masked, dropout, turned)):
                    break
        if kind != " + eager rotary":
            peer.variant(f"{case} flex{kind}", lambda: flex(q, k, v, lengths, turned, gradient))
        if kind:
            peer.variant(f"{case}{kind} alone", lambda: alone(turned))


def main():
    with Peer(__doc__, cases="256x64 256x32 128x128", rotary_length=64, heads=12, depth=64) as peer:
        for case in peer.options.cases.split():
            measure(peer, *map(int, case.split("x")))


if __name__ == "__main__":
    main()
