"""Categories as numbers and as vectors."""

import jax
import jax.numpy as jnp


def encode_categories(
    indices: jax.Array,
    depth: int,
    mode: str,
    dtype: str = "float32",
    weights: jax.Array | None = None,
) -> jax.Array:
    """Vectors of size `depth` for integers; those outside of 0 to depth - 1 leave no trace.

    Args:
        indices: integers; one alone, one sample, or (batch, sample, ...).
        depth: the number of categories.
        mode: "one_hot" for a vector of each integer (an axis of 1 at the end gives way to it),
            "multi_hot" for one of each sample with 1 where a category occurs, "count" with how
            often it does.
        dtype: of the result.
        weights: what each integer counts in "count", in the shape of the indices.

    >>> encode_categories(jnp.array([[0, 2, 2]]), 3, "count").tolist()
    [[1.0, 0.0, 2.0]]
    """
    if indices.ndim == 0 and mode != "one_hot":
        indices = indices[None]
        weights = None if weights is None else weights[None]
    if mode == "one_hot" and indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    hot = jax.nn.one_hot(indices, depth, dtype=dtype)
    if mode == "one_hot":
        return hot
    axis = min(1, indices.ndim - 1)
    if mode == "multi_hot":
        return jnp.max(hot, axis=axis, initial=0)
    return jnp.sum(hot if weights is None else hot * weights[..., None].astype(dtype), axis=axis)


def find_terms(x: jax.Array, terms: jax.Array, numbers: jax.Array) -> jax.Array:
    """The number of each integer of `x` in a table, -1 where it is not in there.

    Args:
        x: integers of any shape.
        terms: (n,) integers in ascending order, n > 0.
        numbers: (n,) what to return for each.

    >>> find_terms(jnp.array([7, 3, 5]), jnp.array([3, 7]), jnp.array([1, 0])).tolist()
    [0, 1, -1]
    """
    place = jnp.minimum(jnp.searchsorted(terms, x), len(terms) - 1)
    return jnp.where(terms[place] == x, numbers[place], -1)
