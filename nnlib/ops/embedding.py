"""Rows of a table by number."""

import functools

import jax
import jax.numpy as jnp

from nnlib.ops.partitioning import is_cut, widened


def embedding(ids: jax.Array, table: jax.Array) -> jax.Array:
    """`y[...] = table[ids[...]]`. Ids beyond the table give its first or last row.

    Args:
        ids: integers from 0 to rows - 1, any shape.
        table: (rows, features).

    Returns:
        (*ids.shape, features).

    >>> import jax.numpy as jnp
    >>> embedding(jnp.array([1, 0]), jnp.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[3.0, 4.0], [1.0, 2.0]]
    """
    if not jnp.issubdtype(ids.dtype, jnp.integer):
        ids = ids.astype(jnp.int32)
    narrow = jnp.issubdtype(table.dtype, jnp.floating) and table.dtype.itemsize < 4
    if narrow and is_cut():
        return _rows(widened(table), ids).astype(table.dtype)
    return (_rows_of_narrow if narrow else _rows)(table, ids)


def _rows(table: jax.Array, ids: jax.Array) -> jax.Array:
    # Clipping is part of the gather itself; wrapping negative ids would take a select before it.
    return table.at[ids].get(mode="clip", wrap_negative_indices=False)


@functools.partial(jax.jit, inline=True)  # a call that nobody compiles copies no table either
def _rows_of_narrow(table: jax.Array, ids: jax.Array) -> jax.Array:
    """A row that is read often sums many gradients, which 16 bits would lose from the 256th on."""
    return _rows(table.astype(jnp.float32), ids).astype(table.dtype)
