"""The six networks of VideoSim in PyTorch, for inference. load(FOLDER) reads the folder of a model.

The modules have the names of docs/tensor-names.md, so load_state_dict needs no table of names. The formulas are in
docs/reference-system.md, section 3. B videos, T text positions, F frames, S = T, in Uniter T + F, C encoder width.
"""

import json
from pathlib import Path

import torch
from torch import nn

import tensor_file


def load(folder):
    """The network of a model's folder, in float32."""
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    network = (Uniter if config["videosim"]["model"].startswith("uniter") else MixNextVlad)(config)
    network.load_state_dict({name: torch.from_numpy(values) for name, values in tensor_file.read(Path(folder) / "model.safetensors").items()})
    return network.eval()


class Layer(nn.Module):
    """One layer of the encoder."""

    def __init__(self, config):
        super().__init__()
        width, inner = config["hidden_size"], config["intermediate_size"]
        self.heads = config["num_attention_heads"]
        self.attention = nn.ModuleDict({
            "self": nn.ModuleDict({part: nn.Linear(width, width) for part in ("query", "key", "value")}),
            "output": residual(width, width, config)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, inner)})
        self.output = residual(inner, width, config)

    def forward(self, x, bias, rotary):
        """x [B, S, C], bias [B, 1, 1, S] of the scores, rotary: sines and cosines [S, C / heads / 2], or None."""
        query, key, value = (self.attention["self"][part](x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                             for part in ("query", "key", "value"))  # [B, heads, S, C / heads]
        if rotary is not None:
            query, key = rotate(query, *rotary), rotate(key, *rotary)
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + bias
        context = (torch.softmax(scores, -1) @ value).transpose(1, 2).flatten(-2)
        x = self.attention["output"]["LayerNorm"](x + self.attention["output"]["dense"](context))
        inner = nn.functional.gelu(self.intermediate["dense"](x))
        return self.output["LayerNorm"](x + self.output["dense"](inner))


def residual(inputs, width, config):
    """A linear map, and the norm of the sum of its output with an earlier value."""
    return nn.ModuleDict({"dense": nn.Linear(inputs, width), "LayerNorm": nn.LayerNorm(width, config["layer_norm_eps"])})


def rotate(x, sine, cosine):
    """Turns each pair of columns [B, heads, S, 2 i] and [B, heads, S, 2 i + 1]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, odd * cosine + even * sine], -1).flatten(-2)


class Encoder(nn.Module):
    """BERT, or RoFormer with rotary positions. The pooler is part of BERT in the models of MixNextvlad."""

    def __init__(self, config, has_pooler):
        super().__init__()
        width = config["hidden_size"]
        self.head_width, self.is_rotary = width // config["num_attention_heads"], config["model_type"] == "roformer"
        tables = {"word": config["vocab_size"], "token_type": config["type_vocab_size"]}
        parts = {"layer": nn.ModuleList(Layer(config) for _ in range(config["num_hidden_layers"]))}
        if self.is_rotary:  # in the file, but Uniter has more positions, so the angles are computed
            parts["embed_positions"] = nn.Embedding(config["max_position_embeddings"], self.head_width)
        else:
            tables["position"] = config["max_position_embeddings"]
        self.embeddings = nn.ModuleDict({f"{name}_embeddings": nn.Embedding(rows, width) for name, rows in tables.items()})
        self.embeddings["LayerNorm"] = nn.LayerNorm(width, config["layer_norm_eps"])
        self.encoder = nn.ModuleDict(parts)
        if has_pooler:
            self.pooler = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def embed(self, token_ids):
        """From token ids [B, T] to [B, T, C]."""
        x = self.embeddings["word_embeddings"](token_ids) + self.embeddings["token_type_embeddings"].weight[0]
        if not self.is_rotary:
            x = x + self.embeddings["position_embeddings"].weight[:token_ids.shape[1]]
        return self.embeddings["LayerNorm"](x)

    def forward(self, x, mask):
        """From embedded positions [B, S, C] and their mask [B, S] to the hidden states of every layer."""
        bias = (1 - mask[:, None, None, :].to(x.dtype)) * -10000
        rotary, hidden = None, []
        if self.is_rotary:
            pairs = torch.arange(0, self.head_width, 2, dtype=torch.float64)
            angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] / 10000 ** (pairs / self.head_width)
            rotary = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
        for layer in self.encoder["layer"]:
            x = layer(x, bias, rotary)
            hidden.append(x)
        return hidden


class NextVlad(nn.Module):
    """NeXtVLAD over frames."""

    def __init__(self, sizes):
        super().__init__()
        self.groups, self.clusters = sizes["vlad_groups"], sizes["vlad_clusters"]
        wide = round(sizes["vlad_expansion"] * sizes["frame_width"])  # the quotient was rounded
        self.expand = nn.Linear(sizes["frame_width"], wide)
        self.attention = nn.Linear(wide, self.groups)
        self.cluster = nn.Linear(wide, self.groups * self.clusters, bias=False)
        self.cluster_norm = nn.BatchNorm1d(self.groups * self.clusters, eps=1e-3)
        self.centres = nn.Parameter(torch.empty(wide // self.groups, self.clusters))
        self.output = nn.Linear(wide // self.groups * self.clusters, sizes["vlad_width"])

    def forward(self, frames):
        """From frames [B, F, W], zero where a frame is repeated, to [B, vlad_width]."""
        x = self.expand(frames)
        rows = frames.shape[1] * self.groups  # one for each group of each frame
        logits = self.cluster_norm(self.cluster(x).flatten(0, 1)).reshape(len(x), rows, self.clusters)
        shares = torch.softmax(logits, -1) * torch.sigmoid(self.attention(x)).reshape(len(x), rows, 1)
        residuals = torch.einsum("brk,brd->bdk", shares, x.reshape(len(x), rows, -1)) - shares.sum(1)[:, None] * self.centres
        lengths = residuals.square().sum(1, keepdim=True).clamp(min=1e-12)
        return self.output((residuals * lengths.rsqrt()).flatten(1))


class Expert(nn.Module):
    """One expert of MixNextvlad: it joins frames and text."""

    def __init__(self, sizes):
        super().__init__()
        width = sizes["embedding_width"]
        self.vlad = NextVlad(sizes)
        self.fusion = nn.ModuleDict({
            "dense": nn.Linear(2 * sizes["vlad_width"], width),
            "squeeze": nn.Linear(width, width // sizes["squeeze_ratio"], bias=False),
            "excite": nn.Linear(width // sizes["squeeze_ratio"], width, bias=False)})
        self.classifier = classifier(sizes)

    def forward(self, frames, text):
        """The expert's embedding [B, embedding_width]."""
        joined = torch.relu(self.fusion["dense"](torch.cat([self.vlad(frames), text], 1)))
        return joined * torch.sigmoid(self.fusion["excite"](torch.relu(self.fusion["squeeze"](joined))))


class MixNextVlad(nn.Module):
    """mix, mix-asl and mix-roformer."""

    def __init__(self, config):
        super().__init__()
        sizes, self.encoder_name = config["videosim"], config["model_type"]
        self.masked_pooling = sizes["masked_pooling"]
        setattr(self, self.encoder_name, Encoder(config, has_pooler=self.encoder_name == "bert"))
        self.text_map = nn.Linear(config["hidden_size"], sizes["vlad_width"])
        width = sizes["frame_width"] + sizes["vlad_width"]
        self.gate = nn.ModuleDict({"norm": nn.BatchNorm1d(width, eps=1e-3), "dense": nn.Linear(width, sizes["experts"])})
        self.experts = nn.ModuleList(Expert(sizes) for _ in range(sizes["experts"]))

    def forward(self, token_ids, attention_mask, frames, frame_counts):
        """Embeddings [B, embedding_width] and tag logits [B, tags]; the arguments are as in Uniter."""
        encoder = getattr(self, self.encoder_name)
        hidden = encoder(encoder.embed(token_ids), attention_mask)[-1]
        if self.encoder_name == "bert":
            summary = torch.tanh(encoder.pooler["dense"](hidden[:, 0]))
        elif self.masked_pooling:
            summary = hidden.masked_fill(attention_mask[:, :, None] == 0, float("-inf")).amax(1)
        else:
            summary = hidden.amax(1)
        text = torch.relu(self.text_map(summary))
        gate = torch.softmax(self.gate["dense"](self.gate["norm"](torch.cat([frames.mean(1), text], 1))), -1)
        embeddings = [expert(frames * own(frames, frame_counts)[:, :, None], text) for expert in self.experts]
        logits = [expert.classifier(embedding) for expert, embedding in zip(self.experts, embeddings)]
        return tuple(torch.einsum("be,ebw->bw", gate, torch.stack(parts)) for parts in (embeddings, logits))


class Uniter(nn.Module):
    """uniter, uniter-asl and uniter-roformer."""

    def __init__(self, config):
        super().__init__()
        sizes, self.encoder_name = config["videosim"], config["model_type"]
        hidden, width, self.masked_pooling = config["hidden_size"], sizes["embedding_width"], sizes["masked_pooling"]
        setattr(self, self.encoder_name, Encoder(config, has_pooler=False))
        self.frame_map = nn.Linear(sizes["frame_width"], hidden)
        self.fc = nn.Linear(hidden, width)
        self.classifier = classifier(sizes)
        self.mlm = residual(width, hidden, config)  # predicts masked tokens in pretraining; not used here
        self.mlm.register_parameter("bias", nn.Parameter(torch.empty(config["vocab_size"])))

    def forward(self, token_ids, attention_mask, frames, frame_counts):
        """Embeddings [B, embedding_width] and tag logits [B, tags] of token_ids and attention_mask [B, T], the sampled
        frames [B, F, W], the last one repeated where a video has fewer, and frame_counts [B]: how many are its own."""
        encoder = getattr(self, self.encoder_name)
        x = torch.cat([encoder.embed(token_ids), torch.relu(self.frame_map(frames))], 1)
        mask = torch.cat([attention_mask.to(x.dtype), own(frames, frame_counts)], 1)
        hidden = encoder(x, mask)[-1]
        shares = mask / mask.sum(1, keepdim=True) if self.masked_pooling else torch.full_like(mask, 1 / mask.shape[1])
        embedding = self.fc(torch.einsum("bs,bsc->bc", shares, hidden))
        return embedding, self.classifier(embedding)


class NoTags(nn.Module):
    """The classifier of a model without tags, which has no weights."""

    def forward(self, embedding):
        return embedding[:, :0]


def classifier(sizes):
    """From embeddings [B, embedding_width] to tag logits [B, tags]."""
    return nn.Linear(sizes["embedding_width"], sizes["tags"]) if sizes["tags"] else NoTags()


def own(frames, frame_counts):
    """1 for the video's own frames and 0 for repeated ones [B, F]."""
    return (torch.arange(frames.shape[1]) < frame_counts[:, None]).to(frames.dtype)
