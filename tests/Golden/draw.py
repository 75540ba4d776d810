"""Seeded random inputs and weights, all exactly representable in single precision.

NumPy's RandomState is used because its stream is frozen by NumPy's own compatibility promise.
"""

import numpy as np
import torch


class Draw:
    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def normal(self, *shape, scale=1.0, mean=0.0, precision=np.float32):
        """Normal values rounded to `precision`, then held in float64, so a test can load them without rounding."""
        values = mean + scale * self.random.standard_normal(shape)
        return torch.from_numpy(values.astype(precision).astype(np.float64))

    def uniform(self, low, high, *shape):
        values = self.random.uniform(low, high, shape)
        return torch.from_numpy(values.astype(np.float32).astype(np.float64))

    def integers(self, low, high, *shape):
        """Integers in [low, high)."""
        return torch.from_numpy(self.random.randint(low, high, shape).astype(np.int64))

    def weights(self, shapes):
        """A value for every name of `shapes`. The end of the name chooses the distribution. No value is 0 or 1 by
        default."""
        return {name: self._weight(name, shape) for name, shape in shapes.items()}

    def _weight(self, name, shape):
        layer, kind = name.rsplit(".", 2)[-2:] if "." in name else ("", name)
        is_norm = layer in ("LayerNorm", "norm", "cluster_norm")
        if kind == "running_mean":
            return self.normal(*shape, scale=0.3)
        if kind == "running_var":
            return self.uniform(0.5, 1.5, *shape)
        if kind == "weight" and is_norm:
            return self.normal(*shape, scale=0.2, mean=1.0)
        if kind == "bias":
            return self.normal(*shape, scale=0.2)
        if layer.endswith("_embeddings"):
            return self.normal(*shape, scale=0.5)
        if kind == "centres":
            return self.normal(*shape, scale=0.3)
        return self.normal(*shape, scale=1.5 * shape[1] ** -0.5)  # a matrix [out, in]
