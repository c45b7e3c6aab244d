"""Fake quantisation: floats that are rounded to what integers of few bits can hold."""

import functools

import jax
import jax.numpy as jnp


def nudged_range(
    low: jax.Array, high: jax.Array, num_bits: int, narrow_range: bool
) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array]:
    """(low, high, scale, 1 / scale): the range moved until 0 is one of the levels."""
    dtype = jnp.promote_types(low.dtype, jnp.float32)
    low, high = low.astype(dtype), high.astype(dtype)
    first, last = int(narrow_range), 2**num_bits - 1
    scale, inverse = (high - low) / (last - first), (last - first) / (high - low)
    zero = jnp.round(jnp.clip(first - low / scale, first, last))
    return (first - zero) * scale, (last - zero) * scale, scale, inverse


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def fake_quant(
    x: jax.Array, low: jax.Array, high: jax.Array, num_bits: int, narrow_range: bool
) -> jax.Array:
    """`x` clipped to the range and rounded to its levels; straight through for gradients.

    A gradient goes to `x` within the range; that of values at or below its lower end goes to
    `low`, at or above its upper end to `high`.

    Args:
        x: floats.
        low: the lower end, of the rank of `x`.
        high: the upper end, likewise.
        num_bits: 2**num_bits levels.
        narrow_range: whether the lowest level is left out.

    Source: Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018.
    """
    bottom, top, scale, inverse = nudged_range(low, high, num_bits, narrow_range)
    zero = jnp.floor(-bottom * inverse + 0.5)
    steps = (jnp.clip(x.astype(bottom.dtype), bottom, top) - bottom) * inverse
    return (jnp.floor(steps - zero + 0.5) * scale).astype(x.dtype)


def _forward(
    x: jax.Array, low: jax.Array, high: jax.Array, num_bits: int, narrow_range: bool
) -> tuple[jax.Array, tuple[jax.Array, ...]]:
    return fake_quant(x, low, high, num_bits, narrow_range), (x, low, high)


def _backward(
    num_bits: int, narrow_range: bool, saved: tuple[jax.Array, ...], upstream: jax.Array
) -> tuple[jax.Array, ...]:
    x, low, high = saved
    bottom, top, _, _ = nudged_range(low, high, num_bits, narrow_range)
    wide = x.astype(bottom.dtype)
    axes = tuple(axis for axis, size in enumerate(low.shape) if size == 1)

    def summed(chosen: jax.Array, end: jax.Array) -> jax.Array:
        picked = jnp.where(chosen, upstream.astype(bottom.dtype), 0)
        return jnp.sum(picked, axes, keepdims=True).astype(end.dtype)

    inside = (wide >= bottom) & (wide <= top)
    return (
        jnp.where(inside, upstream, 0),
        summed(wide <= bottom, low),
        summed(wide >= top, high),
    )


fake_quant.defvjp(_forward, _backward)
