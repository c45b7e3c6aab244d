"""Optimizers around optimizers, the names, and schedules against the installed Keras."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import optimizers
from nnlib.optimizers import schedules
from tests.parity.test_optimizers_more import (
    GRADS,
    PARAMS,
    ROWS,
    assert_close,
    keras_run,
    our_run,
)

NAMES = sorted({name for name, _ in ROWS})


def test_loss_scaling_skips_halves_and_doubles(keras):
    grads = {path: array * 64 for path, array in GRADS.items()}
    for step, value in ((4, np.inf), (11, np.nan)):
        grads["dense/bias"] = grads["dense/bias"].copy()
        grads["dense/bias"][step, 1] = value

    def make(module):
        inner = module.Adam(0.1, weight_decay=0.01, gradient_accumulation_steps=2)
        return module.LossScaleOptimizer(inner, initial_scale=64.0, dynamic_growth_steps=3)

    mine, its = make(optimizers), make(keras.optimizers)
    ours, state = our_run(mine, grads)
    theirs, _ = keras_run(keras, its, grads)
    assert_close(ours, theirs)
    assert float(state["loss_scale"]) == float(its.dynamic_scale)
    assert int(state["finite_steps"]) == int(its.step_counter)
    mine.state = state
    assert mine.iterations == int(its.iterations) == 9
    assert float(mine.scale_loss(3.0)) == float(its.scale_loss(3.0))
    assert float(make(optimizers).scale_loss(3.0)) == 192.0


def multi(module, inner):
    by_path = module.OptimizerMap(module.SGD(0.1, momentum=0.9))
    by_path["emb.*"] = inner(module)
    return module.MultiOptimizer(by_path, loss_scale_factor=4.0)


def averaging(module):
    return module.Adam(0.1, use_ema=True, ema_momentum=0.5, clipnorm=1.0)


def test_each_weight_has_its_optimizer(keras):
    mine, its = multi(optimizers, averaging), multi(keras.optimizers, averaging)
    ours, state = our_run(mine)
    theirs, variables = keras_run(keras, its)
    assert_close(ours, theirs)
    its.finalize_variable_values(variables)
    ends = mine.finalize_variable_values(jax.tree.map(lambda leaf: leaf[-1], tree_of(ours)), state)
    assert_close(jax.tree.leaves(ends), [v.value for v in variables])
    assert float(mine.scale_loss(3.0)) == float(its.scale_loss(3.0)) == 12.0


def tree_of(leaves):
    return jax.tree.unflatten(jax.tree.structure(PARAMS), leaves)


def test_a_function_chooses_optimizers(keras):
    def chooser(module):
        bias, rest = module.SGD(0.5), module.Adagrad(0.1)
        return lambda weight: bias if "bias" in weight.path else rest

    mine, its = (m.MultiOptimizer(chooser(m)) for m in (optimizers, keras.optimizers))
    assert_close(our_run(mine)[0], keras_run(keras, its)[0])
    assert len(mine.optimizers) == len(its.optimizers) == 2


def test_weights_left_undecayed(keras):
    mine, its = (m.Muon(0.1, weight_decay=0.5) for m in (optimizers, keras.optimizers))
    mine.exclude_from_weight_decay(var_list=["embedding/kernel"], var_names="absent")
    its.exclude_from_weight_decay(var_names=["kernel", "absent"])
    assert_close(our_run(mine)[0], keras_run(keras, its)[0])


@pytest.mark.parametrize("name", [*NAMES, "LossScaleOptimizer", "MultiOptimizer"])
def test_names_and_defaults(keras, name):
    mine, its = getattr(optimizers, name), getattr(keras.optimizers, name)
    theirs = {p.name: p.default for p in inspect.signature(its).parameters.values()}
    positional, common = [], set(optimizers.optimizer.CommonArguments.__annotations__)
    for parameter in inspect.signature(mine).parameters.values():
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert theirs[parameter.name] == parameter.default
            common.discard(parameter.name)
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            positional.append(parameter.name)
    assert list(theirs)[: len(positional)] == positional
    if name in NAMES:
        accepted = common | set(inspect.signature(mine).parameters)
        assert accepted - {"common"} == set(theirs) - {"kwargs"}
        for identifier in (name, name.lower()):
            assert type(optimizers.get(identifier)) is mine
        assert optimizers.get(name).name == its().name.rstrip("_0123456789")


def test_defaults_that_all_have(keras):
    ours = inspect.signature(optimizers.Optimizer).parameters
    theirs = inspect.signature(keras.optimizers.Optimizer).parameters
    for (mine, parameter), its in zip(ours.items(), theirs.items(), strict=True):
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert (mine, parameter.default) == (its[0], its[1].default)


RESTARTS = [
    {"first_decay_steps": 7},
    {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.5},
    {"first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1},
    {"first_decay_steps": 4.5, "t_mul": 3.0, "m_mul": 2.0},
]


@pytest.mark.parametrize("arguments", RESTARTS)
def test_cosine_decay_restarts(keras, arguments):
    mine = schedules.CosineDecayRestarts(0.1, **arguments)
    its = keras.optimizers.schedules.CosineDecayRestarts(0.1, **arguments)
    steps = [0, 1, 3, 4, 6, 8, 11, 13, 16, 19, 22, 26, 33, 48, 50, 63, 80, 200]
    with jax.numpy_rank_promotion("raise"):
        ours = jax.jit(jax.vmap(mine))(jnp.array(steps))
    with jax.numpy_rank_promotion("allow"):
        theirs = jax.jit(jax.vmap(its))(jnp.array(steps))
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-7)


def test_periods_begin_at_the_top():
    schedule = jax.jit(jax.vmap(schedules.CosineDecayRestarts(0.1, 7)))
    begins = jnp.array([7 * (2**n - 1) for n in range(15)])
    np.testing.assert_allclose(schedule(begins), 0.1, rtol=1e-5)


def test_restarts_have_the_signature_of_keras(keras):
    ours, theirs = (
        [(p.name, p.default) for p in inspect.signature(m.CosineDecayRestarts).parameters.values()]
        for m in (schedules, keras.optimizers.schedules)
    )
    assert ours == theirs
