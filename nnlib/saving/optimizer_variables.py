"""The state of an optimizer as the list of arrays that Keras keeps, and back.

The list is: number of steps, learning rate (unless a schedule decides), averaged weights, summed
gradients, then what the optimizer remembers of each weight.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ShapeError
from nnlib.core.stored import fits_dtype
from nnlib.core.tree import Path, Tree, put
from nnlib.optimizers import Adafactor, LossScaleOptimizer, Muon, Nadam, Optimizer, RMSprop
from nnlib.optimizers.schedules import LearningRateSchedule

Entry = tuple[tuple[Any, ...], tuple[int, ...], str]
"""(keys into the state; shape and dtype of the array in the file)."""

# What Keras files weight by weight stands in one group; a further group begins a new round.
_GROUPS = {
    RMSprop: (("velocity",), ("momentum",), ("mean_gradient",)),
    Nadam: (("momentum", "velocity"),),
}
_DEFAULT = (("momentum", "velocity"), ("velocity_hat",))


def is_known(optimizer: Any) -> bool:
    """Whether such a list holds all that it remembers: its state is that of `Optimizer`."""
    inner = optimizer.inner_optimizer if isinstance(optimizer, LossScaleOptimizer) else optimizer
    return type(inner).init is Optimizer.init


def entries(optimizer: Any, state: Any, paths: list[Path]) -> list[Entry]:
    """Where each array of Keras' list stands in the state.

    Args:
        optimizer: one that `is_known`.
        state: its state, or shapes of it.
        paths: of the trained weights, in the order of `get_weights`.
    """
    if not isinstance(optimizer, LossScaleOptimizer):
        return list(_plain(optimizer, state, paths))
    own: list[Entry] = [
        (("step",), (), "int32"),
        ((), (), "float32"),
        (("finite_steps",), (), "int32"),
        (("loss_scale",), (), "float32"),
    ]
    return own + list(_plain(optimizer.inner_optimizer, state, paths))


def inner_entries(optimizer: Any, state: Any, paths: list[Path]) -> list[Entry]:
    """Those of the optimizer within; empty where there is none."""
    inner = isinstance(optimizer, LossScaleOptimizer)
    return list(_plain(optimizer.inner_optimizer, state, paths)) if inner else []


def _plain(optimizer: Optimizer, state: Any, paths: list[Path]) -> Iterator[Entry]:
    yield ("step",), (), "int32"
    if not isinstance(optimizer._learning_rate, LearningRateSchedule):
        yield ("learning_rate",), (), "float32"
    for name in ("average", "accumulated"):
        if name in state:
            for path in paths:
                yield _entry(state, (name, *path))
    # What went through JAX has lost the order of its dicts.
    slots = list(optimizer.slots_for("", jnp.zeros((1, 1)))) if paths else []
    for group in _groups(optimizer, slots):
        for path in paths:
            for name in group:
                yield from _slot(optimizer, state, name, path)
    if isinstance(optimizer, Nadam) and paths:  # one number for all weights
        yield _entry(state, ("slots", "u_product", *paths[0]))


def _groups(optimizer: Optimizer, slots: list[str]) -> list[tuple[str, ...]]:
    known = next((g for kind, g in _GROUPS.items() if isinstance(optimizer, kind)), None)
    if known is None:
        known = _DEFAULT if "velocity_hat" in slots else (tuple(slots),)
    return [tuple(n for n in group if n in slots) for group in known]


def _slot(optimizer: Optimizer, state: Any, name: str, path: Path) -> Iterator[Entry]:
    """What Keras keeps for one slot of one weight: Muon and Adafactor keep more or less."""
    if isinstance(optimizer, Muon) and name == "velocity":
        momentum = _at(state, ("slots", "momentum", *path))
        if jnp.shape(momentum) and not jnp.shape(_at(state, ("slots", name, *path))):
            return
    if isinstance(optimizer, Adafactor):
        rows, columns = (_at(state, ("slots", key, *path)) for key in ("r", "c"))
        if jnp.shape(rows) and name == "v":
            yield (), (*jnp.shape(rows), jnp.shape(columns)[-1]), np.dtype(rows.dtype).name
            return
        if not jnp.shape(rows) and name != "v":
            yield (), (), "int32"
            return
    yield _entry(state, ("slots", name, *path))


def _entry(state: Any, keys: tuple[Any, ...]) -> Entry:
    leaf = _at(state, keys)
    return keys, tuple(jnp.shape(leaf)), np.dtype(leaf.dtype).name


def _at(tree: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        tree = tree[key]
    return tree


# Both ways ---------------------------------------------------------------------------------------


def values(listed: list[Entry], state: Any) -> Iterator[Any]:
    """The arrays of the list; zeros where Keras keeps what is never read."""
    for keys, shape, dtype in listed:
        yield _at(state, keys) if keys else jnp.zeros(shape, dtype)


def fill(
    listed: list[Entry],
    template: Any,
    count: int,
    spec: Callable[[int], tuple[tuple[int, ...], Any]],
    read: Callable[[int], Any],
) -> Any:
    """A state as `template`, with the arrays of a file; they are all compared before one is read.

    Args:
        listed: as `entries` says.
        template: a state before the first step, for what no file holds. What is read is on the
            host.
        count: the number of arrays in the file: all, or the first two of an untrained model.
        spec: shape and dtype of array number i.
        read: the values of array number i.

    Raises:
        ShapeError: if number, shapes or dtypes do not fit.
    """
    untrained = count in (1, 2) and count < len(listed)
    if count != len(listed) and not untrained:
        raise ShapeError(f"optimizer: expected {len(listed)} stored arrays, got {count}.")
    listed = listed[:count]
    for number, (keys, shape, dtype) in enumerate(listed):
        found, kind = spec(number)
        if tuple(found) != shape or (keys and not fits_dtype(kind, dtype)):
            raise ShapeError(
                f"optimizer: expected array {number} of shape {shape} for {dtype}, got shape "
                f"{tuple(found)} of {kind}."
            )
    state: Tree = jax.tree.map(lambda leaf: leaf, template)
    for number, (keys, _, dtype) in enumerate(listed):
        if keys:
            put(state, keys, np.asarray(read(number), dtype))
    products = state.get("slots", {}).get("u_product")
    if products and not untrained:  # Nadam's number for all weights, which Keras keeps once
        first = _at(state, listed[-1][0])
        state["slots"]["u_product"] = jax.tree.map(lambda _: first, products)
    return state
