"""The asymmetric loss of tags in Triton, for a comparison with the engine's kernel: values and gradients of all heads
of a video in one launch, with or without the consistency of the experts (heads 1 and up) with the mixture (head 0).

    w = -z for a present tag, z for an absent one; p = sigmoid(w)
    loss = softplus(w) for a present tag, p softplus(w) for an absent one
    P_h = softmax(z_h / T):  consistency = sum over experts h and tags of P_0 (log(P_0 + epsilon) - log(P_h + epsilon))
    slopes  g_h = -P_0 / (P_h + epsilon),  g_0 = sum over experts of (log(P_0 + epsilon) + P_0 / (P_0 + epsilon)
            - log(P_h + epsilon));  dZ_h += P_h (g_h - sum P_h g_h) / T
    z, dZ [heads, videos, tags]   labels [videos, tags], bytes

A program has one video. With the consistency it reads the logits three times: for the statistics of the softmax, for
the sums of the slopes, for the results. The second and the third time they are in the L2 cache. The engine's kernel
does the same; it reads labels as bits and has logits of up to 96 KiB in shared memory.
"""

import torch
import triton
import triton.language as tl

from _bounds import require

WARPS, BLOCK = 8, 1024  # of a program; tags of a step: 16 logits of 4 heads a thread
LOWEST = tl.constexpr(-1e30)  # stands for a logit outside: its probability is 0


@triton.jit
def distances(soft, is_mixture, is_expert, epsilon):
    """Terms of the consistency and its slopes by the probabilities, [heads, tags]."""
    mixture = tl.sum(tl.where(is_mixture, soft, 0.0), 0)[None, :]
    distance = tl.where(is_expert, tl.log(mixture + epsilon) - tl.log(soft + epsilon), 0.0)
    of_mixture = tl.sum(tl.where(is_expert, distance + mixture / (mixture + epsilon), 0.0), 0)[None, :]
    return mixture * distance, tl.where(is_mixture, of_mixture, -mixture / (soft + epsilon))


@triton.jit
def losses_of_video(Logits, Labels, Gradient, Loss, heads, videos, tags, sharpness, epsilon, HEADS: tl.constexpr, BLOCK: tl.constexpr, CONSISTENT: tl.constexpr):
    video = tl.program_id(0)
    head = tl.arange(0, HEADS)[:, None]
    tag = tl.arange(0, BLOCK)[None, :]
    row = (head * videos + video) * tags
    is_mixture = head == 0
    is_expert = (head > 0) & (head < heads)
    if CONSISTENT:
        largest = tl.full([HEADS, BLOCK], LOWEST, tl.float32)
        total = tl.zeros([HEADS, BLOCK], tl.float32)
        for first in range(0, tags, BLOCK):
            z = tl.load(Logits + row + first + tag, mask=(head < heads) & (first + tag < tags), other=LOWEST).to(tl.float32)
            larger = tl.maximum(largest, z)
            total = total * tl.exp((largest - larger) * sharpness) + tl.exp((z - larger) * sharpness)
            largest = larger
        maximum = tl.max(largest, 1)[:, None]
        inverse = 1 / tl.sum(total * tl.exp((largest - maximum) * sharpness), 1)[:, None]
        consistency = tl.zeros([HEADS, BLOCK], tl.float32)
        average = tl.zeros([HEADS, BLOCK], tl.float32)
        for first in range(0, tags, BLOCK):
            z = tl.load(Logits + row + first + tag, mask=(head < heads) & (first + tag < tags), other=LOWEST).to(tl.float32)
            soft = tl.exp((z - maximum) * sharpness) * inverse
            distance, slope = distances(soft, is_mixture, is_expert, epsilon)
            consistency += distance
            average += soft * slope
        tl.store(Loss + videos + video, tl.sum(tl.sum(consistency, 1), 0))
        average = tl.sum(average, 1)[:, None]
    loss = tl.zeros([HEADS, BLOCK], tl.float32)
    for first in range(0, tags, BLOCK):
        inside = (head < heads) & (first + tag < tags)
        z = tl.load(Logits + row + first + tag, mask=inside, other=LOWEST).to(tl.float32)
        present = tl.load(Labels + video * tags + first + tag, mask=first + tag < tags, other=0) > 0
        wrong = tl.where(present, -z, z)
        small = tl.exp(-tl.abs(wrong))
        probability = tl.where(wrong >= 0, 1.0, small) / (1 + small)
        surprise = tl.maximum(wrong, 0.0) + tl.log(1 + small)
        loss += tl.where(inside, tl.where(present, surprise, probability * surprise), 0.0)
        gradient = tl.where(present, -probability, probability * ((1 - probability) * surprise + probability))
        if CONSISTENT:
            soft = tl.exp((z - maximum) * sharpness) * inverse
            distance, slope = distances(soft, is_mixture, is_expert, epsilon)
            gradient += sharpness * soft * (slope - average)
        tl.store(Gradient + row + first + tag, gradient, mask=inside)
    tl.store(Loss + video, tl.sum(tl.sum(loss, 1), 0))


def losses(logits, labels, consistent, temperature, epsilon):
    """Losses of each video [1 or 2, videos]: of all heads, then the consistency. Also the gradient of their sum."""
    heads, videos, tags = logits.shape
    loss, gradient = torch.empty(1 + consistent, videos, device=logits.device), torch.empty_like(logits)
    losses_of_video[(videos,)](logits, labels, gradient, loss, heads, videos, tags, 1 / temperature, epsilon,
                               HEADS=triton.next_power_of_2(heads), BLOCK=BLOCK, CONSISTENT=consistent, num_warps=WARPS)
    return loss, gradient


def verify(logits, labels, formulas, temperature, epsilon):
    """Raises ArithmeticError unless the losses and the gradient are those of the eager formulas in float64: one or two
    functions of logits and labels."""
    loss, gradient = losses(logits.detach(), labels, len(formulas) == 2, temperature, epsilon)
    z, y = logits.detach().double().requires_grad_(), labels.double()
    references = [formula(z, y) for formula in formulas]
    magnitudes = 1 + z.detach().abs()  # of a logit's loss and slope
    terms = [magnitudes.sum()]
    if len(formulas) == 2:
        # A logarithm is at most that of epsilon. A tag's slope has two for each expert, and its average has as many.
        surprise = 4 * logits.shape[0] * -torch.log(torch.tensor(epsilon, dtype=z.dtype))
        likely = torch.softmax(z.detach() / temperature, -1).amax(0)
        terms.append(surprise * likely.sum())
        magnitudes = magnitudes + surprise * likely / temperature
    for what, result, reference, of_loss in zip(("loss", "consistency"), loss.double().sum(1), references, terms):
        require(what, result, reference.detach(), of_loss)
    require("gradient", gradient, torch.autograd.grad(sum(references), z)[0], magnitudes)
