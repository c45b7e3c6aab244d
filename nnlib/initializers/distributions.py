"""Weights drawn from one distribution, whatever their shape."""

from typing import Any

import jax

from nnlib.core.registries import initializers
from nnlib.initializers.draws import normal, truncated_normal, uniform
from nnlib.initializers.initializer import Initializer, Seed, Shape, check_number, check_seed


@initializers.register("random_normal", "normal")
class RandomNormal(Initializer):
    """Normal with `mean` and standard deviation `stddev`.

    >>> RandomNormal(stddev=0.0, mean=2.0)((2,)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None):
        place = type(self).__name__
        self.mean = check_number(place, "mean", mean)
        self.stddev, self.seed = check_number(place, "stddev", stddev, 0.0), check_seed(place, seed)

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return normal(self.own_key(key), shape, dtype, self.mean, self.stddev)


@initializers.register("random_uniform", "uniform")
class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`.

    >>> RandomUniform(2.0, 2.0)((2,)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None):
        self.minval = check_number("RandomUniform", "minval", minval)
        self.maxval = check_number("RandomUniform", "maxval", maxval, minval)
        self.seed = check_seed("RandomUniform", seed)

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return uniform(self.own_key(key), shape, dtype, self.minval, self.maxval)


@initializers.register()
class TruncatedNormal(RandomNormal):
    """Normal, drawn again beyond two standard deviations.

    >>> bool((abs(TruncatedNormal(stddev=0.5)((1000,))) <= 1.0).all())
    True
    """

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return truncated_normal(self.own_key(key), shape, dtype, self.mean, self.stddev)
