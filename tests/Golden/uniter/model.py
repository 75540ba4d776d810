"""Uniter written from docs/reference-system.md, sections 3.1, 3.2 and 3.7 to 3.9; float64, gradients by autograd only.

Functions take the dictionary of weights `w` and note intermediate results in `values`. Dropout is off everywhere.
Sizes: B batch, T text positions, F frames, S = T + F, W frame width, H encoder width, E embedding width, C tags, V
vocabulary.
"""

import math
from dataclasses import dataclass

import torch

from mix.model import EncoderSizes, dense, encoder_shapes, gelu, layer_norm


@dataclass(frozen=True)
class UniterSizes:
    encoder: EncoderSizes
    frame_width: int
    embedding: int
    tags: int
    kind: str  # bert, or roformer: rotary positions in place of position embeddings


def uniter_shapes(sizes):
    """Every trainable tensor, name -> shape; linear weights are [out, in]. There is no pooler."""
    encoder, width = sizes.encoder, sizes.encoder.width
    shapes = {name: shape for name, shape in encoder_shapes(encoder, sizes.kind).items()
              if ".pooler." not in name and not (sizes.kind == "roformer" and "position_embeddings" in name)}
    for name, outputs, inputs in (("frame_map", width, sizes.frame_width), ("fc", sizes.embedding, width),
                                  ("classifier", sizes.tags, sizes.embedding), ("mlm.dense", width, sizes.embedding)):
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)
    shapes["mlm.LayerNorm.weight"] = shapes["mlm.LayerNorm.bias"] = (width,)
    shapes["mlm.bias"] = (encoder.vocabulary,)
    return shapes


def rotate(x):
    """x [B, heads, S, d]: pair i of position p, seen as a complex number, is turned by p * 10000^(-2i/d)."""
    length, width = x.shape[-2:]
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], width // 2, 2).contiguous())
    theta = 10000.0 ** (-2 * torch.arange(width // 2, dtype=torch.float64) / width)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * theta
    turned = pairs * torch.polar(torch.ones_like(angle), angle)
    return torch.view_as_real(turned).reshape(x.shape)


def layers(w, sizes, x, key_mask, values):
    """x [B, S, H], key_mask [B, S] -> hidden states [B, S, H]."""
    batch, length, width = x.shape
    heads = sizes.encoder.heads

    def split(y):  # [B, S, H] -> [B, heads, S, d]
        return y.reshape(batch, length, heads, width // heads).transpose(1, 2)

    for i in range(sizes.encoder.layers):
        layer = f"{sizes.kind}.encoder.layer.{i}"
        query, key, value = (split(dense(x, w, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value"))
        if sizes.kind == "roformer":
            query, key = rotate(query), rotate(key)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // heads)
        scores = scores + (1 - key_mask.double())[:, None, None, :] * -10000.0
        context = (torch.softmax(scores, -1) @ value).transpose(1, 2).reshape(x.shape)
        x = layer_norm(x + dense(context, w, f"{layer}.attention.output.dense"), w, f"{layer}.attention.output.LayerNorm")
        inner = gelu(dense(x, w, f"{layer}.intermediate.dense"))
        x = layer_norm(x + dense(inner, w, f"{layer}.output.dense"), w, f"{layer}.output.LayerNorm")
        values[f"layer.{i}.hidden"] = x
    return x


def uniter(w, sizes, inputs, values):
    """Returns (embedding [B, E], tag logits [B, C], fc of every position [B, S, E])."""
    table = f"{sizes.kind}.embeddings"
    text = w[f"{table}.word_embeddings.weight"][inputs["token_ids"]] + w[f"{table}.token_type_embeddings.weight"][0]
    if sizes.kind == "bert":
        text = text + w[f"{table}.position_embeddings.weight"][: text.shape[1]]
    text = layer_norm(text, w, f"{table}.LayerNorm")
    frames_before = dense(inputs["frames"], w, "frame_map")
    own = (torch.arange(frames_before.shape[1])[None, :] < inputs["frame_counts"][:, None]).long()
    key_mask = torch.cat([inputs["attention_mask"], own], 1)
    hidden = layers(w, sizes, torch.cat([text, torch.relu(frames_before)], 1), key_mask, values)
    mapped = dense(hidden, w, "fc")
    embedding = mapped.mean(1)  # padding and repeated frames count
    logits = dense(embedding, w, "classifier")
    share = key_mask.double() / key_mask.sum(1, keepdim=True)
    values.update({
        "frame_map_before_relu": frames_before,
        "embedding": embedding,
        "embedding_masked_pooling": (mapped * share[:, :, None]).sum(1),
        "logits": logits,
    })
    return embedding, logits, mapped


def masked_token_loss(w, sizes, mapped, labels):
    """Mean cross-entropy over the positions whose label is not -100; 0 if there is none. labels [B, T]."""
    text = mapped[:, : labels.shape[1]]
    hidden = layer_norm(gelu(dense(text, w, "mlm.dense")), w, "mlm.LayerNorm")
    logits = hidden @ w[f"{sizes.kind}.embeddings.word_embeddings.weight"].T + w["mlm.bias"]
    log_probability = torch.log_softmax(logits, -1)
    chosen = labels != -100
    if not chosen.any():
        return torch.zeros((), dtype=torch.float64)
    return -log_probability[chosen].gather(1, labels[chosen][:, None]).mean()
