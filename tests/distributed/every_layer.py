"""Layers of the contract side by side in one model, in float64; see `test_every_layer.py`."""

import functools
import runpy
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import nnlib as nn
from tests import contract
from tests.contract.case import Case

ROWS = 16


def rows_with_weights() -> list[Case]:
    """For each class of layers the first row with weights that train.

    The rows are made anew, since some hold layers, which are of the dtype policy of their making.
    """
    cases = _rows()
    return [cases[place] for place in _places_with_weights()]


def _rows() -> list[Case]:
    files = sorted(Path(next(iter(contract.__path__))).glob("cases_*.py"))
    return [case for file in files for case in runpy.run_path(str(file))["CASES"]]


@functools.cache
def _places_with_weights() -> list[int]:
    found: dict[type, int] = {}
    for place, case in enumerate(_rows()):
        layer = case.make()
        if type(layer) not in found:
            layer.declare(*case.specs(case.inputs))
            if any(weight.trainable for *_, weight in layer.weight_specs()):
                found[type(layer)] = place
    return list(found.values())


class Column(nn.layers.Layer):
    """A layer, and a number for each row of what it puts out."""

    def __init__(self, case: Case, **kwargs: Any):
        super().__init__(**kwargs)
        synchronized = case.name.startswith("BatchNormalization")  # else of each replica
        self.case = case
        self.it = case.make(**({"synchronized": True} if synchronized else {}))

    def call(self, *arrays: jax.Array) -> jax.Array:
        rng = np.random.default_rng(9)
        outs = jax.tree.leaves(self.it(*self.case._arguments(list(arrays))))
        return sum(_judged(rng, out) for out in outs if jnp.issubdtype(out.dtype, jnp.inexact))


def _judged(rng: np.random.Generator, out: jax.Array) -> jax.Array:
    wanted = rng.normal(size=(1, *out.shape[1:])).astype(out.dtype)
    rows = (out * wanted + 0.1 * out**2).reshape(out.shape[0], -1)
    return rows.mean(1, keepdims=True).astype("float64")


def inputs_of(cases: list[Case]) -> list[np.ndarray]:
    """The rows of a batch for each input of `model_of(cases)`."""
    return [np.asarray(a) for case in cases for a in _arrays(case)]


def _arrays(case: Case) -> list[Any]:
    return jax.tree.leaves(case.arrays(ROWS, dtype="float64"))


def model_of(cases: list[Case]) -> nn.Model:
    """All of them, next to each other."""
    made = iter(_inputs_and_column(number, case) for number, case in enumerate(cases))
    inputs, columns = zip(*made, strict=True)
    return nn.Model([one for own in inputs for one in own], nn.layers.Concatenate()(list(columns)))


def _inputs_and_column(number: int, case: Case) -> tuple[list[Any], Any]:
    own = [nn.Input(a.shape[1:], dtype=str(a.dtype)) for a in _arrays(case)]
    return own, Column(case, name=f"{number}-{case.name}")(*own)
