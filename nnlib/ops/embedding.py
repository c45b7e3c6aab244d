"""Rows of a table by number."""

import jax
import jax.numpy as jnp


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
    # Clipping is part of the gather itself; wrapping negative ids would take a select before it.
    # A row that is read often sums many gradients, which 16 bits would lose from the 256th on.
    is_float = jnp.issubdtype(table.dtype, jnp.floating)
    rows = table.astype(jnp.promote_types(table.dtype, jnp.float32)) if is_float else table
    return rows.at[ids].get(mode="clip", wrap_negative_indices=False).astype(table.dtype)
