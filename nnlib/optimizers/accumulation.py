"""Gradients added up over several batches before the weights move."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Step = Callable[[Any], tuple[Any, Any]]


def accumulated_step(
    take: Step, every: int, count: jax.Array, grads: Any, sums: Any, slots: Any
) -> tuple[Any, Any, Any]:
    """`take(mean of the gradients)` at every `every`-th call; in between weights and slots rest.

    Args:
        take: from gradients to (changes, slots).
        every: the number of gradients of which the mean is taken.
        count: how many calls there were before this one, an int32 scalar.
        grads: the new gradients.
        sums: the gradients since the last step, added up.
        slots: what `take` goes on from.

    Returns:
        The changes, the slots, and the sums from which to go on.
    """
    added = jax.tree.map(jnp.add, grads, sums)

    def step() -> tuple[Any, Any, Any]:
        changes, new_slots = take(jax.tree.map(lambda total: total / every, added))
        return changes, new_slots, jax.tree.map(jnp.zeros_like, added)

    def rest() -> tuple[Any, Any, Any]:
        return jax.tree.map(jnp.zeros_like, added), slots, added

    return jax.lax.cond((count + 1) % every == 0, step, rest)
