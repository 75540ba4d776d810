"""NetVLAD at the shapes of KernelBench, level 3, problem 47 (commit 423217d): 2,048 videos of 100 frames of 512
values, 32 clusters, no ghost clusters. KernelBench times forward in fp32. Here it also runs with bf16 autocast, as our
kernels do, and forward and backward together; the frames have a gradient, too.

Formulas: Arandjelovic et al., "NetVLAD", 2016, with the batch normalisation of the cluster logits that KernelBench has
in place of their bias. Our kernel is that of NeXtVLAD with one group. It also weighs each frame by its attention. It
leaves out the last normalisation, which only divides by the root of the number of clusters. "product" is the product
of frames and clusters, which our kernel does not contain. Times in microseconds.
"""

from _timing import Peer, both_ways  # first: it ends the program if PyTorch is missing

import torch
from torch import nn
from torch.nn import functional


class NetVlad(nn.Module):
    def __init__(self, width, clusters):
        super().__init__()
        self.assign = nn.Linear(width, clusters, bias=False)
        self.norm = nn.BatchNorm1d(clusters)
        self.centres = nn.Parameter(width**-0.5 * torch.randn(width, clusters))

    def forward(self, frames):
        batch, count, width = frames.shape
        logits = self.norm(self.assign(frames.reshape(-1, width)))                           # [B F, K]
        assigned = torch.softmax(logits, dim=-1).reshape(batch, count, -1)                   # [B, F, K]
        residuals = frames.transpose(1, 2) @ assigned - self.centres * assigned.sum(1, keepdim=True)  # [B, D, K]
        return functional.normalize(functional.normalize(residuals, dim=1).flatten(1), dim=1)


def main():
    with Peer(__doc__, batch=2048, frames=100, frame_width=512, clusters=32) as peer:
        o = peer.options
        frames = peer.random(o.batch, o.frames, o.frame_width, grad=True)
        model = NetVlad(o.frame_width, o.clusters).to(peer.device)

        def descriptor(frames):
            with torch.autocast(peer.device.type, dtype=torch.bfloat16, enabled=frames.dtype == torch.bfloat16):
                return model(frames)

        def forward(name, dtype):
            run = torch.compile(descriptor, dynamic=False) if name == "compiled" else descriptor
            data = frames.detach().to(dtype)

            def call():
                with torch.no_grad():
                    return run(data)

            return call

        def both(name):
            run = torch.compile(descriptor, dynamic=False) if name == "compiled" else descriptor
            gradient = torch.randn_like(run(frames))
            return both_ways(lambda: run(frames), (frames, *model.parameters()), gradient)

        for name in ("eager", "compiled"):
            peer.variant(f"{name} forward", lambda: forward(name, torch.bfloat16))
            peer.variant(f"{name} both", lambda: both(name))
            peer.variant(f"{name} forward, fp32", lambda: forward(name, torch.float32))
        peer.variant("product forward", lambda: product(peer, backward=False))
        peer.variant("product both", lambda: product(peer, backward=True))


def product(peer, backward):
    o = peer.options
    frames, clusters = peer.random(o.batch * o.frames, o.frame_width), peer.random(o.frame_width, o.clusters)
    gradient = peer.random(o.batch * o.frames, o.clusters)

    def call():
        frames @ clusters
        if backward:
            gradient @ clusters.t(), frames.t() @ gradient

    return call


if __name__ == "__main__":
    main()
