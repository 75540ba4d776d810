"""Golden cases of single blocks, at odd sizes, each with an upstream gradient and the gradients it causes."""

from dataclasses import dataclass, field
from typing import Callable

import torch

from draw import Draw
from mix.cases import LIVE_GRADIENT, RELU_MARGIN, prefixed
from mix.losses import (
    PAIR_KL_WEIGHT, asymmetric_loss, binary_cross_entropy, consistency, contrastive, cosine, pair_terms)
from mix.model import (
    BatchNormState, EncoderSizes, bert, dense, encode, encoder_shapes, fusion, fusion_shapes, mixture, nextvlad, roformer, vlad_shapes)

UPSTREAM_OF_A_LOSS = 0.75  # not 1, so that a backward pass which forgets it is seen


@dataclass
class Block:
    """A case. `compute(weights, inputs, running, values)` returns outputs and the new running statistics."""

    compute: Callable
    inputs: dict  # float64: a gradient is asked for; anything else: a constant
    sizes: dict
    weights: dict = field(default_factory=dict)
    running: dict = field(default_factory=dict)
    constants: dict = field(default_factory=dict)  # float64 inputs without a gradient, such as labels
    differentiated_values: tuple = ()  # intermediate results whose gradient is stored too
    upstream_seed: int = 99

    def upstream(self, outputs):
        draw = Draw(self.upstream_seed)
        return {name: draw.normal(*value.shape) if value.dim() else torch.tensor(UPSTREAM_OF_A_LOSS).double()
                for name, value in outputs.items()}

    def variables(self):
        """Copies of every tensor that takes a gradient, by stored name."""
        floats = {name: value for name, value in self.inputs.items() if value.dtype == torch.float64}
        named = {**self.weights, **prefixed("input", floats)}
        return {name: value.clone().requires_grad_() for name, value in named.items()}

    def objective(self, variables, values):
        """(sum of upstream * output, outputs, upstream, running statistics after)."""
        weights = {name: variables[name] for name in self.weights}
        inputs = {name: variables.get(f"input.{name}", value) for name, value in {**self.inputs, **self.constants}.items()}
        outputs, after = self.compute(weights, inputs, self.running, values)
        upstream = self.upstream(outputs)
        return sum((upstream[name] * outputs[name]).sum() for name in outputs), outputs, upstream, after

    def tensors(self):
        values, variables = {}, self.variables()
        total, outputs, upstream, after = self.objective(variables, values)
        wanted = {**variables, **{f"value.{name}": values[name] for name in self.differentiated_values}}
        grads = dict(zip(wanted, torch.autograd.grad(total, list(wanted.values()))))
        for name, gradient in grads.items():
            if not name.endswith("key.bias") and gradient.abs().max() < LIVE_GRADIENT:
                raise ValueError(f"the gradient of {name} says nothing: choose another seed")
        if any(value.abs().min() < RELU_MARGIN for name, value in values.items() if name.endswith("before_relu")):
            raise ValueError("an input of a ReLU is too near to zero: choose another seed")
        constants = {name: value if value.dtype == torch.float64 else value.to(torch.int32)
                     for name, value in {**self.inputs, **self.constants}.items()}
        return {**prefixed("input", constants), **self.weights, **self.running, **prefixed("value", values),
                **prefixed("output", outputs), **prefixed("upstream", upstream), **prefixed("grad", grads),
                **prefixed("after", after)}


def bert_encoder():
    sizes = EncoderSizes(vocabulary=23, positions=9, width=14, heads=2, layers=2, feed_forward=19)
    draw = Draw(1)
    lengths = torch.tensor([7, 4, 1])

    def compute(w, inputs, _, values):
        hidden, pooler = bert(w, sizes.heads, sizes.layers, inputs["token_ids"], inputs["attention_mask"], values)
        return {"hidden": hidden, "pooler": pooler}, {}

    return Block(
        compute, weights=draw.weights(encoder_shapes(sizes)),
        inputs={"token_ids": draw.integers(0, sizes.vocabulary, 3, 7),
                "attention_mask": (torch.arange(7)[None, :] < lengths[:, None]).long()},
        differentiated_values=("encoder.embedding_sum", "encoder.embeddings"),
        sizes={"batch": 3, "text_positions": 7, **vars(sizes)})


def roformer_encoder():
    """Hidden states of a title, and of a longer sequence that is given embedded, as text joined with frames is."""
    sizes = EncoderSizes(vocabulary=23, positions=9, width=18, heads=3, layers=2, feed_forward=19)
    draw = Draw(3)
    lengths, joined_lengths = torch.tensor([7, 4, 1]), torch.tensor([11, 2, 8])

    def compute(w, inputs, _, values):
        hidden = roformer(w, sizes.heads, sizes.layers, inputs["token_ids"], inputs["attention_mask"], values)
        joined = encode(w, sizes.heads, sizes.layers, inputs["joined"], inputs["joined_mask"], values, "roformer", "joined")
        return {"hidden": hidden, "joined": joined}, {}

    return Block(
        compute, weights=draw.weights(encoder_shapes(sizes, "roformer")),
        inputs={"token_ids": draw.integers(0, sizes.vocabulary, 3, 7), "joined": draw.normal(3, 11, sizes.width),
                "attention_mask": (torch.arange(7)[None, :] < lengths[:, None]).long(),
                "joined_mask": (torch.arange(11)[None, :] < joined_lengths[:, None]).long()},
        differentiated_values=("encoder.embedding_sum", "encoder.embeddings"),
        sizes={"batch": 3, "text_positions": 7, "joined_positions": 11, **vars(sizes)})


def next_vlad():
    sizes = {"frame_width": 15, "expansion": 2, "groups": 3, "clusters": 7, "output": 11}
    draw = Draw(2)
    weights, running = (draw.weights(shapes) for shapes in vlad_shapes("vlad", *sizes.values()))
    frames, counts = draw.normal(3, 5, 15, precision="float16"), torch.tensor([5, 2, 1])
    for row, count in enumerate(counts):
        frames[row, count:] = frames[row, count - 1]

    def compute(w, inputs, state, values):
        norms = BatchNormState(state, training=True)
        output = nextvlad(w, "vlad", 3, 7, inputs["frames"], inputs["frame_counts"], norms, values)
        return {"vlad": output}, norms.running

    return Block(compute, {"frames": frames, "frame_counts": counts}, {"batch": 3, "frames": 5, **sizes}, weights, running)


def squeeze_excite_fusion():
    draw = Draw(14)

    def compute(w, inputs, _, values):
        return {"fusion": fusion(w, "fusion", inputs["vision"], inputs["text"], values)}, {}

    return Block(compute, {"vision": draw.normal(5, 7), "text": draw.normal(5, 9)},
                 {"batch": 5, "vision": 7, "text": 9, "width": 15, "squeeze_ratio": 5},
                 draw.weights(fusion_shapes("fusion", 16, 15, 5)))


def _norm_tensors(draw, width):
    running = {"norm.running_mean": (width,), "norm.running_var": (width,)}
    return draw.weights({"norm.weight": (width,), "norm.bias": (width,)}), draw.weights(running)


def _norm_input(draw, rows, width):
    """Features of different scale and offset; one never varies, as a text feature that a ReLU keeps at zero."""
    x = (draw.normal(rows, width) * draw.uniform(0.2, 3.0, width) + draw.normal(width)).float().double()
    x[:, 2] = 0
    return x


def batch_norm():
    draw = Draw(4)
    weights, running = _norm_tensors(draw, 13)

    def compute(w, inputs, state, values):
        norms = BatchNormState(state, training=True)
        return {"normalised": norms.normalise(inputs["x"], w, "norm")}, norms.running

    return Block(compute, {"x": _norm_input(draw, 7, 13)}, {"rows": 7, "features": 13}, weights, running)


def batch_norm_sides():
    """Two groups of rows, left then right: statistics of their own, running averages moved twice."""
    draw = Draw(5)
    weights, running = _norm_tensors(draw, 13)

    def compute(w, inputs, state, values):
        norms = BatchNormState(state, training=True)
        sides = [norms.normalise(side, w, "norm") for side in inputs["x"].split(5)]
        return {"normalised": torch.cat(sides)}, norms.running

    return Block(compute, {"x": _norm_input(draw, 10, 13)}, {"rows": 10, "groups": 2, "features": 13}, weights, running)


def gate():
    draw = Draw(6)
    weights, running = _norm_tensors(draw, 13)
    weights.update(draw.weights({"dense.weight": (3, 13), "dense.bias": (3,)}))

    def compute(w, inputs, state, values):
        norms = BatchNormState(state, training=True)
        values["logits"] = dense(norms.normalise(inputs["x"], w, "norm"), w, "dense")
        return {"weights": torch.softmax(values["logits"], 1)}, norms.running

    return Block(compute, {"x": _norm_input(draw, 5, 13)}, {"rows": 5, "features": 13, "experts": 3}, weights, running)


def expert_mixture():
    draw = Draw(7)
    weights = torch.softmax(draw.normal(5, 3), 1).float().double()

    def compute(_, inputs, __, values):
        return {"mixture": mixture(inputs["weights"], [inputs[f"experts.{k}"] for k in range(3)])}, {}

    return Block(compute, {"weights": weights, **{f"experts.{k}": draw.normal(5, 11) for k in range(3)}},
                 {"batch": 5, "experts": 3, "width": 11})


def _tag_loss(function, seed):
    """Logits of usual size, and extremes at which the naive forms lose all digits or become NaN, with both labels."""
    draw = Draw(seed)
    logits, labels = draw.normal(5, 9, scale=3.0), draw.integers(0, 2, 5, 9).double()
    logits[0] = torch.tensor([40, 40, -40, -40, 17, 17, -17, -17, 0])
    labels[0] = torch.tensor([0, 1] * 4 + [1])
    labels[1], logits[1, 0] = 0, 0  # a video without tags

    def compute(_, inputs, __, values):
        values["per_sample"] = function(inputs["logits"], inputs["labels"])
        return {"loss": values["per_sample"].mean()}, {}

    return Block(compute, {"logits": logits}, {"batch": 5, "tags": 9}, constants={"labels": labels})


def tag_binary_cross_entropy():
    return _tag_loss(binary_cross_entropy, 8)


def tag_asymmetric():
    return _tag_loss(asymmetric_loss, 9)


def contrastive_loss():
    draw = Draw(10)

    def compute(_, inputs, __, values):
        values["per_sample"] = contrastive(inputs["vision"], inputs["text"])
        return {"loss": values["per_sample"].mean()}, {}

    text = draw.normal(5, 11).clamp(min=0)  # a text vector has passed a ReLU
    return Block(compute, {"vision": draw.normal(5, 11, scale=2.0), "text": text}, {"batch": 5, "width": 11})


def consistency_loss():
    """Mixture logits are free here. One row is extreme: there epsilon, not the probability, decides the logarithm."""
    draw = Draw(11)
    inputs = {"logits": draw.normal(5, 9, scale=2.0), **{f"experts.{k}": draw.normal(5, 9, scale=2.0) for k in range(3)}}
    inputs["logits"][0, 0], inputs["experts.1"][0, 1], inputs["experts.2"][0, 0] = 40, 40, 40

    def compute(_, inputs, __, values):
        values["per_sample"] = consistency(inputs["logits"], [inputs[f"experts.{k}"] for k in range(3)])
        return {"loss": values["per_sample"].mean()}, {}

    return Block(compute, inputs, {"batch": 5, "experts": 3, "tags": 9})


def _pair_loss(left, right, similarities):
    def compute(_, inputs, __, values):
        values["similarity"] = cosine(inputs["left"], inputs["right"])
        values["squared_error"], values["kl"] = pair_terms(values["similarity"], inputs["similarities"])
        return {"loss": values["squared_error"] + PAIR_KL_WEIGHT * values["kl"]}, {}

    similarities = torch.tensor(similarities).double()  # from single precision
    return Block(compute, {"left": left, "right": right}, {"pairs": len(left), "width": left.shape[1], "kl_weight": 0.5},
                 constants={"similarities": similarities}, differentiated_values=("similarity",))


def pair_loss():
    """Cosines of both signs; labels 0, 1 and between."""
    draw = Draw(12)
    left, right = draw.normal(7, 9), draw.normal(7, 9)
    right[:4] = (right[:4] + left[:4] * torch.tensor([1.5, 0.7, 0.4, 3.0]).double()[:, None]).float().double()
    right[5] = (right[5] - left[5]).float().double()
    return _pair_loss(left, right, [1.0, 0.0, 0.35, 0.8, 0.25, 0.6, 0.0])


def pair_loss_clip():
    """The edges. Along unit axes, so that the cosine is the same number in every precision:
    below the clip, just above it, exactly 1, exactly -1, a zero vector, a vector shorter than the normaliser's floor,
    a label below the clip."""
    axis = torch.eye(5).double()
    tiny = torch.tensor([5e-8, 2e-7, 5e-7]).double()  # from single precision
    left = torch.stack([axis[0], axis[0], axis[1], axis[2], 0 * axis[0], tiny[2] * axis[3], axis[0]])
    right = torch.stack([
        tiny[0] * axis[0] + axis[1], tiny[1] * axis[0] + axis[1], 2 * axis[1], -axis[2], axis[4],
        axis[3], 0.75 * axis[0] + axis[1]])
    return _pair_loss(left, right, [0.5, 0.5, 0.75, 0.5, 0.5, 0.5, 0.0])


BLOCKS = {
    "bert_encoder": bert_encoder, "roformer_encoder": roformer_encoder, "next_vlad": next_vlad, "squeeze_excite_fusion": squeeze_excite_fusion,
    "batch_norm": batch_norm, "batch_norm_sides": batch_norm_sides, "gate": gate, "expert_mixture": expert_mixture,
    "tag_binary_cross_entropy": tag_binary_cross_entropy, "tag_asymmetric": tag_asymmetric,
    "contrastive_loss": contrastive_loss, "consistency_loss": consistency_loss,
    "pair_loss": pair_loss, "pair_loss_clip": pair_loss_clip,
}


def _case(name):
    block = BLOCKS[name]()
    return block.tensors(), {"case": name.replace("_", " "), **block.sizes}


CASES = {f"blocks/{name}": lambda name=name: _case(name) for name in BLOCKS}
