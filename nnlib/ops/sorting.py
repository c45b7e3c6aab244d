"""Sorted values and medians, whose gradients may be cut over devices."""

import functools
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
    """`jnp.median(x, axis, keepdims=keepdims)`, by `sort`."""
    x = x.astype(jnp.result_type(x, float))
    given = range(x.ndim) if axis is None else axis if isinstance(axis, Sequence) else (axis,)
    axes = sorted(one % x.ndim for one in given)
    last = jnp.moveaxis(x, axes, range(-len(axes), 0))
    ordered = sort(last.reshape(*last.shape[: x.ndim - len(axes)], -1))
    low, high = ordered[..., (ordered.shape[-1] - 1) // 2], ordered[..., ordered.shape[-1] // 2]
    middle = jnp.where(jnp.isnan(ordered[..., -1]), jnp.nan, 0.5 * low + 0.5 * high)  # NaN is last
    return jnp.expand_dims(middle, axes) if keepdims else middle
