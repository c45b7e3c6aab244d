"""More optimizers, and the arguments of all: 20 steps of each as the installed Keras takes them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnlib import optimizers

RNG = np.random.default_rng(3)
STEPS = 20
PARAMS = {
    "dense": {"bias": RNG.normal(size=(3,)).astype("float32")},
    "embedding": {"kernel": RNG.normal(size=(4, 3)).astype("float32")},
}
PATHS = ["dense/bias", "embedding/kernel"]
GRADS = {
    path: RNG.normal(size=(STEPS, *leaf.shape)).astype("float32")
    for path, leaf in zip(PATHS, jax.tree.leaves(PARAMS), strict=True)
}
FAST = {"learning_rate": 0.3}

ROWS = [
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.7, "epsilon": 1e-3, "clipvalue": 0.5}),
    ("Adagrad", {**FAST, "initial_accumulator_value": 0.0, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Adamax", {**FAST, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2, "clipnorm": 0.5}),
    ("Nadam", {**FAST, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2, "global_clipnorm": 0.5}),
    ("Ftrl", {**FAST, "learning_rate_power": -0.8, "initial_accumulator_value": 0.5}),
    ("Ftrl", {**FAST, "learning_rate_power": 0.0, "beta": 0.5, "weight_decay": 0.1}),
    ("Ftrl", {**FAST, "l1_regularization_strength": 0.5, "l2_regularization_strength": 0.2,
              "l2_shrinkage_regularization_strength": 0.3}),
    ("Adafactor", {"learning_rate": 0.5, "beta_2_decay": -0.5, "clip_threshold": 0.4}),
    ("Adafactor", {**FAST, "epsilon_1": 1e-2, "epsilon_2": 2.0, "weight_decay": 0.1}),
    ("Lamb", {**FAST, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Lion", {**FAST, "beta_1": 0.5, "beta_2": 0.7, "weight_decay": 0.1}),
    ("Muon", {**FAST, "adam_beta_1": 0.5, "adam_beta_2": 0.7, "adam_weight_decay": 0.1,
              "epsilon": 1e-2, "weight_decay": 0.3, "adam_lr_ratio": 0.5}),
    ("Muon", {**FAST, "exclude_embeddings": False, "momentum": 0.5, "weight_decay": 0.3}),
    ("Muon", {"exclude_embeddings": False, "nesterov": False, "ns_steps": 3, "muon_a": 3.0,
              "muon_b": -4.0, "muon_c": 2.0, "rms_rate": None, "adam_weight_decay": None}),
    ("Muon", {"exclude_embeddings": False, "exclude_layers": ["bedd"], "weight_decay": None}),
    # The arguments that all have.
    ("Adam", {**FAST, "use_ema": True}),
    ("SGD", {**FAST, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    ("SGD", {**FAST, "loss_scale_factor": 8.0, "clipnorm": 0.5}),
    ("SGD", {**FAST, "gradient_accumulation_steps": 3, "clipvalue": 0.2, "momentum": 0.9}),
    ("Adam", {**FAST, "gradient_accumulation_steps": 4, "weight_decay": 0.1,
              "loss_scale_factor": 2.0}),
    ("Nadam", {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.7,
               "ema_overwrite_frequency": 4}),
]  # fmt: skip


def make(module, name, arguments):
    return getattr(module, name)(**arguments)


def our_run(optimizer, grads=None):
    """Every step's weights and the last state."""
    structure = jax.tree.structure(PARAMS)
    grads = structure.unflatten((grads or GRADS).values())

    @jax.jit
    def run(params, grads):
        def step(carry, gradient):
            params, state = carry
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, optimizer.init(params)), grads)

    with jax.numpy_rank_promotion("raise"):
        (_, state), trajectory = run(jax.tree.map(jnp.asarray, PARAMS), grads)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(trajectory)], state


def keras_variables(keras):
    variables = [keras.Variable(leaf) for leaf in jax.tree.leaves(PARAMS)]
    for path, variable in zip(PATHS, variables, strict=True):
        variable._path, variable._name = path, path.rpartition("/")[2]
    return variables


def keras_run(keras, optimizer, grads=None):
    variables = keras_variables(keras)
    optimizer.build(variables)

    @jax.jit
    def run(weights, state, grads):
        def step(carry, gradient):
            weights, state = optimizer.stateless_apply(carry[1], gradient, carry[0])
            return (weights, state), weights

        return jax.lax.scan(step, (weights, state), grads)

    start = [v.value for v in variables], [v.value for v in optimizer.variables]
    (weights, state), trajectory = run(*start, list((grads or GRADS).values()))
    for variable, value in zip(variables, weights, strict=True):
        variable.assign(value)
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)
    return [np.asarray(leaf) for leaf in trajectory], variables


def assert_close(ours, theirs):
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"), ROWS, ids=[f"{n}-{i}" for i, (n, _) in enumerate(ROWS)]
)
def test_trajectory(keras, name, arguments):
    mine, its = (make(module, name, arguments) for module in (optimizers, keras.optimizers))
    ours, state = our_run(mine)
    theirs, variables = keras_run(keras, its)
    assert_close(ours, theirs)
    mine.state = state
    assert mine.iterations == int(its.iterations)
    if arguments.get("use_ema"):
        its.finalize_variable_values(variables)
        last = jax.tree.map(lambda leaf: leaf, PARAMS)
        ends = mine.finalize_variable_values(last, state)
        assert_close(jax.tree.leaves(ends), [v.value for v in variables])
