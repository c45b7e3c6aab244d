"""How weights begin: an initializer is configuration, its `sample(key, shape, dtype)` is pure."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.random import facade_keys
from nnlib.core.registries import initializers
from nnlib.core.settings import floatx

Shape = tuple[int, ...]


class Initializer(Configurable):
    """A distribution of initial weights.

    Subclasses write `sample(key, shape, dtype)`. As in Keras, `initializer(shape, dtype)` draws
    with a key of its own; with `seed` given, every draw is the same.

    >>> import nnlib as nn
    >>> nn.initializers.Constant(2.0)((2,)).tolist()
    [2.0, 2.0]
    """

    seed: int | None = None

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        """An array of `shape`, drawn with `key`."""
        raise NotImplementedError(f"{type(self).__name__}: expected a `sample` method, got none.")

    def __call__(self, shape: Any, dtype: Any = None) -> jax.Array:
        key = jax.random.key(self.seed) if self.seed is not None else facade_keys.next_key()
        return self.sample(key, tuple(shape), dtype or floatx())

    def own_key(self, key: Any) -> Any:
        """The key of `seed` where one was given, else `key`."""
        return key if self.seed is None else jax.random.key(self.seed)


@initializers.register("zeros", "zero")
class Zeros(Initializer):
    """All zeros."""

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jnp.zeros(shape, dtype)


@initializers.register("ones", "one")
class Ones(Initializer):
    """All ones."""

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jnp.ones(shape, dtype)


@initializers.register()
class Constant(Initializer):
    """One value everywhere, or an array to start from."""

    def __init__(self, value: Any = 0.0):
        self.value = value

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jnp.broadcast_to(jnp.asarray(self.value, dtype), shape)


@initializers.register("random_normal", "normal")
class RandomNormal(Initializer):
    """Normal with `mean` and standard deviation `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return self.mean + self.stddev * jax.random.normal(self.own_key(key), shape, dtype)


@initializers.register("random_uniform", "uniform")
class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        return jax.random.uniform(self.own_key(key), shape, dtype, self.minval, self.maxval)


@initializers.register()
class TruncatedNormal(Initializer):
    """Normal, drawn again beyond two standard deviations."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        draw = jax.random.truncated_normal(self.own_key(key), -2.0, 2.0, shape, dtype)
        return self.mean + self.stddev * draw


@initializers.register()
class VarianceScaling(Initializer):
    """A variance of `scale / n`, with n the inputs, the outputs, or the mean of both.

    Args:
        scale: a positive factor.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: None for a key by path.

    Source: Glorot & Bengio, AISTATS 2010; He et al., ICCV 2015.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ):
        if not scale > 0:
            raise ArgumentError(f"VarianceScaling: expected scale above 0, got {scale!r}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(
                f"VarianceScaling: expected mode fan_in, fan_out or fan_avg, got {mode!r}."
            )
        if distribution not in ("truncated_normal", "untruncated_normal", "normal", "uniform"):
            raise ArgumentError(
                "VarianceScaling: expected distribution truncated_normal, untruncated_normal or "
                f"uniform, got {distribution!r}."
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        key = self.own_key(key)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return jax.random.uniform(key, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return math.sqrt(variance) * jax.random.normal(key, shape, dtype)
        # The standard deviation of a normal cut at two is 0.8796...; make up for it.
        stddev = math.sqrt(variance) / 0.87962566103423978
        return stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype)


def fans(shape: Shape) -> tuple[float, float]:
    """(inputs, outputs) per output and input unit; leading axes of a kernel are its field."""
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


def _scaled(name: str, scale: float, mode: str, distribution: str, source: str) -> type:
    """A named special case of VarianceScaling, with `seed` as its only argument."""

    def __init__(self: VarianceScaling, seed: int | None = None) -> None:  # noqa: N807
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    doc = f"VarianceScaling({scale}, {mode!r}, {distribution!r}).\n\n    Source: {source}.\n    "
    body = {"__init__": __init__, "__doc__": doc, "__module__": __name__}
    return initializers.register()(type(name, (VarianceScaling,), body))


_GLOROT = "Glorot & Bengio, AISTATS 2010"
_HE = "He et al., ICCV 2015"
_LECUN = "LeCun et al., Efficient BackProp, 1998"

GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform", _GLOROT)
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", _HE)
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", _HE)
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", _LECUN)
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", _LECUN)


@initializers.register("orthogonal", "OrthogonalInitializer")
class Orthogonal(Initializer):
    """A matrix with orthogonal rows or columns; leading axes are flattened.

    Source: Saxe et al., ICLR 2014.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        self.gain, self.seed = gain, seed

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ArgumentError(f"Orthogonal: expected at least 2 axes, got the shape {shape}.")
        draw = jax.nn.initializers.orthogonal(self.gain)
        return draw(self.own_key(key), shape, dtype)


@initializers.register("identity", "Identity", "IdentityInitializer")
class Identity(Initializer):
    """`gain` on the diagonal of a matrix."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ArgumentError(f"Identity: expected 2 axes, got the shape {shape}.")
        return self.gain * jnp.eye(*shape, dtype=dtype)


get = initializers.get

# The spellings of Keras in lower case.
zeros, ones, constant, orthogonal, identity = Zeros, Ones, Constant, Orthogonal, Identity
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
