"""The weights that layers keep between trainings, cut over a mesh: none is ever whole anywhere."""

import weakref
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding

from nnlib.core import declare
from nnlib.core.specs import Weight

from .put import put
from .weight_cuts import WeightCuts

Missing = tuple[tuple[str, ...], Any, str, Weight]


class WeightKeeper:
    """Puts the weights of one model where its strategy wants them.

    Args:
        model: whose weights they are.
        cuts: how they are cut.
    """

    def __init__(self, model: Any, cuts: WeightCuts):
        self._model, self._cuts = weakref.ref(model), cuts
        self._known: dict[tuple[int, str], tuple[Any, Weight, NamedSharding]] = {}

    def sharding(self, layer: Any, name: str) -> NamedSharding:
        """Where a weight belongs; looked up once for each."""
        owner, weight, sharding = self._known.get((id(layer), name), (None, None, None))
        if owner is not None and owner() is layer and weight is layer.own_weights[name]:
            assert sharding is not None
            return sharding
        model = self._model()
        assert model is not None
        # A part of a larger model: rules are for the paths of that, and may say nothing here.
        self._known = {
            (id(cut.layer), cut.name): (weakref.ref(cut.layer), cut.weight, cut.kept)
            for cut in self._cuts.of(model, strict=False)
        }
        return self._known[id(layer), name][2]

    def place(self, layer: Any, name: str, array: Any) -> jax.Array:
        """`array` cut as the weight is; on the default device if its shape is another one."""
        if array.shape != layer.own_weights[name].shape:
            return jax.numpy.asarray(array)
        return put(array, self.sharding(layer, name))

    def draw(self, key: Any, missing: list[Missing]) -> list[jax.Array]:
        """Initial arrays, each device drawing its own part.

        An initializer that computes with NumPy makes its array on the host.
        """
        shardings = [self.sharding(layer, name) for _, layer, name, _ in missing]
        arrays: list[Any] = [None] * len(missing)
        traced = [i for i, (*_, weight) in enumerate(missing) if _is_traceable(key, weight)]

        def all_of_them(key: Any) -> list[jax.Array]:
            return [_value(key, missing[i]) for i in traced]

        drawn = jax.jit(all_of_them, out_shardings=[shardings[i] for i in traced])(key)
        for index, array in zip(traced, drawn, strict=True):
            arrays[index] = array
        for index, array in enumerate(arrays):
            if array is None:
                host = np.asarray(_value(key, missing[index]))
                arrays[index] = put(host, shardings[index])
        return arrays


def _value(key: Any, missing: Missing) -> jax.Array:
    path, _, name, weight = missing
    return declare.initial_value(key, (*path, name), weight)


def _is_traceable(key: Any, weight: Weight) -> bool:
    try:
        jax.eval_shape(lambda k: weight.init(k, weight.shape, weight.dtype), key)
    except jax.errors.JAXTypeError:
        return False
    return True
