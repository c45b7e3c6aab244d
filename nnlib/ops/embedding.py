"""Rows of a table by number."""

import jax
import jax.numpy as jnp

from nnlib.ops.partitioning import looked_up


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
    return looked_up(_rows_of_narrow, ids, table) if narrow else _rows(ids, table)


def _rows(ids: jax.Array, table: jax.Array) -> jax.Array:
    # Clipping is part of the gather itself; wrapping negative ids would take a select before it.
    return table.at[ids].get(mode="clip", wrap_negative_indices=False)


def _rows_of_narrow(ids: jax.Array, table: jax.Array) -> jax.Array:
    """A row that is read often sums many gradients, which 16 bits would lose from the 256th on."""
    traced = isinstance(ids, jax.core.Tracer) or isinstance(table, jax.core.Tracer)
    return (_summed_wide if traced else _compiled)(ids, table)


def _summed_wide(ids: jax.Array, table: jax.Array) -> jax.Array:
    return _rows(ids, table.astype(jnp.float32)).astype(table.dtype)


_compiled = jax.jit(_summed_wide)
"""For calls that nobody else compiles: the table is not copied."""
