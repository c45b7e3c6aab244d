"""The arguments that all optimizers have, and optimizers around optimizers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib import optimizers
from nnlib.core.errors import ArgumentError
from nnlib.optimizers import schedules

PARAMS = {"a": jnp.arange(3.0), "b": {"c": jnp.ones((2, 4))}, "embedding": jnp.ones((3, 2))}
GRADS = jax.tree.map(jnp.ones_like, PARAMS)


def halves():
    chosen = optimizers.OptimizerMap(optimizers.SGD(0.5), {"b/.*": optimizers.Adam(use_ema=True)})
    return optimizers.MultiOptimizer(chosen)


EVERY = {
    **{
        name: getattr(optimizers, name)
        for name in ("Adadelta", "Adafactor", "Adagrad", "Adamax", "Ftrl")
    },
    **{name: getattr(optimizers, name) for name in ("Lamb", "Lion", "Muon", "Nadam")},
    "accumulating": lambda: optimizers.Adam(gradient_accumulation_steps=2),
    "averaging": lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=2),
    "scaling": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.5)),
    "several": halves,
    "scaling several": lambda: optimizers.LossScaleOptimizer(halves()),
}


@pytest.mark.parametrize("name", EVERY)
def test_state_is_stable(name):
    optimizer = EVERY[name]()
    for params in (PARAMS, jax.tree.map(lambda w: w.astype(jnp.bfloat16), PARAMS), {}):
        grads = jax.tree.map(jnp.ones_like, params)
        state = optimizer.init(params)
        changes, new = jax.eval_shape(optimizer.update, grads, state, params)
        assert jax.tree.structure(state) == jax.tree.structure(new)
        for before, after in zip(jax.tree.leaves(state), jax.tree.leaves(new), strict=True):
            assert (before.shape, before.dtype) == (after.shape, after.dtype)
        for change, weight in zip(jax.tree.leaves(changes), jax.tree.leaves(params), strict=True):
            assert (change.shape, change.dtype) == (weight.shape, weight.dtype)


@pytest.mark.parametrize("name", EVERY)
def test_serialize_and_deserialize(name):
    optimizer = EVERY[name]()
    config = optimizers.serialize(optimizer)
    again = optimizers.deserialize(config)
    assert type(again) is type(optimizer)
    assert optimizers.serialize(again) == config
    programs = [
        str(jax.make_jaxpr(made.update)(GRADS, jax.eval_shape(made.init, PARAMS), PARAMS))
        for made in (optimizer, again)
    ]
    assert programs[0] == programs[1]


def test_own_classes_are_deserialized_by_name():
    class Still(optimizers.Optimizer):
        def rule(self, gradient, slots, learning_rate, step, weight):
            return jnp.zeros_like(weight), slots

    config = {"class_name": "Still", "config": {"learning_rate": 0.25}}
    made = optimizers.deserialize(config, custom_objects={"Still": Still})
    assert type(made) is Still
    assert made.learning_rate == 0.25


def test_own_schedules_are_deserialized_by_name():
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5**step

    made = schedules.deserialize({"class_name": "Halving", "config": {}}, {"Halving": Halving})
    assert type(made) is Halving
    cosine = schedules.CosineDecayRestarts(0.1, 5, t_mul=1.5)
    twin = schedules.deserialize(schedules.serialize(cosine))
    assert twin.get_config() == cosine.get_config()


def test_relative_step_says_whether_the_step_size_falls():
    weight, gradient = {"w": jnp.array([2.0])}, {"w": jnp.array([1.0])}
    for relative, sizes in ((True, [1.0, 0.5**0.5]), (False, [1.0, 1.0])):
        optimizer = optimizers.Adafactor(3.0 if relative else 1.0, relative_step=relative)
        state = optimizer.init(weight)
        for size in sizes:
            changes, state = optimizer.update(gradient, state, weight)
            np.testing.assert_allclose(changes["w"], -2.0 * size, rtol=1e-5)


def test_a_schedule_counts_every_call_and_the_rule_every_move():
    rate = schedules.PiecewiseConstantDecay([0, 1], [100.0, 0.5, 0.25])
    optimizer = optimizers.SGD(rate, gradient_accumulation_steps=2)
    params, state = {"w": jnp.array(1.0)}, None
    state = optimizer.init(params)
    for gradient, expected in ((1.0, 1.0), (3.0, 0.0), (1.0, 0.0), (1.0, -0.25)):
        params, state = optimizer.stateless_apply(state, {"w": jnp.array(gradient)}, params)
        assert float(params["w"]) == expected
    optimizer.state = state
    assert optimizer.iterations == 2
    assert optimizer.learning_rate == 0.25


def test_averages_begin_with_the_weights_and_share_no_buffers():
    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5)
    params = {"w": jnp.array([1.0, 2.0])}
    state = optimizer.init(params)
    ends = optimizer.finalize_variable_values(params, state)
    np.testing.assert_array_equal(ends["w"], params["w"])
    jax.jit(lambda *trees: trees, donate_argnums=(0, 1, 2))(params, state, ends)


def test_weights_without_averages_end_as_they_are():
    optimizer = halves()
    state = optimizer.init(PARAMS)
    params, state = optimizer.stateless_apply(state, GRADS, PARAMS)
    means = optimizer.averages(state)
    assert means["a"] is None
    assert means["b"]["c"].shape == (2, 4)
    ends = optimizer.finalize_variable_values(params, state)
    assert ends["a"] is params["a"]
    assert optimizers.SGD().averages(optimizers.SGD().init(PARAMS)) is None
    scaled = optimizers.LossScaleOptimizer(optimizers.SGD(use_ema=True))
    assert jax.tree.structure(scaled.averages(scaled.init(PARAMS))) == jax.tree.structure(PARAMS)


def test_loss_scale_of_a_16_bit_loss():
    optimizer = optimizers.LossScaleOptimizer(optimizers.SGD())
    state = optimizer.init(PARAMS)
    assert float(optimizer.scale_loss(jnp.float16(4.0), state)) == 4.0 * 2**15
    optimizer.state = state
    assert optimizer.learning_rate == np.float32(0.01)
    optimizer.learning_rate = 0.5
    assert optimizer.state["learning_rate"] == 0.5
    assert optimizers.SGD(loss_scale_factor=8.0).scale_loss(2.0) == 16.0
    assert optimizers.SGD().scale_loss(2.0) == 2.0


def test_a_learning_rate_of_several_is_set_at_its_optimizer():
    optimizer = halves()
    optimizer.state = optimizer.init(PARAMS)
    assert optimizer.state is optimizer.state
    optimizer.optimizers[1].learning_rate = 0.25
    _, optimizer.state = optimizer.update(GRADS, optimizer.state, PARAMS)
    assert optimizer.state["learning_rate"]["1"] == 0.25
    assert optimizer.optimizers[1].iterations == optimizer.iterations == 1
    with pytest.raises(AttributeError, match=r"optimizers\[0\].learning_rate"):
        _ = optimizer.learning_rate
    with pytest.raises(AttributeError, match=r"optimizers\[0\].learning_rate"):
        optimizer.learning_rate = 0.5


def test_optax_among_several():
    chosen = optimizers.OptimizerMap(optimizers.OptaxOptimizer(optax.sgd(0.5)))
    chosen["nothing"] = optimizers.SGD()
    optimizer = optimizers.MultiOptimizer(chosen)
    optimizer.state = optimizer.init(PARAMS)
    changes, optimizer.state = optimizer.update(GRADS, optimizer.state, PARAMS)
    assert changes["a"][0] == -0.5
    assert optimizer.optimizers[0].learning_rate == np.float32(0.01)  # has no weights
    assert len(chosen) == 1
    assert "nothing" in chosen
    del chosen["nothing"]
    assert list(chosen) == []


def test_fit_with_several_optimizers():
    model = nn.Sequential(
        [nn.Input((2,)), nn.layers.Dense(2, name="a"), nn.layers.Dense(1, name="b")]
    )
    optimizer = optimizers.MultiOptimizer(
        lambda weight: {"a": still, "b": moving}[weight.path.partition("/")[0]]
    )
    still, moving = optimizers.SGD(0.0), optimizers.Adam(0.1)
    model.compile(optimizer, "mse")
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    before = model.get_weights()
    model.fit(x, y, batch_size=4, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
    still.learning_rate, moving.learning_rate = 0.5, 0.0
    model.fit(x, y, batch_size=4, verbose=0)
    last = model.get_weights()
    assert not np.array_equal(after[0], last[0])
    np.testing.assert_array_equal(after[2], last[2])
    assert optimizer.iterations == 4


def test_arrays_are_not_written_in_place():
    optimizer = optimizers.SGD()
    for attempt in (
        lambda: optimizer.apply_gradients(zip([1.0], [2.0], strict=True)),
        lambda: optimizer.apply([1.0], [2.0]),
    ):
        with pytest.raises(ArgumentError, match="stateless_apply"):
            attempt()
