"""A pretraining step of Uniter in PyTorch, for a comparison with the engine's step: forward, backward and fused
AdamW on a batch of titles and frames, eager and compiled, as a plain call and as one CUDA graph.

Two forms: "granted" has the rewrites of the engine (the vocabulary head on the masked rows only, the mean before the
linear map). "reference" has the reference system's form: map and head on every position.
Two precisions: "master weights" has bf16 activations and bf16 weights in products, and the optimizer updates fp32
weights, as in the engine. "autocast" has the residual stream and LayerNorm in fp32.

A few samples first find the fastest backend of attention alone; the step uses it. The mask is made once for a batch.
Variants that may take long to compile come last, so that the variants of the goals are measured in the time that is
left. Times in microseconds.
"""

from _timing import Peer, both_ways  # first: it ends the program if PyTorch is missing

import torch
from torch import nn
from torch.nn import functional

from attention import BACKENDS, additive, only

EPSILON, DROPOUT = 1e-12, 0.1
TRIED = ("efficient", "cudnn", "default")  # "flash" has no mask, "math" is far slower


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.projections = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=EPSILON)
        self.intermediate = nn.Linear(width, 4 * width)
        self.back = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)

    def forward(self, x, mask):
        batch, length, width = x.shape
        q, k, v = self.projections(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        context = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=DROPOUT)
        context = context.transpose(1, 2).reshape(batch, length, width)
        x = self.attention_norm(x + functional.dropout(self.output(context), DROPOUT))
        return self.norm(x + functional.dropout(self.back(functional.gelu(self.intermediate(x))), DROPOUT))


class Uniter(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.text = o.text
        self.words = nn.Embedding(o.vocabulary, o.width)
        self.positions = nn.Embedding(o.text, o.width)
        self.embedding_norm = nn.LayerNorm(o.width, eps=EPSILON)
        self.frame_map = nn.Linear(o.frame_width, o.width)
        self.layers = nn.ModuleList(Layer(o.width, o.heads) for _ in range(o.layers))
        self.map = nn.Linear(o.width, o.embedding)
        self.classifier = nn.Linear(o.embedding, o.tags)
        self.transform = nn.Linear(o.embedding, o.width)
        self.head_norm = nn.LayerNorm(o.width, eps=EPSILON)
        self.head_bias = nn.Parameter(torch.zeros(o.vocabulary))

    def encode(self, tokens, frames, mask):
        text = functional.dropout(self.embedding_norm(self.words(tokens) + self.positions.weight), DROPOUT)
        x = torch.cat((text, functional.relu(self.frame_map(frames)).to(text.dtype)), dim=1)
        for layer in self.layers:
            x = layer(x, mask)
        return x

    def head(self, mapped):
        return functional.linear(self.head_norm(functional.gelu(self.transform(mapped))), self.words.weight, self.head_bias.to(mapped.dtype))

    def granted(self, tokens, frames, mask, labels, positions, targets):
        x = self.encode(tokens, frames, mask)
        tags = functional.binary_cross_entropy_with_logits(self.classifier(self.map(x.mean(1))).float(), labels)
        masked = self.head(self.map(x[:, : self.text].reshape(-1, x.shape[-1])[positions]))
        return tags + functional.cross_entropy(masked.float(), targets[positions])

    def reference(self, tokens, frames, mask, labels, positions, targets):
        mapped = self.map(self.encode(tokens, frames, mask))
        tags = functional.binary_cross_entropy_with_logits(self.classifier(mapped.mean(1)).float(), labels)
        logits = self.head(mapped)[:, : self.text].reshape(-1, self.words.num_embeddings)
        wanted = torch.full_like(targets, -100).index_copy(0, positions, targets[positions])
        return tags + functional.cross_entropy(logits.float(), wanted)


class Batch:
    """Random titles, frames, labels and masked positions, and the attention mask."""

    def __init__(self, peer):
        o, length = peer.options, peer.options.text + peer.options.frames
        self.tokens = torch.randint(o.vocabulary, (o.batch, o.text), device=peer.device)
        self.frames = peer.random(o.batch, o.frames, o.frame_width)
        kept = torch.arange(length, device=peer.device) < torch.randint(o.text // 2, length + 1, (o.batch, 1), device=peer.device)
        self.mask = additive(kept, o.heads, torch.bfloat16)
        self.labels = (torch.rand(o.batch, o.tags, device=peer.device) < 1e-3).float()
        # As many rows as the engine's plan: 15 % of the tokens between the special ones, plus six standard deviations.
        candidates = o.batch * (o.text - 2)
        rows = min(candidates, round(0.15 * candidates + 6 * (0.15 * 0.85 * candidates) ** 0.5))
        self.positions = torch.randperm(o.batch * o.text, device=peer.device)[:rows].sort().values

    def arguments(self):
        return self.tokens, self.frames, self.mask, self.labels, self.positions, self.tokens.view(-1)


def fastest_backend(peer, batch):
    """The fastest backend for the attention of one layer with mask and dropout; "default" if none could be
    measured."""
    o = peer.options
    q, k, v = peer.random(o.batch, o.text + o.frames, 3, o.heads, o.width // o.heads, grad=True).permute(2, 0, 3, 1, 4)
    gradient = torch.ones_like(q)

    def attention(backend):
        def forward():
            with only(backend):
                return functional.scaled_dot_product_attention(q, k, v, attn_mask=batch.mask, dropout_p=DROPOUT)

        return both_ways(forward, (q, k, v), gradient)

    known = [name for name in TRIED if peer.variant(f"attention {name}", lambda: attention(BACKENDS[name]), trial=True)]
    return min(known, key=lambda name: peer.results[f"attention {name}"]["median"], default="default")


def autocast_update(peer, model, loss_of):
    """A step with fp32 weights, which are rounded to bf16 for each product."""
    optimizer = adam(peer, model.parameters())

    def update():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(peer.device.type, dtype=torch.bfloat16):
            loss = loss_of()
        loss.backward()
        optimizer.step()

    return update


def master_update(peer, model, loss_of):
    """A step with a bf16 copy of fp32 weights. The optimizer updates the fp32 weights, which are then copied again."""
    masters = [parameter.detach().clone() for parameter in model.parameters()]
    for master in masters:
        master.grad = torch.zeros_like(master)
    copies = list(model.to(torch.bfloat16).parameters())
    optimizer = adam(peer, masters)

    def update():
        gradients = torch.autograd.grad(loss_of(), copies)
        with torch.no_grad():
            torch._foreach_copy_([master.grad for master in masters], gradients)
            optimizer.step()
            torch._foreach_copy_(copies, masters)

    return update


def adam(peer, parameters):
    return torch.optim.AdamW(parameters, lr=1e-5, weight_decay=0.0, **({"fused": True, "capturable": True} if peer.cuda else {}))


def step(peer, batch, backend, update_of, form, mode):
    torch.manual_seed(0)
    model = Uniter(peer.options).to(peer.device)
    loss_of = getattr(model, form)
    if mode:
        loss_of = torch.compile(loss_of, dynamic=False, mode=mode)
    update = update_of(peer, model, lambda: loss_of(*batch.arguments()))

    def call():
        with only(BACKENDS[backend]):
            update()

    return call, {"backend": backend}


def main():
    sizes = dict(batch=256, text=32, frames=32, frame_width=1536, vocabulary=21128, width=768, heads=12, layers=12, embedding=256, tags=10000)
    with Peer(__doc__, **sizes) as peer:
        batch = Batch(peer)
        backend = fastest_backend(peer, batch)

        def measure(name, form, mode=None, suffix=""):
            for precision, update in (("master weights", master_update), ("autocast", autocast_update)):
                peer.variant(f"{name} {form}, {precision}{suffix}", lambda: step(peer, batch, backend, update, form, mode))

        measure("eager", "reference")
        measure("compiled", "granted", "default")
        measure("compiled", "reference", "default")
        peer.graphs()
        measure("eager", "granted")
        for form in ("granted", "reference"):  # the mode that tries most kernels; its own graphs are off, since the whole step is one
            measure("compiled", form, "max-autotune-no-cudagraphs", ", max-autotune")


if __name__ == "__main__":
    main()
