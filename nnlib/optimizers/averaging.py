"""Running means of the weights, which often predict better than the weights themselves."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def averaged_step(
    average: Any, params: Any, changes: Any, iterations: jax.Array, momentum: float
) -> Any:
    """The mean after the step: `momentum * average + (1 - momentum) * (params + changes)`.

    It begins with the weights themselves: at iteration 0 nothing of the old mean is kept.

    Source: Polyak & Juditsky, SIAM J. Control Optim., 1992.
    """
    kept = jnp.where(iterations == 0, 0.0, momentum)

    def mean(old: jax.Array, new: jax.Array) -> jax.Array:
        share = kept.astype(new.dtype)
        return share * old + (1 - share) * new

    return jax.tree.map(mean, average, optax.apply_updates(params, changes))


def overwriting(average: Any, params: Any, changes: Any, iterations: jax.Array, every: int) -> Any:
    """The changes; at every `every`-th iteration those that lead to the mean instead."""
    due = (iterations + 1) % every == 0
    return jax.tree.map(
        lambda mean, weight, change: jnp.where(due, mean - weight, change),
        average,
        params,
        changes,
    )
