"""MixNextvlad written from docs/reference-system.md, sections 3.0 to 3.6; float64, gradients by autograd only.

Every function takes the dictionary of weights `w` and the prefix of the layer inside it, and notes its intermediate
results in `values`. Dropout is off everywhere. Sizes: B batch, T text positions, F frames, W frame width,
H encoder width, G groups, K clusters, D width of one group (expansion * W / G), C tags.
"""

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class EncoderSizes:
    vocabulary: int
    positions: int
    width: int
    heads: int
    layers: int
    feed_forward: int
    token_types: int = 2


@dataclass(frozen=True)
class MixSizes:
    encoder: EncoderSizes
    frame_width: int
    expansion: int
    groups: int
    clusters: int
    vlad_output: int
    text_map: int
    fusion: int
    squeeze_ratio: int
    tags: int
    experts: int = 3
    kind: str = "bert"  # or roformer: rotary positions, no pooler


# ---------------------------------------------------------------- shapes

def _linear(name, outputs, inputs, bias=True):
    shapes = {f"{name}.weight": (outputs, inputs)}
    if bias:
        shapes[f"{name}.bias"] = (outputs,)
    return shapes


def _norm(name, width):
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _batch_norm_state(name, width):
    return {f"{name}.running_mean": (width,), f"{name}.running_var": (width,)}


def encoder_shapes(sizes, prefix="bert"):
    """Tensors of an encoder. The prefix is its kind: bert, or roformer without position embedding and pooler."""
    width = sizes.width
    shapes = {f"{prefix}.embeddings.word_embeddings.weight": (sizes.vocabulary, width)}
    if prefix == "bert":
        shapes[f"{prefix}.embeddings.position_embeddings.weight"] = (sizes.positions, width)
    shapes[f"{prefix}.embeddings.token_type_embeddings.weight"] = (sizes.token_types, width)
    shapes.update(_norm(f"{prefix}.embeddings.LayerNorm", width))
    for i in range(sizes.layers):
        layer = f"{prefix}.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            shapes.update(_linear(f"{layer}.attention.self.{part}", width, width))
        shapes.update(_linear(f"{layer}.attention.output.dense", width, width))
        shapes.update(_norm(f"{layer}.attention.output.LayerNorm", width))
        shapes.update(_linear(f"{layer}.intermediate.dense", sizes.feed_forward, width))
        shapes.update(_linear(f"{layer}.output.dense", width, sizes.feed_forward))
        shapes.update(_norm(f"{layer}.output.LayerNorm", width))
    if prefix == "bert":
        shapes.update(_linear(f"{prefix}.pooler.dense", width, width))
    return shapes


def vlad_shapes(prefix, frame_width, expansion, groups, clusters, output):
    """Trainable tensors of one NeXtVLAD, and beside them the running statistics of its batch normalisation."""
    expanded = expansion * frame_width
    group_width = expanded // groups
    trainable = {
        **_linear(f"{prefix}.expand", expanded, frame_width),
        **_linear(f"{prefix}.attention", groups, expanded),
        **_linear(f"{prefix}.cluster", groups * clusters, expanded, bias=False),
        **_norm(f"{prefix}.cluster_norm", groups * clusters),
        f"{prefix}.centres": (group_width, clusters),
        **_linear(f"{prefix}.output", output, group_width * clusters),
    }
    return trainable, _batch_norm_state(f"{prefix}.cluster_norm", groups * clusters)


def fusion_shapes(prefix, inputs, width, squeeze_ratio):
    return {
        **_linear(f"{prefix}.dense", width, inputs),
        **_linear(f"{prefix}.squeeze", width // squeeze_ratio, width, bias=False),
        **_linear(f"{prefix}.excite", width, width // squeeze_ratio, bias=False),
    }


def mix_shapes(sizes):
    """(trainable, running statistics) of the whole network, name -> shape; linear weights are [out, in]."""
    gate_input = sizes.frame_width + sizes.text_map
    trainable = {
        **encoder_shapes(sizes.encoder, sizes.kind),
        **_linear("text_map", sizes.text_map, sizes.encoder.width),
        **_norm("gate.norm", gate_input),
        **_linear("gate.dense", sizes.experts, gate_input),
    }
    state = _batch_norm_state("gate.norm", gate_input)
    for k in range(sizes.experts):
        vlad, vlad_state = vlad_shapes(
            f"experts.{k}.vlad", sizes.frame_width, sizes.expansion, sizes.groups, sizes.clusters, sizes.vlad_output)
        trainable.update(vlad)
        state.update(vlad_state)
        trainable.update(fusion_shapes(
            f"experts.{k}.fusion", sizes.vlad_output + sizes.text_map, sizes.fusion, sizes.squeeze_ratio))
        trainable.update(_linear(f"experts.{k}.classifier", sizes.tags, sizes.fusion))
    return trainable, state


# ---------------------------------------------------------------- layers

class BatchNormState:
    """Running statistics. Inference reads them. Each call in training moves them (momentum 0.99, biased variance)."""

    def __init__(self, running, training):
        self.running = dict(running)
        self.training = training

    def normalise(self, x, w, name):
        """x [rows, features] -> the same shape; epsilon 1e-3."""
        if self.training:
            mean = x.mean(0)
            variance = ((x - mean) ** 2).mean(0)
            for kind, batch in (("running_mean", mean), ("running_var", variance)):
                key = f"{name}.{kind}"
                self.running[key] = 0.99 * self.running[key] + 0.01 * batch.detach()
        else:
            mean, variance = self.running[f"{name}.running_mean"], self.running[f"{name}.running_var"]
        return (x - mean) / torch.sqrt(variance + 1e-3) * w[f"{name}.weight"] + w[f"{name}.bias"]


def dense(x, w, name):
    y = x @ w[f"{name}.weight"].T
    return y + w[f"{name}.bias"] if f"{name}.bias" in w else y


def layer_norm(x, w, name):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-12) * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def l2_normalise(x, dim):
    return x * torch.rsqrt((x * x).sum(dim, keepdim=True).clamp(min=1e-12))


def rotate(x):
    """x [..., S, d] -> the same shape: pair i of row p turned by p * 10000^(-2i/d) (docs/reference-system.md,
    section 3.2)."""
    length, width = x.shape[-2:]
    theta = torch.tensor([10000.0 ** (-2 * i / width) for i in range(width // 2)], dtype=torch.float64)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * theta
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = even * torch.cos(angle) - odd * torch.sin(angle), odd * torch.cos(angle) + even * torch.sin(angle)
    return torch.stack(turned, -1).reshape(x.shape)


def embed_tokens(w, token_ids, values, prefix="bert", name="encoder"):
    """token_ids [B, T] -> [B, T, H]."""
    table = f"{prefix}.embeddings"
    x = w[f"{table}.word_embeddings.weight"][token_ids]
    if prefix == "bert":
        x = x + w[f"{table}.position_embeddings.weight"][: token_ids.shape[1]]
    x = x + w[f"{table}.token_type_embeddings.weight"][0]
    values[f"{name}.embedding_sum"] = x
    values[f"{name}.embeddings"] = layer_norm(x, w, f"{table}.LayerNorm")
    return values[f"{name}.embeddings"]


def encode(w, heads, layers, x, key_mask, values, prefix="bert", name="encoder"):
    """An embedded sequence x [B, S, H] with key_mask [B, S] -> hidden states [B, S, H]."""
    batch, length, _ = x.shape
    head_width = x.shape[-1] // heads
    bias = (1 - key_mask.to(x.dtype))[:, None, None, :] * -10000.0  # over heads and queries

    def split(y):  # [B, S, H] -> [B, heads, S, head width]
        return y.reshape(batch, length, heads, head_width).transpose(1, 2)

    for i in range(layers):
        layer = f"{prefix}.encoder.layer.{i}"
        query, key, value = (split(dense(x, w, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value"))
        if prefix == "roformer":
            query, key = rotate(query), rotate(key)
        scores = query @ key.transpose(-1, -2) / math.sqrt(head_width) + bias
        context = (torch.softmax(scores, -1) @ value).transpose(1, 2).reshape(x.shape)
        values[f"{name}.layer.{i}.context"] = context
        x = layer_norm(x + dense(context, w, f"{layer}.attention.output.dense"), w, f"{layer}.attention.output.LayerNorm")
        values[f"{name}.layer.{i}.attended"] = x
        inner = gelu(dense(x, w, f"{layer}.intermediate.dense"))
        x = layer_norm(x + dense(inner, w, f"{layer}.output.dense"), w, f"{layer}.output.LayerNorm")
        values[f"{name}.layer.{i}.hidden"] = x
    return x


def bert(w, heads, layers, token_ids, attention_mask, values):
    """token_ids, attention_mask [B, T] -> (hidden states [B, T, H], pooled [B, H])."""
    hidden = encode(w, heads, layers, embed_tokens(w, token_ids, values), attention_mask, values)
    pooled = torch.tanh(dense(hidden[:, 0], w, "bert.pooler.dense"))
    values["encoder.pooler"] = pooled
    return hidden, pooled


def roformer(w, heads, layers, token_ids, attention_mask, values):
    """token_ids, attention_mask [B, T] -> hidden states [B, T, H]."""
    return encode(w, heads, layers, embed_tokens(w, token_ids, values, "roformer"), attention_mask, values, "roformer")


def text_summary(w, sizes, inputs, values):
    """The text as one vector [B, H]: BERT's pooler, or RoFormer's maximum over all positions, padded ones too."""
    encoder = {"bert": bert, "roformer": roformer}[sizes.kind]
    result = encoder(w, sizes.encoder.heads, sizes.encoder.layers, inputs["token_ids"], inputs["attention_mask"], values)
    if sizes.kind == "bert":
        return result[1]
    values["encoder.two_largest"] = result.topk(2, 1).values
    values["encoder.maximum"] = values["encoder.two_largest"][:, 0]
    return values["encoder.maximum"]


def nextvlad(w, prefix, groups, clusters, frames, frame_counts, norms, values):
    """frames [B, F, W], frame_counts [B] -> [B, output]."""
    batch, frame_total, _ = frames.shape
    present = torch.arange(frame_total)[None, :] < frame_counts[:, None]
    expanded = dense(frames * present[:, :, None].to(frames.dtype), w, f"{prefix}.expand")  # [B, F, G*D]
    rows = frame_total * groups  # row = G * frame + group
    attention = torch.sigmoid(dense(expanded, w, f"{prefix}.attention")).reshape(batch, rows, 1)
    cluster_logits = dense(expanded.reshape(batch * frame_total, -1), w, f"{prefix}.cluster")
    normalised = norms.normalise(cluster_logits, w, f"{prefix}.cluster_norm")  # [B*F, G*K]
    assignment = torch.softmax(normalised.reshape(batch, rows, clusters), -1) * attention  # [B, rows, K]
    grouped = expanded.reshape(batch, rows, -1)  # [B, rows, D]
    centres = w[f"{prefix}.centres"]  # [D, K]
    aggregated = torch.einsum("brk,brd->bdk", assignment, grouped) - assignment.sum(1)[:, None, :] * centres
    descriptor = l2_normalise(aggregated, 1).reshape(batch, -1)  # index K*d + k
    output = dense(descriptor, w, f"{prefix}.output")
    values.update({
        f"{prefix}.expanded": expanded,
        f"{prefix}.attention": attention.reshape(batch, frame_total, groups),
        f"{prefix}.cluster_logits": cluster_logits,
        f"{prefix}.cluster_normalised": normalised,
        f"{prefix}.assignment": assignment,
        f"{prefix}.aggregated": aggregated,
        f"{prefix}.descriptor": descriptor,
        f"{prefix}.output": output,
    })
    return output


def fusion(w, prefix, vision, text, values):
    """vision and text vectors -> [B, fusion width], never negative."""
    before = dense(torch.cat([vision, text], 1), w, f"{prefix}.dense")
    united = torch.relu(before)
    squeezed_before = dense(united, w, f"{prefix}.squeeze")
    excitation = torch.sigmoid(dense(torch.relu(squeezed_before), w, f"{prefix}.excite"))
    output = united * excitation
    values.update({
        f"{prefix}.dense_before_relu": before,
        f"{prefix}.squeeze_before_relu": squeezed_before,
        f"{prefix}.excitation": excitation,
        f"{prefix}.output": output,
    })
    return output


def mixture(weights, parts):
    """Sum over k of weights[:, k] * parts[k]; weights [B, experts], parts each [B, width]."""
    return sum(weights[:, k : k + 1] * part for k, part in enumerate(parts))


def mix(w, sizes, inputs, norms, values):
    """One side through the network. Returns embedding, mixture logits, expert logits, vision vectors, text vector."""
    text_before = dense(text_summary(w, sizes, inputs, values), w, "text_map")
    text = torch.relu(text_before)
    frame_mean = inputs["frames"].mean(1)  # every row counts, the repeated ones too
    gate_input = torch.cat([frame_mean, text], 1)
    gate_normalised = norms.normalise(gate_input, w, "gate.norm")
    gate_logits = dense(gate_normalised, w, "gate.dense")
    gate_weights = torch.softmax(gate_logits, -1)
    visions, embeddings, logits = [], [], []
    for k in range(sizes.experts):
        visions.append(nextvlad(w, f"experts.{k}.vlad", sizes.groups, sizes.clusters,
                                inputs["frames"], inputs["frame_counts"], norms, values))
        embeddings.append(fusion(w, f"experts.{k}.fusion", visions[k], text, values))
        logits.append(dense(embeddings[k], w, f"experts.{k}.classifier"))
        values[f"experts.{k}.logits"] = logits[k]
    mixed_logits, embedding = mixture(gate_weights, logits), mixture(gate_weights, embeddings)
    values.update({
        "text_map_before_relu": text_before,
        "text_map": text,
        "gate.input": gate_input,
        "gate.normalised": gate_normalised,
        "gate.logits": gate_logits,
        "gate.weights": gate_weights,
        "logits": mixed_logits,
        "embedding": embedding,
    })
    return embedding, mixed_logits, logits, visions, text
