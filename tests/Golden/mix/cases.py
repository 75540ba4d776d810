"""The golden cases of the whole MixNextvlad network: a pretraining step, a pair step and an inference pass.

Each is made with BERT and with RoFormer, except the inference pass.
"""

from dataclasses import replace

import torch

from draw import Draw
from mix.losses import asymmetric_loss, binary_cross_entropy, cosine, finetune_losses, pretrain_losses
from mix.model import BatchNormState, EncoderSizes, MixSizes, mix, mix_shapes

TEXT_POSITIONS = 12
FRAMES = 6
PAD, CLS, SEP, FIRST_WORD = 0, 2, 3, 5
SIZES = MixSizes(
    encoder=EncoderSizes(vocabulary=40, positions=16, width=16, heads=2, layers=2, feed_forward=32),
    frame_width=24, expansion=2, groups=4, clusters=5, vlad_output=20, text_map=20, fusion=12, squeeze_ratio=4, tags=9)
ROFORMER = replace(SIZES, kind="roformer")
WEIGHT_SEED = 2
ROFORMER_SEEDS = {"pretrain": 4, "finetune": 1}
RELU_MARGIN = 0.01  # no input of a ReLU lies nearer to its kink, so single precision takes the same branch
MAXIMUM_MARGIN = 1e-4  # between the two largest values over the positions: hundreds of roundings of a hidden state; padding makes them near
LIVE_GRADIENT = 1e-3  # the largest entry of every gradient is at least this


def draw_inputs(draw, lengths, frame_counts, tag_counts, sizes=SIZES, text_positions=TEXT_POSITIONS, frames=FRAMES):
    """Titles of the given lengths (special tokens included), videos of the given frame counts, that many tags each."""
    batch = len(lengths)
    token_ids = torch.full((batch, text_positions), PAD)
    for row, length in enumerate(lengths):
        token_ids[row, 0], token_ids[row, length - 1] = CLS, SEP
        token_ids[row, 1 : length - 1] = draw.integers(FIRST_WORD, sizes.encoder.vocabulary, length - 2)
    attention_mask = (torch.arange(text_positions)[None, :] < torch.tensor(lengths)[:, None]).long()
    video = draw.normal(batch, frames, sizes.frame_width, precision="float16")
    for row, count in enumerate(frame_counts):
        video[row, count:] = video[row, count - 1]  # a short video repeats its last frame
    labels = torch.zeros(batch, sizes.tags, dtype=torch.float64)
    for row, count in enumerate(tag_counts):
        labels[row, draw.random.permutation(sizes.tags)[:count].copy()] = 1
    return {
        "token_ids": token_ids, "attention_mask": attention_mask, "frames": video,
        "frame_counts": torch.tensor(frame_counts), "labels": labels,
    }


def draw_network(sizes=SIZES):
    draw = Draw(WEIGHT_SEED)
    trainable, state = mix_shapes(sizes)
    return draw.weights(trainable), draw.weights(state)


def with_gradients(weights):
    return {name: value.clone().requires_grad_() for name, value in weights.items()}


def gradients(scalar, weights):
    """d scalar / d weight for every weight. Only the gradient of the key bias may be zero: it vanishes identically."""
    grads = dict(zip(weights, torch.autograd.grad(scalar, list(weights.values()))))
    for name, gradient in grads.items():
        if not name.endswith("key.bias") and gradient.abs().max() < LIVE_GRADIENT:
            raise ValueError(f"the gradient of {name} says nothing: choose another seed")
    return grads


def prefixed(prefix, tensors):
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def stored_inputs(inputs):
    """Whole numbers are stored as such."""
    return prefixed("input", {name: value if name in ("frames", "similarities") else value.to(torch.int32)
                              for name, value in inputs.items()})


def metadata(case, **more):
    encoder = SIZES.encoder
    return {
        "case": case, "text_positions": TEXT_POSITIONS, "frames": FRAMES, "frame_width": SIZES.frame_width,
        "expansion": SIZES.expansion, "groups": SIZES.groups, "clusters": SIZES.clusters,
        "vlad_output": SIZES.vlad_output, "text_map": SIZES.text_map, "fusion": SIZES.fusion,
        "squeeze_ratio": SIZES.squeeze_ratio, "experts": SIZES.experts, "tags": SIZES.tags,
        "vocabulary": encoder.vocabulary, "positions": encoder.positions, "token_types": encoder.token_types,
        "encoder_width": encoder.width, "heads": encoder.heads, "layers": encoder.layers,
        "feed_forward": encoder.feed_forward, "cls_id": CLS, "sep_id": SEP, "pad_id": PAD, **more,
    }


def check_margin(values):
    nearest = min(value.abs().min().item() for name, value in values.items() if name.endswith("before_relu"))
    if nearest < RELU_MARGIN:
        raise ValueError(f"an input of a ReLU is {nearest:.1e} from zero: choose another seed")
    if "encoder.two_largest" in values:
        largest, second = values["encoder.two_largest"].unbind(1)
        if (largest - second).min() < MAXIMUM_MARGIN:
            raise ValueError(f"two values of a maximum are {(largest - second).min():.1e} apart: choose another seed")


def pretrain_inputs(seed=28):
    return draw_inputs(Draw(seed), lengths=[12, 7, 2, 9], frame_counts=[6, 3, 1, 4], tag_counts=[3, 1, 0, 5])


def pretrain(tag_loss=binary_cross_entropy, kind="bce", sizes=SIZES, seed=28):
    inputs, (weights, running) = pretrain_inputs(seed), draw_network(sizes)
    w, norms, values = with_gradients(weights), BatchNormState(running, training=True), {}
    losses = pretrain_losses(mix(w, sizes, inputs, norms, values), inputs["labels"], tag_loss)
    check_margin(values)
    return {
        **stored_inputs(inputs), **weights, **running, **prefixed("value", values), **prefixed("loss", losses),
        **prefixed("grad", gradients(losses["total"], w)), **prefixed("after", norms.running),
    }, metadata("mix pretraining step", batch=4, tag_loss=kind)


def finetune_inputs(seed=11):
    """Three pairs: left rows, then right rows."""
    inputs = draw_inputs(Draw(seed), lengths=[8, 12, 5, 10, 2, 12], frame_counts=[6, 2, 1, 3, 6, 4],
                         tag_counts=[2, 0, 4, 1, 3, 9])
    inputs["similarities"] = torch.tensor([0.0, 0.35, 1.0], dtype=torch.float32).double()
    return inputs


def both_sides(w, inputs, norms, values, tag_loss, sizes=SIZES):
    """Left, then right, through the same weights; statistics of batch normalisation are each side's own."""
    pairs = len(inputs["token_ids"]) // 2
    sides = []
    for rows in (slice(0, pairs), slice(pairs, None)):
        noted = {}
        side_inputs = {name: value[rows] for name, value in inputs.items() if name != "similarities"}
        sides.append((mix(w, sizes, side_inputs, norms, noted), noted))
    values.update({name: torch.cat([sides[0][1][name], sides[1][1][name]]) for name in sides[0][1]})
    (left, *_), (right, *_) = sides[0][0], sides[1][0]
    values["similarity"] = cosine(left, right)
    return finetune_losses(values["similarity"], inputs["similarities"], values["logits"], inputs["labels"], tag_loss)


def finetune(tag_loss=binary_cross_entropy, kind="bce", sizes=SIZES, seed=11):
    inputs, (weights, running) = finetune_inputs(seed), draw_network(sizes)
    w, norms, values = with_gradients(weights), BatchNormState(running, training=True), {}
    losses = both_sides(w, inputs, norms, values, tag_loss, sizes)
    check_margin(values)
    return {
        **stored_inputs(inputs), **weights, **running, **prefixed("value", values), **prefixed("loss", losses),
        **prefixed("grad", gradients(losses["total"], w)), **prefixed("after", norms.running),
    }, metadata("mix finetuning step on pairs", pairs=3, tag_loss=kind, kl_weight=0.5)


def inference():
    inputs = draw_inputs(Draw(8), lengths=[12, 3, 2, 11, 6], frame_counts=[1, 6, 5, 2, 6], tag_counts=[0] * 5)
    del inputs["labels"]
    weights, running = draw_network()
    values = {}
    with torch.no_grad():
        mix(weights, SIZES, inputs, BatchNormState(running, training=False), values)
    check_margin(values)
    return {**stored_inputs(inputs), **weights, **running, **prefixed("value", values)}, \
        metadata("mix inference with running statistics", batch=5)


def pretrain_asymmetric():
    return pretrain(asymmetric_loss, "asl")


def finetune_asymmetric():
    return finetune(asymmetric_loss, "asl")


def pretrain_roformer():
    return pretrain(sizes=ROFORMER, seed=ROFORMER_SEEDS["pretrain"])


def finetune_roformer():
    return finetune(sizes=ROFORMER, seed=ROFORMER_SEEDS["finetune"])


CASES = {"mix/pretrain": pretrain, "mix/finetune": finetune, "mix/inference": inference,
         "mix/pretrain_asymmetric": pretrain_asymmetric, "mix/finetune_asymmetric": finetune_asymmetric,
         "mix/pretrain_roformer": pretrain_roformer, "mix/finetune_roformer": finetune_roformer}
