"""Sorted values and medians, whose gradients may be cut over devices."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def sort(x: jax.Array, axis: int = -1) -> jax.Array:
    """`jnp.sort(x, axis)`, with another gradient of the same values.

    XLA's partitioner (of jax 0.10 and 0.12) ends the process at that of `jnp.sort` where rows or
    features are cut over devices unevenly.
    """
    return jnp.sort(x, axis)


@sort.defjvp
def _(axis: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x,), (moved,) = primals, tangents
    order = jnp.argsort(x, axis)
    return jnp.take_along_axis(x, order, axis), jnp.take_along_axis(moved, order, axis)


def median(x: jax.Array, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Any:
    """`jnp.median(x, axis, keepdims=keepdims)`, by `sort`.

    Args:
        x: real numbers; integers become floats.
        axis: one or several, which may be negative; None for all.
        keepdims: whether the axes stay, with one entry each.

    Returns:
        The means of the two values in the middle; NaN where x has any, or nothing.

    Raises:
        ValueError: for axes that x does not have or that are given twice, and complex numbers.

    >>> import jax.numpy as jnp
    >>> median(jnp.array([[1.0, 9.0, 2.0, 4.0]]), axis=1).tolist()
    [3.0]
    """
    if jnp.iscomplexobj(x):
        raise ValueError(f"median: expected real numbers, got {x.dtype}. Take one of its parts.")
    x = x.astype(jnp.result_type(x, float))
    axes = _axes(axis, x.ndim)
    last = jnp.moveaxis(x, axes, range(-len(axes), 0))
    size = math.prod(x.shape[one] for one in axes)
    ordered = sort(last.reshape(*last.shape[: x.ndim - len(axes)], size))
    if size == 0:
        middle = jnp.full(ordered.shape[:-1], jnp.nan, x.dtype)
    else:
        places: list[Any] = [(size - 1) // 2, size // 2]
        # A size that is not known while this is compiled gives no constant place.
        low, high = (ordered[..., p if isinstance(p, int) else jnp.asarray(p)] for p in places)
        middle = 0.5 * low + 0.5 * high
        middle = jnp.where(jnp.isnan(ordered[..., -1]), jnp.nan, middle)  # NaN is last
    return jnp.expand_dims(middle, axes) if keepdims else middle


def _axes(axis: int | Sequence[int] | None, ndim: int) -> list[int]:
    """Those of an array, from 0 on and in order."""
    given = range(ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    axes = sorted({one % ndim for one in given if -ndim <= one < ndim})
    if len(axes) != len(given):
        raise ValueError(
            f"median: expected different axes of an array of {ndim} axes, got {axis!r}."
        )
    return axes
