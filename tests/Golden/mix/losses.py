"""The losses of docs/reference-system.md, section 4, in their mean form and from logits. float64, by autograd."""

import torch

from mix.model import l2_normalise

TEMPERATURE = 0.07
CONSISTENCY_TEMPERATURE = 2.0
CONSISTENCY_EPSILON = 1e-8
CONSISTENCY_WEIGHT = 10.0
CONTRASTIVE_WEIGHT = 10.0 / 3.0
PAIR_KL_WEIGHT = 0.5
CLIP = 1e-7


def softplus(z):
    return torch.logaddexp(z, torch.zeros_like(z))


def binary_cross_entropy(logits, labels):
    """logits, labels [B, C] -> [B]: the sum over the tags."""
    return (softplus(logits) - logits * labels).sum(1)


def asymmetric_loss(logits, labels):
    """gamma+ 0, gamma- 1, no margin, gradient through the weight (docs/reference-system.md, section 4.2); -> [B]."""
    return (labels * softplus(-logits) + (1 - labels) * torch.sigmoid(logits) * softplus(logits)).sum(1)


def contrastive(vision, text):
    """Symmetric InfoNCE over the batch -> [B]."""
    scores = l2_normalise(vision, 1) @ l2_normalise(text, 1).T / TEMPERATURE
    diagonal = scores.diagonal()
    return 0.5 * (torch.logsumexp(scores, 1) - diagonal + torch.logsumexp(scores, 0) - diagonal)


def consistency(logits, expert_logits):
    """KL of the mixture's softened distribution over tags to each expert's -> [B]; no gradient is stopped."""
    p = torch.softmax(logits / CONSISTENCY_TEMPERATURE, 1)
    terms = 0
    for expert in expert_logits:
        q = torch.softmax(expert / CONSISTENCY_TEMPERATURE, 1)
        terms = terms + p * (torch.log(p + CONSISTENCY_EPSILON) - torch.log(q + CONSISTENCY_EPSILON))
    return terms.sum(1)


def cosine(left, right):
    return (l2_normalise(left, 1) * l2_normalise(right, 1)).sum(1)


def pair_terms(similarity, target):
    """(squared error Q, KL term J): sums over the batch, not means. The clip's bounds are inclusive."""
    clipped_target, clipped = target.clamp(CLIP, 1.0), similarity.clamp(CLIP, 1.0)
    return ((similarity - target) ** 2).sum(), (clipped_target * torch.log(clipped_target / clipped)).sum()


def pretrain_losses(outputs, labels, tag_loss):
    """All terms of mix pretraining; `outputs` is what `mix` returned."""
    _, logits, expert_logits, visions, text = outputs
    losses = {"tag_mixture": tag_loss(logits, labels).mean()}
    for k, (expert, vision) in enumerate(zip(expert_logits, visions)):
        losses[f"tag_experts.{k}"] = tag_loss(expert, labels).mean()
        losses[f"contrastive.{k}"] = contrastive(vision, text).mean()
    losses["consistency"] = consistency(logits, expert_logits).mean()
    losses["total"] = (
        losses["tag_mixture"]
        + sum(losses[f"tag_experts.{k}"] for k in range(len(visions)))
        + CONSISTENCY_WEIGHT * losses["consistency"]
        + CONTRASTIVE_WEIGHT * sum(losses[f"contrastive.{k}"] for k in range(len(visions))))
    return losses


def finetune_losses(similarity, target, logits, labels, tag_loss):
    """All terms of mix finetuning; logits and labels hold the left rows, then the right rows."""
    squared_error, kl = pair_terms(similarity, target)
    tag = tag_loss(logits, labels).mean()
    return {"squared_error": squared_error, "kl": kl, "tag": tag, "total": squared_error + PAIR_KL_WEIGHT * kl + tag}
