"""Dot: products of two arrays, row by row."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.specs import concrete_dims
from nnlib.layers.checks import axis_number, check_axis, place_of
from nnlib.layers.merge import Merge
from nnlib.ops.batch_dot import batch_dot
from nnlib.ops.normalization import unit_norm


class Dot(Merge):
    """`sum_k a[..., k, ...] * b[..., k, ...]` for each row of the batch, with k along `axes`.

    Args:
        axes: the axis that is summed up in both, or one for each; not the batch.
        normalize: whether both are scaled to length 1 along it first, which gives the cosine.

    Input shape:
        A list of two arrays that agree on the batch and on the axes.

    Output shape:
        (batch, other axes of a, other axes of b); (batch, 1) where there are none. It has no mask.

    Raises:
        ShapeError: if they do not agree, or lack the axis.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Dot(axes=1)([jnp.ones((2, 3)), jnp.ones((2, 3))]).tolist()
    [[3.0], [3.0]]
    """

    least = most = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = tuple(axes) if isinstance(axes, tuple | list) else (axes, axes)
        if len(pair) != 2:
            raise ArgumentError(f"Dot: expected axes to be an integer or two, got {axes!r}.")
        first, second = (axis_number("Dot", "axes", axis) for axis in pair)
        self.axes = (first, second)
        self.normalize = bool(normalize)

    def call(self, inputs: Any) -> jax.Array:
        first, second = self.checked_list(inputs)
        axes = self._known_axes(first, second)
        if self.normalize:
            first = unit_norm(first, axis=axes[0], epsilon=1e-7)
            second = unit_norm(second, axis=axes[1], epsilon=1e-7)
        dtype = jnp.result_type(first, second)
        return batch_dot(first.astype(dtype), second.astype(dtype), axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: the axes of the output are not those of the inputs."""

    def _known_axes(self, first: jax.Array, second: jax.Array) -> tuple[int, int]:
        shapes = [concrete_dims(array.shape) for array in (first, second)]
        axes = (
            check_axis(self, self.axes[0], first.ndim),
            check_axis(self, self.axes[1], second.ndim),
        )
        sizes = [shape[axis] for shape, axis in zip(shapes, axes, strict=True)]
        batches = {shape[0] for shape in shapes} - {None}
        if 0 in axes or sizes[0] != sizes[1] or len(batches) > 1:
            raise ShapeError(
                f"{place_of(self)}: expected two arrays of one batch that agree on axes "
                f"{self.axes}, which are not the batch, got shapes {shapes[0]} and {shapes[1]}."
            )
        return axes


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """`Dot(axes, **kwargs)(inputs)`."""
    return Dot(axes, **kwargs)(inputs)
