"""Layers of the contract: their raw gradients on eight devices are those of one."""

import contextlib
import re

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import nnlib as nn
from nnlib.core.tree import flatten, merge, unflatten
from tests.distributed.every_layer import ROWS, inputs_of, model_of, rows_with_weights


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        nn.config.set_floatx("float64")
        nn.config.set_dtype_policy("float64")
        yield


def last_axes_over_two(model):
    """Rules that cut each weight along the last axis that two devices can share."""
    rules = {}
    for path, _, name, weight in model.weight_specs():
        even = [axis for axis, size in enumerate(weight.shape) if size and size % 2 == 0]
        if even:
            parts = ["model" if axis == even[-1] else None for axis in range(len(weight.shape))]
            rules[re.compile(f"^{re.escape('/'.join((*path, name)))}$")] = P(*parts)
    return rules


def moved_by_gradient_descent(strategy=None):
    """The model, and what one step at rate 1 takes from each weight: its raw gradient."""
    nn.utils.set_random_seed(5)
    cases = rows_with_weights()
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = model_of(cases)
        model.compile(nn.optimizers.SGD(1.0), lambda y, p: p.sum(-1))
    begin = drawn_for(model)
    model.variables = tuple(unflatten(tree) for tree in begin)
    model.fit(inputs_of(cases), np.zeros((ROWS, 1)), batch_size=ROWS, verbose=0, shuffle=False)
    before, after = begin[0] | begin[1], merge(*model.variables)
    return model, {path: np.asarray(a) - before[path] for path, a in flatten(after).items()}


def drawn_for(model):
    """Weights by path, those that train and the others: quicker than by their initializers."""
    noise, trees = np.random.default_rng(1), ({}, {})
    for path, _, name, weight in model.weight_specs():
        array = 0.3 + 0.1 * noise.normal(size=weight.shape)
        trees[not weight.trainable]["/".join((*path, name))] = array.astype(weight.dtype)
    return trees


def test_gradients_are_those_of_one_device():
    model, alone = moved_by_gradient_descent()
    rules = last_axes_over_two(model)
    cut = nn.distributed.ShardedStrategy({"data": 4, "model": 2}, rules)
    _, found = moved_by_gradient_descent(cut)
    columns = {path.partition("/")[0] for path, a in alone.items() if np.abs(a).max() > 1e-4}
    assert columns == {path.partition("/")[0] for path in alone}
    worst = {p: np.abs(found[p] - a).max() / max(np.abs(a).max(), 1e-3) for p, a in alone.items()}
    assert {path: error for path, error in worst.items() if not error < 1e-10} == {}
