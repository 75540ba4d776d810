"""Thirty updates of Adam in Keras' form (docs/reference-system.md, sections 5.1 and 5.2).

Two parameter groups, each with its own schedule.
"""

import math

import torch

from draw import Draw

STEPS = 30
KEPT = (1, 10, 30)  # the state after this many updates is stored
BETA1, BETA2 = 0.9, 0.999
BATCH = 4
EPSILON = 1e-8 / BATCH  # of the mean-form loss in pretraining
GROUPS = {  # peak rate, warm-up steps, schedule length, shapes
    "encoder": (3e-5, 12, 60, {"table": (5, 3), "bias": (7,)}),  # still decaying at the end
    "rest": (5e-4, 6, 26, {"matrix": (4, 6), "scalar": (1,)}),  # the rate reaches 0 before the end
}


def rate(step, peak, warm_up, length):
    """The rate of the 0-based update `step`: a linear rise from 0, a linear fall, never below 0."""
    if step < warm_up:
        return peak * step / warm_up
    return max(0.0, peak * (1 - (step - warm_up) / (length - warm_up)))


def update(value, first, second, gradient, step, learning_rate, epsilon=EPSILON):
    """One update; epsilon joins the root of the uncorrected second moment."""
    first = BETA1 * first + (1 - BETA1) * gradient
    second = BETA2 * second + (1 - BETA2) * gradient ** 2
    t = step + 1
    correction = math.sqrt(1 - BETA2 ** t) / (1 - BETA1 ** t)
    return value - learning_rate * correction * first / (torch.sqrt(second) + epsilon), first, second


def draw_gradients(draw, shape):
    """[steps, ...]: entries of scales from 1e-9, where epsilon matters, to 10. A quarter of each step is zero."""
    scale = 10.0 ** draw.uniform(-9, 1, *shape)
    gradients = draw.normal(STEPS, *shape) * scale * (draw.uniform(0, 1, STEPS, *shape) > 0.25)
    return gradients.float().double()


def run():
    draw, tensors = Draw(5), {}
    for group, (peak, warm_up, length, shapes) in GROUPS.items():
        rates = [rate(step, peak, warm_up, length) for step in range(STEPS)]
        tensors[f"rate.{group}"] = torch.tensor(rates, dtype=torch.float64)
        for name, shape in shapes.items():
            name = f"{group}.{name}"
            value, gradients = draw.normal(*shape, scale=0.05), draw_gradients(draw, shape)
            tensors[f"initial.{name}"], tensors[f"gradient.{name}"] = value, gradients
            first, second = torch.zeros(shape).double(), torch.zeros(shape).double()
            for step in range(STEPS):
                value, first, second = update(value, first, second, gradients[step], step, rates[step])
                if step + 1 in KEPT:
                    tensors[f"after.{step + 1}.value.{name}"] = value
                    tensors[f"after.{step + 1}.first_moment.{name}"] = first
                    tensors[f"after.{step + 1}.second_moment.{name}"] = second
    metadata = {"case": "Adam, Keras form", "steps": STEPS, "beta1": BETA1, "beta2": BETA2, "epsilon": EPSILON}
    for group, (peak, warm_up, length, _) in GROUPS.items():
        metadata.update({f"{group}.peak_rate": peak, f"{group}.warm_up": warm_up, f"{group}.length": length})
    return tensors, metadata


CASES = {"adam/two_groups": run}
