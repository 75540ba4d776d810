"""A training step of the text encoder in PyTorch, to hold the engine's against: forward, backward and AdamW of BERT's size on a
batch of titles, eager and compiled, in fp32 (TF32 products where the GPU has them) and under bf16 autocast. One JSON object on
stdout; a variant that fails is named with its error and the others go on.
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn


class Layer(nn.Module):
    def __init__(self, width, heads, feed_forward, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.projections = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width, eps=1e-12)
        self.intermediate = nn.Linear(width, feed_forward)
        self.back = nn.Linear(feed_forward, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, mask):
        batch, length, width = x.shape
        q, k, v = self.projections(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        context = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        context = context.transpose(1, 2).reshape(batch, length, width)
        x = self.attention_norm(x + nn.functional.dropout(self.output(context), dropout, self.training))
        hidden = self.back(nn.functional.gelu(self.intermediate(x)))
        return self.norm(x + nn.functional.dropout(hidden, dropout, self.training))


class Encoder(nn.Module):
    def __init__(self, vocabulary, positions, width, heads, layers, feed_forward, dropout):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, feed_forward, dropout) for _ in range(layers))

    def forward(self, tokens, mask):
        x = self.dropout(self.norm(self.words(tokens) + self.positions.weight[: tokens.shape[1]]))
        hidden = torch.where(mask[:, None, None, :], 0.0, -10000.0).to(x.dtype)
        for layer in self.layers:
            x = layer(x, hidden)
        return x[:, 0]


def measure(options, compiled, half):
    device = torch.device(options.device)
    torch.manual_seed(0)
    model = Encoder(options.vocabulary, 512, options.width, options.heads, options.layers, 4 * options.width, 0.1).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, **({"fused": True} if device.type == "cuda" else {}))
    run = torch.compile(model) if compiled else model
    tokens = torch.randint(options.vocabulary, (options.batch, options.length), device=device)
    mask = torch.arange(options.length, device=device)[None, :] < torch.randint(8, options.length + 1, (options.batch, 1), device=device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
            loss = run(tokens, mask).float().square().mean()
        loss.backward()
        optimizer.step()

    def finish():
        if device.type == "cuda":
            torch.cuda.synchronize()

    for _ in range(3):
        step()
    finish()
    times = []
    for _ in range(options.steps):
        start = time.perf_counter()
        step()
        finish()
        times.append(1e3 * (time.perf_counter() - start))
    return {"median_milliseconds": statistics.median(times), "best_milliseconds": min(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--length", type=int, default=32)
    parser.add_argument("--vocabulary", type=int, default=21128)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    results = {"torch": torch.__version__, **vars(options)}
    if options.device == "cuda":
        results["gpu"] = torch.cuda.get_device_name()
    for compiled in (False, True):
        for half in (False, True):
            name = ("compiled" if compiled else "eager") + (" bf16" if half else " fp32")
            try:
                results[name] = measure(options, compiled, half)
            except Exception as error:  # a version without a feature is no reason to lose the others
                results[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
    json.dump(results, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
