"""Normalization: features of mean 0 and variance 1, by the statistics of a data set."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.settings import epsilon
from nnlib.core.specs import ShapeSpec
from nnlib.layers.checks import (
    axis_numbers,
    check_axis,
    float_input,
    known_size,
    place_of,
    spec_of_axes,
)
from nnlib.layers.preprocessing.batches import batches
from nnlib.layers.preprocessing.host_values import host_array


class Normalization(Layer):
    r"""`y = (x - mean) / max(sqrt(variance), epsilon)`, with statistics that are found beforehand.

    They are given, or found by `adapt`, and then stay as they are; epsilon is `nnlib.epsilon()`.

    Args:
        axis: the axis, or axes, of which every index has statistics of its own; None for one mean
            and one variance of all values.
        mean: of the data, broadcast to the sizes of these axes; then no `adapt` is needed.
        variance: likewise; given together with mean.
        invert: whether to go back: `x * max(sqrt(variance), epsilon) + mean`.

    Input shape:
        Any with the axes of `axis`, whose sizes are known.

    Output shape:
        The input's.

    Raises:
        ArgumentError: for mean without variance, or of a shape that does not fit.
        ShapeError: if the sizes of the axes differ from what it was built for.

    >>> import numpy as np, nnlib as nn
    >>> layer = nn.layers.Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
    >>> layer(np.array([[0.0, 9.0], [1.0, 7.0]])).tolist()
    [[-1.0, 1.0], [0.0, -1.0]]
    """

    supports_masking = True
    mean: Any
    variance: Any
    count: Any

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = "Normalization"
        self.axis = () if axis is None else axis_numbers(own, "axis", axis)
        self.input_mean, self.input_variance = mean, variance
        self.invert = bool(invert)
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"{own}: expected both mean and variance, or neither, got {mean!r} and "
                f"{variance!r}."
            )
        if mean is not None:
            self._keep_given(np.asarray(mean, np.float64), np.asarray(variance, np.float64))

    def _keep_given(self, mean: np.ndarray, variance: np.ndarray) -> None:
        if mean.shape != variance.shape or mean.ndim > len(self.axis):
            raise ArgumentError(
                "Normalization: expected mean and variance of one shape, with at most as many axes "
                f"as axis={self.axis} has, got {mean.shape} and {variance.shape}."
            )
        self.mean, self.variance = mean, variance

    def build(self, x: Any) -> None:
        self._axes = tuple(sorted(self.axis, key=lambda axis: check_axis(self, axis, x.ndim)))
        self._sizes = sizes = tuple(known_size(self, x, axis % x.ndim) for axis in self._axes)
        self.input_spec = spec_of_axes(self, x, self.axis)
        if self.input_mean is not None:
            self._check_given(sizes)
            return
        exact: dict[str, Any] = {"trainable": False, "autocast": False}
        self.mean = self.add_weight(sizes, "zeros", **exact)
        self.variance = self.add_weight(sizes, "ones", **exact)
        # Never written. It is there because Keras has it: lists of weights fit both ways.
        self.count = self.add_weight((), "zeros", dtype="int32", **exact)

    def _check_given(self, sizes: tuple[int, ...]) -> None:
        try:
            np.broadcast_to(self.mean, sizes)
        except ValueError:
            raise ShapeError(
                f"{place_of(self)}: expected mean and variance that broadcast to the sizes "
                f"{sizes} of axis={self.axis}, got shape {self.mean.shape}."
            ) from None

    def call(self, x: jax.Array) -> jax.Array:
        x = float_input(self, x)
        mean, variance = (
            self._spread(value, x.ndim, x.dtype) for value in (self.mean, self.variance)
        )
        deviation = jnp.maximum(jnp.sqrt(variance), jnp.asarray(epsilon(), x.dtype))
        return x * deviation + mean if self.invert else (x - mean) / deviation

    def _spread(self, value: Any, ndim: int, dtype: Any) -> jax.Array:
        """A statistic with `ndim` axes."""
        if self.input_mean is not None:
            value = np.broadcast_to(value, self._sizes)
        shape = [1] * ndim
        for axis, size in zip(self._axes, self._sizes, strict=True):
            shape[axis] = size
        return jnp.asarray(value, dtype).reshape(shape)

    # adapt -------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Set mean and variance to those of the data.

        Args:
            data: an array, a list or a series, or an iterable of batches such as a data set.
            batch_size: rows at a time, for data that is no iterable of batches; all if None.
            steps: at most so many batches; all if None.
        """
        place = f"{self.name} (Normalization) adapt"
        if self.input_mean is not None:
            raise ArgumentError(
                f"{place}: expected a layer made without mean= and variance=, got one with them. "
                "Leave them out."
            )
        total: tuple[Any, Any, int] = 0.0, 0.0, 0
        for batch in batches(data, batch_size, steps, place):
            values = host_array(batch, place)
            if values.dtype.kind not in "iufb":
                raise DTypeError(f"{place}: expected numbers, got dtype {values.dtype}.")
            if not values.ndim:
                raise DTypeError(f"{place}: expected batches with rows, got {batch!r}.")
            if not self.built:
                self.declare(ShapeSpec((None, *values.shape[1:]) if self._keeps_rows_apart(values)
                                       else values.shape, self.compute_dtype))  # fmt: skip
            self.check_inputs(values, place)
            total = _joined(total, _statistics(values, self._axes))
        self.mean, self.variance = total[:2]

    def _keeps_rows_apart(self, values: np.ndarray) -> bool:
        """Whether the first axis may have any size: it has no statistics of its own."""
        return all(axis % values.ndim for axis in self.axis)

    def get_config(self) -> dict[str, Any]:
        """The arguments, arrays among them as lists."""
        given = {"mean": self.input_mean, "variance": self.input_variance}
        lists = {n: None if v is None else np.asarray(v).tolist() for n, v in given.items()}
        return super().get_config() | lists


def _statistics(values: np.ndarray, kept: tuple[int, ...]) -> tuple[Any, Any, int]:
    """Mean, variance and number of the values behind each of them."""
    kept = tuple(axis % values.ndim for axis in kept)
    axes = tuple(axis for axis in range(values.ndim) if axis not in kept)
    values = values.astype(np.float64)
    return values.mean(axes), values.var(axes), math.prod(values.shape[axis] for axis in axes)


def _joined(first: tuple[Any, Any, int], second: tuple[Any, Any, int]) -> tuple[Any, Any, int]:
    """The statistics of two sets together, by Chan, Golub and LeVeque's update."""
    total = first[2] + second[2]
    share = second[2] / total
    mean = first[0] * (1 - share) + second[0] * share
    variance = (first[1] + (first[0] - mean) ** 2) * (1 - share)
    variance = variance + (second[1] + (second[0] - mean) ** 2) * share
    return mean, variance, total
