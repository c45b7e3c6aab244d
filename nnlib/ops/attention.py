"""Attention: means of values, weighted by how well keys match a query."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def causal_mask(queries: int, keys: int) -> jax.Array:
    """(queries, keys): True where a query may see a key, which is no later than itself.

    >>> causal_mask(2, 3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0]]
    """
    return _position(queries, keys, 0) >= _position(queries, keys, 1)


def window_mask(queries: int, keys: int, width: int) -> jax.Array:
    """(queries, keys): True where a query and a key are less than `width` steps apart.

    >>> window_mask(2, 3, 2).astype(int).tolist()
    [[1, 1, 0], [1, 1, 1]]
    """
    return jnp.abs(_position(queries, keys, 0) - _position(queries, keys, 1)) < width


def _position(queries: int, keys: int, axis: int) -> jax.Array:
    return jax.lax.broadcasted_iota(jnp.int32, (queries, keys), axis)


def attention_weights(
    query: jax.Array,
    key: jax.Array,
    mask: jax.Array | None = None,
    bias: jax.Array | None = None,
    *,
    scale: float | None = None,
    axes: Sequence[int] = (1,),
) -> jax.Array:
    r"""`softmax(scale * query . key + bias)` over the positions of the keys.

    Args:
        query: (batch, ..., heads, features) with positions along `axes`.
        key: likewise; its sizes along `axes` may differ.
        mask: of the output's rank, True where a query may see a key. Where it may see none, all
            weights are equal.
        bias: added to the scores, of the output's rank.
        scale: 1 / sqrt(features) if None.
        axes: where the positions are.

    Returns:
        (batch, ..., heads, *query positions, *key positions), in query's dtype; computed in at
        least float32.

    >>> import jax.numpy as jnp
    >>> attention_weights(jnp.ones((1, 2, 1, 4)), jnp.ones((1, 4, 1, 4)))[0, 0, 0].tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    target, source, scores = _letters(query.ndim, axes)
    wide = jnp.promote_types(query.dtype, jnp.float32)
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    equation = f"{target},{source}->{scores}"
    logits = scale * jnp.einsum(equation, query, key, preferred_element_type=wide)
    if bias is not None:
        logits = logits + bias.astype(wide)
    if mask is not None:
        # Far below any score, but finite: a query that sees nothing stays free of NaN.
        logits = jnp.where(mask, logits, 0.7 * jnp.finfo(wide).min)
    last = tuple(range(len(scores) - len(tuple(axes)), len(scores)))
    return jax.nn.softmax(logits, last).astype(query.dtype)


def weighted_values(
    weights: jax.Array, value: jax.Array, *, axes: Sequence[int] = (1,)
) -> jax.Array:
    """The sum of the values, times the weights.

    Args:
        weights: as `attention_weights` returns them.
        value: (batch, ..., heads, features) with the positions of the keys along `axes`.
        axes: where the positions are.

    Returns:
        (batch, ..., heads, features) with the positions of the queries along `axes`.

    >>> import jax.numpy as jnp
    >>> weighted_values(jnp.ones((1, 1, 2, 3)), jnp.ones((1, 3, 1, 5))).shape
    (1, 2, 1, 5)
    """
    target, source, scores = _letters(value.ndim, axes)
    return jnp.einsum(f"{scores},{source}->{target}", weights, value)


def attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None = None,
    bias: jax.Array | None = None,
    *,
    scale: float | None = None,
    axes: Sequence[int] = (1,),
) -> jax.Array:
    r"""`y = softmax(scale * query . key + bias) . value`, for each head apart.

    Args:
        query: (batch, queries, heads, features).
        key: (batch, keys, heads, features).
        value: (batch, keys, heads, values).
        mask: broadcast against (batch, heads, queries, keys), of that rank; False hides a key.
        bias: added to the scores, of that rank too.
        scale: 1 / sqrt(features) if None.
        axes: where the positions are, if there are more axes between batch and heads.

    Returns:
        (batch, queries, heads, values).

    >>> import jax.numpy as jnp
    >>> x = jnp.ones((2, 5, 3, 4))
    >>> attention(x, x, x).shape
    (2, 5, 3, 4)

    Source: Vaswani et al., "Attention is all you need", NeurIPS 2017.
    """
    weights = attention_weights(query, key, mask, bias, scale=scale, axes=axes)
    return weighted_values(weights, value, axes=axes)


def _letters(ndim: int, axes: Sequence[int]) -> tuple[str, str, str]:
    """Einsum's names of the axes of queries, of keys and values, and of scores."""
    target = _LETTERS[:ndim]
    source = "".join(c.upper() if i in axes else c for i, c in enumerate(target))
    shared = "".join(c for i, c in enumerate(target[:-1]) if i not in axes)
    # The features are one letter in all three, and are summed over.
    scores = shared + "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
    return target, source, scores
