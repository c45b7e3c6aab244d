"""The pure protocol, the learning rate in the state, configs, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from nnlib import optimizers
from nnlib.core.errors import ArgumentError, UnexpectedArgumentError, UnknownNameError
from nnlib.optimizers import schedules

PARAMS = {"a": jnp.arange(3.0), "b": {"c": jnp.ones((2, 2))}}
GRADS = jax.tree.map(jnp.ones_like, PARAMS)
EVERY = [
    optimizers.SGD(momentum=0.9),
    optimizers.Adam(amsgrad=True),
    optimizers.AdamW(),
    optimizers.RMSprop(momentum=0.9, centered=True),
    optimizers.OptaxOptimizer(optax.adamw(1e-3)),
]


@pytest.mark.parametrize("optimizer", EVERY)
def test_state_is_stable_under_scan(optimizer):
    state = optimizer.init(PARAMS)
    updates, new = jax.jit(optimizer.update)(GRADS, state, PARAMS)
    assert jax.tree.structure(state) == jax.tree.structure(new)
    for before, after in zip(jax.tree.leaves(state), jax.tree.leaves(new), strict=True):
        assert (before.shape, before.dtype) == (after.shape, after.dtype)
    assert jax.tree.structure(updates) == jax.tree.structure(PARAMS)
    assert int(new["step"]) == 1


@pytest.mark.parametrize("optimizer", [*EVERY, optimizers.SGD(global_clipnorm=1.0)])
def test_nothing_to_train(optimizer):
    updates, state = optimizer.update({}, optimizer.init({}), {})
    assert updates == {}
    assert int(state["step"]) == 1


def test_half_precision_weights_stay_so():
    params = {"w": jnp.ones(3, jnp.bfloat16)}
    for optimizer in EVERY[:4]:
        state = optimizer.init(params)
        updates, state = optimizer.update({"w": jnp.ones(3)}, state, params)
        assert updates["w"].dtype == jnp.bfloat16
        assert {leaf.dtype.name for leaf in jax.tree.leaves(state["slots"])} == {"bfloat16"}


def test_state_holds_the_learning_rate():
    optimizer, traces = optimizers.SGD(0.5), []

    @jax.jit
    def step(state):
        traces.append(1)
        return optimizer.update(GRADS, state, PARAMS)

    optimizer.state = optimizer.init(PARAMS)
    updates, optimizer.state = step(optimizer.state)
    assert updates["a"][0] == -0.5
    optimizer.learning_rate = 0.25
    updates, optimizer.state = step(optimizer.state)
    assert updates["a"][0] == -0.25
    optimizer.learning_rate *= 0.5
    updates, optimizer.state = step(optimizer.state)
    assert updates["a"][0] == -0.125
    assert len(traces) == 1
    assert optimizer.learning_rate == 0.125
    assert optimizer.iterations == 3
    assert optimizer.get_config()["learning_rate"] == 0.125


def test_learning_rate_set_after_the_state_was_donated():
    optimizer = optimizers.Adam()
    optimizer.state = optimizer.init(PARAMS)
    step = jax.jit(optimizer.update, donate_argnums=1)
    _, state = step(GRADS, optimizer.state, PARAMS)
    optimizer.learning_rate = 0.5
    assert optimizer.state["learning_rate"] == 0.5
    assert float(state["learning_rate"]) == np.float32(1e-3)


def test_learning_rate_stays_on_its_devices():
    optimizer, device = optimizers.SGD(0.5), jax.devices()[-1]
    grads, params, optimizer.state = jax.device_put((GRADS, PARAMS, optimizer.init(PARAMS)), device)
    step = jax.jit(optimizer.update).lower(grads, optimizer.state, params).compile()
    _, optimizer.state = step(grads, optimizer.state, params)
    optimizer.learning_rate = 0.25
    rate = optimizer.state["learning_rate"]
    assert rate.committed
    assert rate.devices() == {device}
    updates, _ = step(grads, optimizer.state, params)  # no other program is needed
    assert updates["a"][0] == -0.25


def test_config_of_a_restored_state():
    optimizer = optimizers.SGD(0.5)
    optimizer.state = {**optimizer.init(PARAMS), "learning_rate": np.float32(0.125)}
    assert optimizer.get_config()["learning_rate"] == 0.125
    optimizer.learning_rate = 0.25
    assert optimizer.state["learning_rate"] == 0.25


def test_learning_rate_before_building():
    optimizer = optimizers.Adam()
    assert optimizer.learning_rate == 1e-3
    assert optimizer.iterations == 0
    optimizer.learning_rate = 0.5
    assert optimizer.init(PARAMS)["learning_rate"] == 0.5
    assert optimizers.Adam.from_config(optimizer.get_config()).learning_rate == 0.5


def test_schedules_are_read_from_the_step():
    decay = schedules.PiecewiseConstantDecay([0], [0.5, 0.25])
    for rate in (decay, lambda step: jnp.where(step > 0, 0.25, 0.5)):
        optimizer = optimizers.SGD(rate)
        optimizer.state = optimizer.init(PARAMS)
        assert optimizer.state["learning_rate"] == optimizer.learning_rate == 0.5
        for expected in (-0.5, -0.25):
            updates, optimizer.state = optimizer.update(GRADS, optimizer.state, PARAMS)
            assert updates["a"][0] == expected
        with pytest.raises(ArgumentError, match="the schedule decides"):
            optimizer.learning_rate = 0.1


def test_a_schedule_cannot_replace_a_number_once_training_began():
    optimizer = optimizers.SGD()
    schedule = schedules.ExponentialDecay(0.5, 1, 0.5)
    optimizer.learning_rate = schedule
    assert optimizer.learning_rate == 0.5
    optimizer = optimizers.SGD()
    optimizer.state = optimizer.init(PARAMS)
    with pytest.raises(ArgumentError, match="Compile again"):
        optimizer.learning_rate = schedule


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
        optimizers.AdamW(1e-4, weight_decay=0.1, name="mine"),
        optimizers.RMSprop(schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3)),
        optimizers.Adam(schedules.PiecewiseConstantDecay([1], [0.1, 0.2])),
    ],
)
def test_config_round_trip(optimizer):
    config = {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}
    again = optimizers.get(config)
    assert again.get_config() == optimizer.get_config()
    assert again.name == optimizer.name
    state = optimizer.init(PARAMS)
    ours, theirs = (o.update(GRADS, state, PARAMS)[0] for o in (optimizer, again))
    assert all(jax.tree.leaves(jax.tree.map(jnp.array_equal, ours, theirs)))


def test_get():
    assert isinstance(optimizers.get(optimizers.Adam), optimizers.Adam)
    own = optimizers.SGD()
    assert optimizers.get(own) is own
    assert isinstance(optimizers.get(optax.adam(1e-3)), optimizers.OptaxOptimizer)
    with pytest.raises(UnknownNameError, match="'adam'"):
        optimizers.get("adm")
    for wrong in (None, 3, optax.adam, lambda: 3):
        with pytest.raises(ArgumentError, match="expected a name"):
            optimizers.get(wrong)


def test_optax_is_optax():
    tx = optax.chain(optax.clip(0.1), optax.adam(1e-2))
    optimizer = optimizers.OptaxOptimizer(tx)
    updates, _ = optimizer.update(GRADS, optimizer.init(PARAMS), PARAMS)
    expected, _ = tx.update(GRADS, tx.init(PARAMS), PARAMS)
    assert all(jax.tree.leaves(jax.tree.map(jnp.array_equal, updates, expected)))
    with pytest.raises(ArgumentError, match="inject_hyperparams"):
        optimizer.learning_rate = 0.1


def test_optax_with_a_learning_rate_to_set():
    optimizer = optimizers.OptaxOptimizer(optax.inject_hyperparams(optax.sgd)(0.5))
    step = jax.jit(optimizer.update)
    optimizer.state = optimizer.init(PARAMS)
    updates, optimizer.state = step(GRADS, optimizer.state, PARAMS)
    optimizer.learning_rate = 0.25
    assert optimizer.learning_rate == 0.25
    updates, optimizer.state = step(GRADS, optimizer.state, PARAMS)
    assert updates["a"][0] == -0.25


def test_our_optimizers_chain_with_optax():
    chained = optax.chain(optimizers.SGD(0.5), optax.scale(2.0))
    updates, _ = chained.update(GRADS, chained.init(PARAMS), PARAMS)
    assert updates["a"][0] == -1.0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: optimizers.SGD(-0.1), ArgumentError, "SGD: expected learning_rate .* got -0.1"),
        (lambda: optimizers.SGD("fast"), ArgumentError, "got 'fast'"),
        (lambda: optimizers.SGD(None), ArgumentError, "got None"),
        (lambda: optimizers.SGD(float("nan")), ArgumentError, "got nan"),
        (lambda: optimizers.SGD(lambda: 0.1), ArgumentError, "take the step"),
        (lambda: optimizers.SGD(momentum=2), ArgumentError, "momentum .* from 0 to 1, got 2"),
        (lambda: optimizers.Adam(beta_1=1.0), ArgumentError, "beta_1 .* below 1"),
        (lambda: optimizers.Adam(epsilon=-1), ArgumentError, "epsilon"),
        (lambda: optimizers.Adam(weight_decay=-1), ArgumentError, "weight_decay"),
        (lambda: optimizers.RMSprop(rho=-0.1), ArgumentError, "rho"),
        (lambda: optimizers.SGD(clipnorm=0), ArgumentError, "clipnorm .* above 0, got 0"),
        (lambda: optimizers.SGD(clipvalue=-1), ArgumentError, "clipvalue"),
        (lambda: optimizers.SGD(global_clipnorm="a"), ArgumentError, "global_clipnorm"),
        (
            lambda: optimizers.SGD(clipnorm=1, clipvalue=1),
            ArgumentError,
            "at most one of .*clipnorm and clipvalue",
        ),
        (lambda: optimizers.Adam(lr=0.1), UnexpectedArgumentError, "Write learning_rate="),
        (lambda: optimizers.AdamW(lr=0.1), UnexpectedArgumentError, "AdamW: .*learning_rate"),
        (lambda: optimizers.SGD(decay=1e-6), UnexpectedArgumentError, "ExponentialDecay"),
        (lambda: optimizers.Adam(beta1=0.9), UnexpectedArgumentError, "Did you mean 'beta_1'"),
        (lambda: optimizers.SGD(clip_norm=1), UnexpectedArgumentError, "Did you mean 'clipnorm'"),
        (lambda: optimizers.OptaxOptimizer(optax.adam), ArgumentError, "Call the factory"),
        (lambda: optimizers.SGD().update({}, optimizers.SGD().init({})), ArgumentError, "params"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ArgumentError, "decay_steps"),
        (lambda: schedules.CosineDecay(-1, 5), ArgumentError, "learning rate"),
        (
            lambda: schedules.PiecewiseConstantDecay([1], [0.1]),
            ArgumentError,
            "one value more than boundaries",
        ),
        (
            lambda: schedules.PiecewiseConstantDecay([2, 1], [1, 2, 3]),
            ArgumentError,
            "growing order",
        ),
    ],
)
def test_errors(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_excluded_weights_are_fixed_before_training():
    optimizer = optimizers.AdamW()
    optimizer.state = optimizer.init(PARAMS)
    with pytest.raises(ArgumentError, match="before training"):
        optimizer.exclude_from_weight_decay(["a"])
