"""The golden cases of Uniter, with BERT and with RoFormer: pretraining steps with some, no and all tokens masked, and
pair steps."""

import torch

from draw import Draw
from mix.cases import CLS, FIRST_WORD, PAD, SEP, check_margin, draw_inputs, prefixed, stored_inputs, with_gradients
from mix.losses import PAIR_KL_WEIGHT, asymmetric_loss, binary_cross_entropy, cosine, pair_terms
from mix.model import EncoderSizes
from uniter.model import UniterSizes, masked_token_loss, uniter, uniter_shapes

MASK = 4
NOT_MASKED = -100
TEXT_POSITIONS, FRAMES = 12, 6
ENCODER = EncoderSizes(vocabulary=40, positions=16, width=16, heads=2, layers=2, feed_forward=32)
SIZES = {kind: UniterSizes(ENCODER, frame_width=24, embedding=12, tags=9, kind=kind) for kind in ("bert", "roformer")}
INPUT_SEEDS = {"pretrain": 57, "finetune": 39}
LIVE_GRADIENT = 1e-3  # the largest entry of every gradient is at least this


def draw_weights(kind):
    return Draw(3).weights(uniter_shapes(SIZES[kind]))


def mask(inputs, share, seed):
    """Replaces tokens in the three ways of docs/reference-system.md, section 2.2; labels are -100 elsewhere."""
    random = Draw(seed).random
    ids = inputs["token_ids"]
    labels = torch.full_like(ids, NOT_MASKED)
    ways = [0, 0, 1, 2]  # [MASK], [MASK], any piece, unchanged
    count = 0
    for row, position in (ids != PAD).logical_and(ids != CLS).logical_and(ids != SEP).nonzero().tolist():
        if random.uniform() >= share:
            continue
        labels[row, position] = ids[row, position]
        way = ways[count % len(ways)]
        ids[row, position] = (MASK, int(random.randint(0, ENCODER.vocabulary)), int(ids[row, position]))[way]
        count += 1
    return {**inputs, "masked_labels": labels}


def gradients(scalar, weights, used):
    """d scalar / d weight; 0 for the weights that take no part, and for none else but the key biases."""
    grads = torch.autograd.grad(scalar, list(weights.values()), allow_unused=True)
    result = {}
    for (name, weight), gradient in zip(weights.items(), grads):
        if (gradient is not None) != used(name):
            raise ValueError(f"{name} should not take part, or does not")
        result[name] = torch.zeros_like(weight) if gradient is None else gradient
        if gradient is not None and not name.endswith("key.bias") and gradient.abs().max() < LIVE_GRADIENT:
            raise ValueError(f"the gradient of {name} says nothing: choose another seed")
    return result


def metadata(kind, case, **more):
    sizes, encoder = SIZES[kind], SIZES[kind].encoder
    return {
        "case": case, "encoder": kind, "text_positions": TEXT_POSITIONS, "frames": FRAMES, "frame_width": sizes.frame_width,
        "embedding": sizes.embedding, "tags": sizes.tags, "vocabulary": encoder.vocabulary, "positions": encoder.positions,
        "token_types": encoder.token_types, "encoder_width": encoder.width, "heads": encoder.heads, "layers": encoder.layers,
        "feed_forward": encoder.feed_forward, "pad_id": PAD, "cls_id": CLS, "sep_id": SEP, "mask_id": MASK, **more,
    }


def pretrain_inputs(share):
    inputs = draw_inputs(Draw(INPUT_SEEDS["pretrain"]), lengths=[12, 7, 2, 9], frame_counts=[6, 3, 1, 4], tag_counts=[3, 1, 0, 5],
                         sizes=SIZES["bert"], text_positions=TEXT_POSITIONS, frames=FRAMES)
    return mask(inputs, share, seed=5)


def pretrain_losses(w, kind, inputs, tag_loss, mlm_weight, values):
    _, logits, mapped = uniter(w, SIZES[kind], inputs, values)
    losses = {"tag": tag_loss(logits, inputs["labels"]).mean(), "mlm": masked_token_loss(w, SIZES[kind], mapped, inputs["masked_labels"])}
    losses["total"] = losses["tag"] + mlm_weight * losses["mlm"]
    return losses


def pretrain(kind, share, tag_loss=binary_cross_entropy, name="bce", mlm_weight=10.0):
    inputs, weights, values = pretrain_inputs(share), draw_weights(kind), {}
    w = with_gradients(weights)
    losses = pretrain_losses(w, kind, inputs, tag_loss, mlm_weight, values)
    check_margin(values)
    grads = gradients(losses["total"], w, used=lambda weight: share > 0 or not weight.startswith("mlm."))
    return {
        **stored_inputs(inputs), **weights, **prefixed("value", values), **prefixed("loss", losses), **prefixed("grad", grads),
    }, metadata(kind, "uniter pretraining step", batch=4, tag_loss=name, mlm_weight=mlm_weight)


def finetune_inputs():
    """Three pairs: left rows, then right rows; titles as they are."""
    inputs = draw_inputs(Draw(INPUT_SEEDS["finetune"]), lengths=[8, 12, 5, 10, 2, 12], frame_counts=[6, 2, 1, 3, 6, 4],
                         tag_counts=[2, 0, 4, 1, 3, 9], sizes=SIZES["bert"], text_positions=TEXT_POSITIONS, frames=FRAMES)
    inputs["similarities"] = torch.tensor([0.0, 0.35, 1.0], dtype=torch.float32).double()
    return inputs


def finetune_losses(w, kind, inputs, tag_loss, values):
    embedding, logits, _ = uniter(w, SIZES[kind], inputs, values)
    pairs = len(embedding) // 2
    values["similarity"] = cosine(embedding[:pairs], embedding[pairs:])
    squared_error, kl = pair_terms(values["similarity"], inputs["similarities"])
    tag = tag_loss(logits, inputs["labels"]).mean()
    return {"squared_error": squared_error, "kl": kl, "tag": tag, "total": squared_error + PAIR_KL_WEIGHT * kl + tag}


def finetune(kind, tag_loss=binary_cross_entropy, name="bce"):
    inputs, weights, values = finetune_inputs(), draw_weights(kind), {}
    w = with_gradients(weights)
    losses = finetune_losses(w, kind, inputs, tag_loss, values)
    check_margin(values)
    grads = gradients(losses["total"], w, used=lambda weight: not weight.startswith("mlm."))
    return {
        **stored_inputs(inputs), **weights, **prefixed("value", values), **prefixed("loss", losses), **prefixed("grad", grads),
    }, metadata(kind, "uniter finetuning step on pairs", pairs=3, tag_loss=name, kl_weight=PAIR_KL_WEIGHT)


SOME, ALL = 0.3, 1.0

CASES = {
    "uniter/pretrain": lambda: pretrain("bert", SOME),
    "uniter/pretrain_nothing_masked": lambda: pretrain("bert", 0.0),
    "uniter/pretrain_all_masked_asymmetric": lambda: pretrain("bert", ALL, asymmetric_loss, "asl", mlm_weight=5.0),
    "uniter/finetune": lambda: finetune("bert"),
    "uniter/pretrain_roformer": lambda: pretrain("roformer", SOME),
    "uniter/finetune_roformer": lambda: finetune("roformer"),
}
