"""The same trajectories as the installed Keras: 20 steps on three weights, with every option."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnlib import optimizers
from nnlib.optimizers import schedules

RNG = np.random.default_rng(3)
STEPS = 20
PARAMS = {
    "dense": {
        "bias": RNG.normal(size=(3,)).astype("float32"),
        "kernel": RNG.normal(size=(4, 3)).astype("float32"),
    },
    "scale": np.float32(0.7),
}
GRADS = [
    jax.tree.map(lambda w: np.asarray(RNG.normal(size=np.shape(w)), "float32"), PARAMS)
    for _ in range(STEPS)
]

ROWS = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.3, "momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"nesterov": True}),
    ("SGD", {"weight_decay": 0.1, "momentum": 0.5}),
    ("SGD", {"clipnorm": 0.5}),
    ("SGD", {"clipvalue": 0.3}),
    ("SGD", {"global_clipnorm": 0.9}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adam", {"amsgrad": True, "learning_rate": 0.1}),
    ("Adam", {"weight_decay": 0.05, "global_clipnorm": 1.0}),
    ("Adam", {"clipnorm": 1e-3}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.2, "learning_rate": 0.1, "amsgrad": True}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.7, "epsilon": 1e-2, "learning_rate": 0.05}),
    ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("RMSprop", {"momentum": 0.8}),
    ("RMSprop", {"momentum": 0.8, "centered": True, "weight_decay": 0.1, "clipvalue": 0.5}),
]
SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True},
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 10], "values": [0.1, 0.05, 0.01]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12, "alpha": 0.2}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.01,
            "decay_steps": 12,
            "warmup_target": 0.1,
            "warmup_steps": 5,
            "alpha": 0.1,
        },
    ),
]


def our_trajectory(optimizer):
    with jax.numpy_rank_promotion("raise"):

        @jax.jit
        def run(params, grads):
            def step(carry, gradient):
                params, state = carry
                updates, state = optimizer.update(gradient, state, params)
                params = optax.apply_updates(params, updates)
                return (params, state), params

            carry = params, optimizer.init(params)
            return jax.lax.scan(step, carry, grads)[1]

        stacked = jax.tree.map(lambda *steps: np.stack(steps), *GRADS)
        return run(jax.tree.map(jnp.asarray, PARAMS), stacked)


def keras_trajectory(keras, optimizer):
    variables = [keras.Variable(leaf) for leaf in jax.tree.leaves(PARAMS)]
    optimizer.build(variables)

    @jax.jit
    def step(weights, state, gradient):
        return optimizer.stateless_apply(state, gradient, weights)

    weights = [v.value for v in variables]
    state = [v.value for v in optimizer.variables]
    trajectory = []
    for gradient in GRADS:
        weights, state = step(weights, state, jax.tree.leaves(gradient))
        trajectory.append(weights)
    return [np.stack(column) for column in zip(*trajectory, strict=True)]


def assert_same_trajectory(keras, mine, its):
    ours = jax.tree.leaves(our_trajectory(mine))
    for our, their in zip(ours, keras_trajectory(keras, its), strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments"), ROWS, ids=[f"{n}-{a}" for n, a in ROWS])
def test_trajectory(keras, name, arguments):
    mine, its = (getattr(m, name)(**arguments) for m in (optimizers, keras.optimizers))
    assert_same_trajectory(keras, mine, its)


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES)
def test_schedule_values(keras, name, arguments):
    mine = getattr(schedules, name)(**arguments)
    its = getattr(keras.optimizers.schedules, name)(**arguments)
    steps = [0, 1, 4, 5, 6, 7, 10, 11, 12, 14, 17, 18, 21, 29]
    with jax.numpy_rank_promotion("raise"):
        ours = jax.jit(jax.vmap(mine))(jnp.array(steps))
    np.testing.assert_allclose(ours, [float(its(i)) for i in steps], rtol=2e-6, atol=1e-9)


def test_trajectory_with_a_schedule(keras):
    name, arguments = SCHEDULES[-1]
    mine = optimizers.AdamW(getattr(schedules, name)(**arguments))
    its = keras.optimizers.AdamW(getattr(keras.optimizers.schedules, name)(**arguments))
    assert_same_trajectory(keras, mine, its)


def test_weights_left_undecayed(keras):
    mine, its = optimizers.AdamW(0.1), keras.optimizers.AdamW(0.1)
    mine.exclude_from_weight_decay(var_names=["bias"])
    bias, kernel, scale = (keras.Variable(leaf) for leaf in jax.tree.leaves(PARAMS))
    its.exclude_from_weight_decay(var_list=[bias])
    its.build([bias, kernel, scale])
    gradient = jax.tree.leaves(GRADS[0])
    its.apply(gradient, [bias, kernel, scale])
    updates, _ = mine.update(GRADS[0], mine.init(PARAMS), PARAMS)
    got = jax.tree.leaves(optax.apply_updates(jax.tree.map(jnp.asarray, PARAMS), updates))
    for ours, theirs in zip(got, (bias, kernel, scale), strict=True):
        np.testing.assert_allclose(ours, theirs.value, rtol=1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_names_and_defaults(keras, name):
    mine, its = getattr(optimizers, name), getattr(keras.optimizers, name)
    theirs = {p.name: p.default for p in inspect.signature(its).parameters.values()}
    ours = inspect.signature(mine).parameters.values()
    for parameter in ours:
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            assert theirs[parameter.name] == parameter.default
    order = [p.name for p in ours if p.kind is not inspect.Parameter.VAR_KEYWORD]
    assert list(theirs)[: len(order)] == order
    assert mine().name == its().name.rstrip("_0123456789")
    for identifier in (name, name.lower()):
        assert type(optimizers.get(identifier)) is mine


@pytest.mark.parametrize("name", sorted({row[0] for row in SCHEDULES}))
def test_schedule_signatures(keras, name):
    mine, its = getattr(schedules, name), getattr(keras.optimizers.schedules, name)
    assert [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(its).parameters.values()
    ]
