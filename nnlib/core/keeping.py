"""Where layers keep their arrays: on the default device, unless a strategy cuts weights."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from nnlib.core import declare

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def keeper_of(layer: "Layer") -> Any:
    """Who puts the weights of this layer on several devices, or None.

    It has the methods `place(layer, name, array)` and `draw(key, missing)`; it is that of the
    strategy of the model which names the layer's path.
    """
    root = (layer._core.root and layer._core.root()) or layer
    strategy = vars(root).get("_strategy")
    return None if strategy is None else strategy.keeper_of(root)


def kept(layer: "Layer", name: str, value: Any) -> jax.Array:
    """`value` in the dtype of the weight `name`, where the layer keeps it."""
    dtype = layer.own_weights[name].dtype
    keeper = keeper_of(layer)
    if keeper is None:
        return jnp.asarray(value, dtype)
    array = value if isinstance(value, jax.Array) else np.asarray(value)
    return keeper.place(layer, name, array.astype(dtype))


def is_readable(array: Any) -> bool:
    """Whether this process can read all of it: it is not cut over several processes."""
    if not isinstance(array, jax.Array):
        return True
    return array.is_fully_addressable or array.is_fully_replicated


def readable(array: Any) -> Any:
    """`array`, such that this process can read all of it.

    One that is cut over several processes is gathered: all of them call this together.
    """
    if is_readable(array):
        return array
    everywhere = NamedSharding(array.sharding.mesh, PartitionSpec())
    return moved(everywhere)(array)


@functools.cache
def moved(sharding: Sharding) -> Callable[[Any], Any]:
    """Moves arrays between processes: all of them have to call it."""
    return jax.jit(lambda tree: tree, out_shardings=sharding)


def on_host(tree: Any, keep: bool) -> Any:
    """What is cut over processes as NumPy arrays, gathered one after the other; the rest as it is.

    No device ever has more than one of them as a whole. All processes call this together.

    Args:
        tree: of arrays.
        keep: whether this process needs them; if not, they are None.
    """

    def gathered(array: Any) -> Any:
        if is_readable(array):
            return array
        found = readable(array)
        return np.asarray(found) if keep else None

    return jax.tree.map(gathered, tree)


def draw_missing(root: "Layer", key: Any, missing: list[Any]) -> None:
    """Give layers initial arrays where they have none yet.

    Args:
        root: the layer whose paths they are.
        key: from which each weight's own key comes, by its path.
        missing: as `root.weight_specs()` lists them.
    """
    keeper = keeper_of(root)
    if keeper is not None:
        arrays = keeper.draw(key, missing)
    else:
        arrays = [declare.initial_value(key, (*path, name), w) for path, _, name, w in missing]
    for (_, layer, name, _), array in zip(missing, arrays, strict=True):
        layer._core.cell[name] = array
