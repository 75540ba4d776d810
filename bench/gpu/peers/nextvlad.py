"""NeXtVLAD: three experts over the same frames, forward and backward, eager and compiled, with bf16 autocast. Also its
matrix products alone. Formulas: Lin et al., "NeXtVLAD", 2018, with MixNextvlad's batch normalisation of the cluster
logits. Frames are data and have no gradient. Times in microseconds.
"""

from _timing import Peer  # first: it ends the program if PyTorch is missing

import torch
from torch import nn
from torch.nn import functional


class NextVlad(nn.Module):
    def __init__(self, options):
        super().__init__()
        expanded = options.expansion * options.frame_width
        self.groups, self.clusters, self.dropout = options.groups, options.clusters, options.dropout
        self.expand = nn.Linear(options.frame_width, expanded)
        self.attention = nn.Linear(expanded, options.groups)
        self.cluster = nn.Linear(expanded, options.groups * options.clusters, bias=False)
        self.norm = nn.BatchNorm1d(options.groups * options.clusters)
        self.centres = nn.Parameter(0.02 * torch.randn(expanded // options.groups, options.clusters))
        self.output = nn.Linear(expanded // options.groups * options.clusters, options.width)

    def forward(self, frames):
        batch, count, _ = frames.shape
        hidden = self.expand(frames)                                                        # [B, F, G D]
        gate = torch.sigmoid(self.attention(hidden)).reshape(batch, count * self.groups, 1)  # [B, F G, 1]
        logits = self.norm(self.cluster(hidden).reshape(batch * count, -1))
        assigned = torch.softmax(logits.reshape(batch, count * self.groups, self.clusters), dim=-1) * gate  # [B, F G, K]
        rows = hidden.reshape(batch, count * self.groups, -1)                               # [B, F G, D]
        residuals = rows.transpose(1, 2) @ assigned - self.centres * assigned.sum(1, keepdim=True)  # [B, D, K]
        descriptor = functional.normalize(residuals, dim=1).flatten(1)
        return self.output(functional.dropout(descriptor, self.dropout, self.training))


def main():
    sizes = dict(experts=3, batch=256, frames=32, frame_width=1536, expansion=2, groups=8, clusters=64, width=1024, dropout=0.2)
    with Peer(__doc__, **sizes) as peer:
        options = peer.options
        frames = peer.random(options.batch, options.frames, options.frame_width)
        experts = nn.ModuleList(NextVlad(options) for _ in range(options.experts)).to(peer.device)
        parameters = list(experts.parameters())
        gradient = peer.random(options.experts, options.batch, options.width)

        def all_experts(frames):
            with torch.autocast(peer.device.type, dtype=torch.bfloat16):
                return torch.stack([expert(frames) for expert in experts])

        def call(compiled):
            run = torch.compile(all_experts, dynamic=False) if compiled else all_experts
            return lambda: torch.autograd.grad(run(frames), parameters, gradient.to(torch.bfloat16))

        peer.variant("eager", lambda: call(False))
        peer.variant("compiled", lambda: call(True))
        peer.variant("products", lambda: products(peer))


def products(peer):
    """The products of all experts, stacked if they share an operand. The products of the aggregation are left out."""
    o = peer.options
    rows, expanded, joined = o.batch * o.frames, o.expansion * o.frame_width, o.groups * (o.clusters + 1)
    described = expanded // o.groups * o.clusters
    frames, hidden = peer.random(rows, o.frame_width), peer.random(o.experts, rows, expanded)
    expand, assign = peer.random(o.frame_width, o.experts * expanded), peer.random(o.experts, expanded, joined)
    descriptor, output = peer.random(o.experts, o.batch, described), peer.random(o.experts, described, o.width)
    joined_gradient, result = peer.random(o.experts, rows, joined), peer.random(o.experts, o.batch, o.width)

    def call():
        frames @ expand, hidden @ assign, descriptor @ output
        frames.t() @ hidden.view(rows, -1), hidden.transpose(1, 2) @ joined_gradient, joined_gradient @ assign.transpose(1, 2)
        descriptor.transpose(1, 2) @ result, result @ output.transpose(1, 2)

    return call


if __name__ == "__main__":
    main()
