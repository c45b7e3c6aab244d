"""A rule for single weights as an optax transformation of whole trees."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

Slots = dict[str, jax.Array]
Rule = Callable[..., tuple[jax.Array, Slots]]


def over_tree(
    slots_for: Callable[[str, jax.Array], Slots],
    rule_for: Callable[[str, jax.Array], Rule],
    decay_for: Callable[[str, jax.Array], float | None],
) -> optax.GradientTransformationExtraArgs:
    """The transformation; `update` wants `learning_rate` and `step` besides.

    Args:
        slots_for: from path and weight to what is remembered of it.
        rule_for: from path and weight to its rule; see `Optimizer.rule`.
        decay_for: from path and weight to its weight decay; None or 0 for none.
    """

    def init(params: Any) -> dict[str, Any]:
        tree = jax.tree.structure(params)
        return _collected(tree, [slots_for(path, weight) for path, weight in by_path(params)])

    def update(grads: Any, slots: Any, params: Any, **extra: Any) -> tuple[Any, Any]:
        tree: Any = jax.tree.structure(params)
        by_name = {name: tree.flatten_up_to(value) for name, value in slots.items()}
        changes, new_slots = [], []
        for i, (gradient, (path, weight)) in enumerate(
            zip(tree.flatten_up_to(grads), by_path(params), strict=True)
        ):
            own = {name: values[i] for name, values in by_name.items()}
            decay = _decay(weight, decay_for(path, weight), extra["learning_rate"])
            change, own = rule_for(path, weight)(gradient, own, weight=weight + decay, **extra)
            changes.append((decay + change).astype(weight.dtype))
            new_slots.append({n: v.astype(by_name[n][i].dtype) for n, v in own.items()})
        return tree.unflatten(changes), _collected(tree, new_slots)

    return optax.GradientTransformationExtraArgs(init, update)


def _decay(weight: jax.Array, share: float | None, learning_rate: jax.Array) -> jax.Array:
    """The change of `weight` by weight decay."""
    if not share:
        return jnp.zeros((), weight.dtype)
    return -weight * (share * learning_rate).astype(weight.dtype)


def by_path(params: Any) -> list[tuple[str, jax.Array]]:
    """("encoder/dense_1/kernel", array) of every weight."""
    found = jax.tree_util.tree_flatten_with_path(params)[0]
    return [(jax.tree_util.keystr(path, simple=True, separator="/"), w) for path, w in found]


def _collected(tree: Any, per_leaf: list[Slots]) -> dict[str, Any]:
    """{name: tree} from one {name: array} per leaf."""
    names = per_leaf[0] if per_leaf else {}
    return {name: tree.unflatten([slots[name] for slots in per_leaf]) for name in names}
