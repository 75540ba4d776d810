"""A pretraining step of Uniter in PyTorch, to hold the engine's against: forward, backward and fused AdamW on a batch of titles and frames, in
bf16 autocast with fp32 weights, eager and compiled, as one CUDA graph where that works. In two forms: "granted", with the rewrites that
the engine makes (the vocabulary head on the masked rows alone, the mean before the linear map), and "reference", as the reference system
wrote it, every position through map and head. Times in microseconds.
"""

import torch
from torch import nn
from torch.nn import functional

from _timing import Peer

EPSILON, DROPOUT = 1e-12, 0.1


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


def step(peer, form, compiled):
    o = peer.options
    torch.manual_seed(0)
    model = Uniter(o).to(peer.device)
    loss_of = getattr(model, form)
    if compiled:
        loss_of = torch.compile(loss_of, dynamic=False, mode=o.mode)
    fused = {"fused": True, "capturable": True} if peer.cuda else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0, **fused)
    tokens = torch.randint(o.vocabulary, (o.batch, o.text), device=peer.device)
    frames = peer.random(o.batch, o.frames, o.frame_width)
    present = torch.arange(o.text + o.frames, device=peer.device) < torch.randint(o.text // 2, o.text + o.frames + 1, (o.batch, 1), device=peer.device)
    mask = present[:, None, None, :].expand(o.batch, o.heads, o.text + o.frames, o.text + o.frames)
    labels = (torch.rand(o.batch, o.tags, device=peer.device) < 1e-3).float()
    # As many rows as the engine's plan has room for: 15 % of the tokens between the special ones, and six standard deviations.
    candidates = o.batch * (o.text - 2)
    rows = min(candidates, round(0.15 * candidates + 6 * (0.15 * 0.85 * candidates) ** 0.5))
    positions = torch.randperm(o.batch * o.text, device=peer.device)[:rows].sort().values

    def call():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(peer.device.type, dtype=torch.bfloat16):
            loss = loss_of(tokens, frames, mask, labels, positions, tokens.view(-1))
        loss.backward()
        optimizer.step()

    return call


def main():
    sizes = dict(batch=256, text=32, frames=32, frame_width=1536, vocabulary=21128, width=768, heads=12, layers=12, embedding=256, tags=10000, mode="default")
    with Peer(__doc__, **sizes) as peer:
        for compiled in (False, True):
            for form in ("granted", "reference"):
                peer.variant(f"{'compiled' if compiled else 'eager'} {form}", lambda: step(peer, form, compiled))


if __name__ == "__main__":
    main()
