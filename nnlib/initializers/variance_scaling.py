"""Weights drawn so that activities keep their variance from layer to layer."""

import math
from collections.abc import Sequence
from typing import Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.core.registries import initializers
from nnlib.initializers.draws import normal, truncated_normal, uniform
from nnlib.initializers.initializer import Initializer, Seed, Shape, check_number, check_seed


@initializers.register()
class VarianceScaling(Initializer):
    """A variance of `scale / n`, with n the inputs, the outputs, or the mean of both.

    Args:
        scale: a positive factor.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: None for a key by path.
        input_axes: the axes whose sizes make the number of inputs.
        output_axes: the axes whose sizes make the number of outputs. Without both, the last axis
            holds the outputs, the one before the inputs, and others count for both.

    >>> draw = VarianceScaling(3.0, "fan_out", "uniform")((7, 4))
    >>> bool((abs(draw) <= 1.5).all())
    True

    Source: Glorot & Bengio, AISTATS 2010; He et al., ICCV 2015.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ):
        place = type(self).__name__
        if not check_number(place, "scale", scale) > 0:
            raise ArgumentError(f"{place}: expected scale above 0, got {scale!r}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(f"{place}: expected mode fan_in, fan_out or fan_avg, got {mode!r}.")
        if distribution not in ("truncated_normal", "untruncated_normal", "normal", "uniform"):
            raise ArgumentError(
                f"{place}: expected distribution truncated_normal, untruncated_normal or uniform, "
                f"got {distribution!r}."
            )
        if (input_axes is None) != (output_axes is None):
            raise ArgumentError(
                f"{place}: expected both or none of input_axes and output_axes, got {input_axes!r} "
                f"and {output_axes!r}."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.seed = check_seed(place, seed)
        self.input_axes, self.output_axes = input_axes, output_axes

    def sample(self, key: Any, shape: Shape, dtype: Any) -> jax.Array:
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        key = self.own_key(key)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return uniform(key, shape, dtype, -limit, limit)
        if self.distribution == "untruncated_normal":
            return normal(key, shape, dtype, 0.0, math.sqrt(variance))
        # The standard deviation of a normal cut at two is 0.8796...; make up for it.
        stddev = math.sqrt(variance) / 0.87962566103423978
        return truncated_normal(key, shape, dtype, 0.0, stddev)


def fans(
    shape: Shape,
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[float, float]:
    """(inputs, outputs) per output and input unit; leading axes of a kernel are its field."""
    if input_axes is not None and output_axes is not None:
        return tuple(  # type: ignore[return-value]
            float(math.prod(shape[axis] for axis in axes)) for axes in (input_axes, output_axes)
        )
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(field * shape[-2]), float(field * shape[-1])


def _scaled(name: str, scale: float, mode: str, distribution: str, source: str) -> type:
    """A named special case of VarianceScaling."""

    def __init__(  # noqa: N807
        self: VarianceScaling,
        seed: Seed = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed, input_axes, output_axes)

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
