"""Gradients kept within bounds: by element, by weight, or all together."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def clip_each_by_norm(max_norm: float) -> optax.GradientTransformation:
    """Scale every array down to a norm of `max_norm`, each by itself.

    >>> transformation = clip_each_by_norm(1.0)
    >>> grads = {"a": jnp.array([3.0, 4.0]), "b": jnp.array([0.5])}
    >>> clipped, _ = transformation.update(grads, transformation.init(grads))
    >>> {name: round(float(jnp.linalg.norm(g)), 4) for name, g in clipped.items()}
    {'a': 1.0, 'b': 0.5}

    Source: Pascanu, Mikolov & Bengio, ICML 2013.
    """

    def scaled(gradient: jax.Array) -> jax.Array:
        norm = jnp.sqrt(jnp.sum(jnp.square(gradient)))
        return gradient * max_norm / jnp.maximum(norm, max_norm)

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(scaled, grads), state

    return optax.GradientTransformation(lambda _: optax.EmptyState(), update)


def clipping(
    clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None
) -> optax.GradientTransformation:
    """The transformations asked for, chained; none of them keeps state."""
    chain = [optax.identity()]
    if clipnorm is not None:
        chain.append(clip_each_by_norm(clipnorm))
    if clipvalue is not None:
        chain.append(optax.clip(clipvalue))
    if global_clipnorm is not None:
        chain.append(optax.clip_by_global_norm(global_clipnorm))
    return optax.chain(*chain)
