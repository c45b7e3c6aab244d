"""From the losses of single samples to one number; rows that only fill up a batch do not count."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError

REDUCTIONS = ("sum_over_batch_size", "sum", "none", "mean", "mean_with_sample_weight")


def check_reduction(place: str, reduction: str | None) -> str:
    """A known reduction: None is "none"; "auto", of older Keras, is "sum_over_batch_size"."""
    reduction = {None: "none", "auto": "sum_over_batch_size"}.get(reduction, reduction)
    if reduction not in REDUCTIONS:
        raise ArgumentError(
            f"{place}: expected reduction to be one of {', '.join(REDUCTIONS)} or None, "
            f"got {reduction!r}."
        )
    return str(reduction)


def over_leading_axes(place: str, what: str, small: jax.Array, values: jax.Array) -> jax.Array:
    """`small` broadcast to `values`: axes that it lacks are added behind, so rows meet rows."""
    if small.ndim == values.ndim + 1 and small.shape[-1] == 1:
        small = small[..., 0]
    padded = small.reshape(small.shape + (1,) * (values.ndim - small.ndim))
    pairs = zip(padded.shape, values.shape, strict=False)
    if padded.ndim != values.ndim or any(s not in (1, v) for s, v in pairs):
        raise ShapeError(
            f"{place}: expected {what} of shape {values.shape[:1]}, or of the losses' shape "
            f"{values.shape}, got {small.shape}."
        )
    return jnp.broadcast_to(padded, values.shape)


def fill_padding(mask: jax.Array, value: Any, filler: float) -> Any:
    """`value` with `filler` in its padded rows, so that neither they nor gradients can be NaN."""

    def fill(leaf: jax.Array) -> jax.Array:
        if leaf.shape[: mask.ndim] != mask.shape:
            return leaf
        keep = mask.reshape(mask.shape + (1,) * (leaf.ndim - mask.ndim))
        return jnp.where(keep, leaf, jnp.asarray(filler, leaf.dtype))

    return jax.tree.map(fill, value)


def reduce_values(
    place: str,
    values: jax.Array,
    reduction: str,
    sample_weight: Any = None,
    mask: jax.Array | None = None,
) -> jax.Array:
    """One number from the values, or the weighted values where reduction is "none".

    Args:
        place: the loss, for error texts.
        values: (batch, ...).
        reduction: one of REDUCTIONS; the sum is divided by the number of values that count,
            or by the sum of their weights for "mean_with_sample_weight".
        sample_weight: of the values' shape, or of its leading axes.
        mask: like sample_weight; values where it is 0 are not there at all.
    """
    dtype = values.dtype
    if mask is not None:
        mask = over_leading_axes(place, "a mask", jnp.asarray(mask, bool), values)
        values = jnp.where(mask, values, 0)
    divisor: Any = values.size if mask is None else mask.sum(dtype=jnp.float32)
    if sample_weight is not None:
        weights = jnp.asarray(sample_weight, dtype)
        weights = over_leading_axes(place, "sample_weight", weights, values)
        weights = weights if mask is None else jnp.where(mask, weights, 0)
        values = values * weights
        if reduction == "mean_with_sample_weight":
            divisor = weights.sum()
    if reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    total = values.sum()
    return jnp.where(divisor == 0, 0, total / jnp.where(divisor == 0, 1, divisor)).astype(dtype)
