"""Cells of users in RNN: their layers, their random numbers, and what they may not do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6, 2)), "float32")


class Noisy(layers.Layer):
    """Sums up what Dropout leaves of ones."""

    state_size = 2

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = layers.Dropout(0.5)

    def call(self, inputs, states):
        kept = self.drop(jnp.ones_like(inputs))
        return kept, [states[0] + kept]


def test_every_step_draws_anew():
    layer = layers.RNN(Noisy(), return_sequences=True)
    x = jnp.ones((40, 6, 2))
    params, state = layer.init(jax.random.key(0), x)
    run = lambda seed: layer.apply(params, state, x, training=True, rng=jax.random.key(seed))[0]  # noqa: E731
    y = run(1)
    assert set(np.unique(y).tolist()) == {0.0, 2.0}
    steps = [y[:, t] for t in range(6)]
    assert all(np.any(a != b) for n, a in enumerate(steps) for b in steps[:n])
    np.testing.assert_array_equal(y, run(1))
    assert np.any(y != run(2))
    np.testing.assert_array_equal(layer(x), 1)


def test_draws_without_a_key_say_so():
    layer = layers.RNN(Noisy())
    params, state = layer.init(jax.random.key(0), X)
    with pytest.raises(errors.RandomKeyError, match=r"cell/drop.*rng="):
        layer.apply(params, state, X, training=True)


def test_a_map_within_a_step_still_shares_no_draw():
    class Mapped(Noisy):
        def call(self, inputs, states):
            return jax.vmap(self.drop)(inputs), states

    layer = layers.RNN(Mapped())
    params, state = layer.init(jax.random.key(0), X)
    with pytest.raises(errors.RandomKeyError, match="inside vmap or scan"):
        layer.apply(params, state, X, training=True, rng=jax.random.key(0))


class Composite(layers.Layer):
    """A cell with a layer inside, an attribute called cell, and no build of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.cell = layers.GRUCell(units)
        self.mix = layers.Dense(units)

    def call(self, inputs, states):
        _, new = self.cell(self.mix(inputs), states)
        return self.mix(inputs) + new[0], new


def test_layers_in_a_cell_are_built_and_trained():
    model = nn.Sequential([nn.Input((6, 2)), layers.RNN(Composite(4)), layers.Dense(1)])
    shapes = jax.tree.map(jnp.shape, model.variables[0])["rnn"]["cell"]
    assert shapes["mix"]["kernel"] == (2, 4)
    assert shapes["cell"]["kernel"] == (4, 12)
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(X, jnp.ones((3, 1)), epochs=1, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))


def test_statistics_cannot_be_written_within_the_loop():
    class Normal(layers.Layer):
        state_size = 2

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.norm = layers.BatchNormalization()

        def call(self, inputs, states):
            return self.norm(inputs), states

    layer = layers.RNN(Normal())
    layer(X)
    with pytest.raises(errors.StateWriteError, match="cell/norm"):
        layer(X, training=True)


def test_penalties_cannot_be_added_within_the_loop():
    class Regular(layers.Layer):
        state_size = 2

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dense = layers.Dense(2, activity_regularizer="l2")

        def call(self, inputs, states):
            return self.dense(inputs), states

    with pytest.raises(errors.StateWriteError, match=r"cell/dense.*activity_regularizer"):
        layers.RNN(Regular())(X)


def test_a_cell_need_not_be_a_layer():
    class Shift:
        state_size = 2

        def call(self, inputs, states):
            return states[0], inputs

    y = layers.RNN(Shift(), return_sequences=True)(X)
    np.testing.assert_array_equal(y[:, 1:], X[:, :-1])
    np.testing.assert_array_equal(y[:, 0], 0)


def test_an_own_call_of_a_built_in_cell_is_used():
    class Doubled(layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            y, new = super().call(inputs, states, training)
            return 2 * y, new

    plain, doubled = layers.RNN(layers.SimpleRNNCell(3)), layers.RNN(Doubled(3))
    plain(X), doubled(X)
    doubled.set_weights(plain.get_weights())
    np.testing.assert_allclose(doubled(X), 2 * plain(X), rtol=1e-6)


def test_masked_steps_repeat_the_output_of_any_cell():
    class Wide(layers.Layer):
        state_size = 2

        def call(self, inputs, states):
            total = states[0] + inputs
            return jnp.concatenate([total, inputs], -1), [total]

    mask = jnp.array([[False, True, False, True, True, False]] * 3)
    y, total = layers.RNN(Wide(), return_sequences=True, return_state=True)(X, mask=mask)
    np.testing.assert_array_equal(y[:, 0], 0)
    np.testing.assert_array_equal(y[:, 2], y[:, 1])
    np.testing.assert_array_equal(y[:, 5], y[:, 4])
    np.testing.assert_allclose(total, X[:, [1, 3, 4]].sum(1), rtol=1e-5)


def test_a_stack_is_its_cells_one_after_the_other():
    cells = [layers.GRUCell(3), Composite(2)]
    together = layers.RNN(cells, return_sequences=True, go_backwards=True)
    y = together(X)
    stepwise, states = [], cells_states(cells)
    for t in reversed(range(6)):
        out = X[:, t]
        for number, cell in enumerate(cells):
            out, states[number] = cell(out, states[number])
        stepwise.append(out)
    np.testing.assert_allclose(y, jnp.stack(stepwise, 1), rtol=1e-5, atol=1e-6)


def cells_states(cells):
    return [[jnp.zeros((3, cell.state_size))] for cell in cells]


def test_registered_cells_come_back_from_a_config():
    @nn.utils.register_keras_serializable("shop")
    class Registered(Noisy):
        pass

    layer = layers.Bidirectional(layers.RNN(Registered(), return_sequences=True))
    twin = type(layer).from_config(layer.get_config())
    assert isinstance(twin.forward_layer.cell, Registered)
    assert twin.forward_layer.cell is not twin.backward_layer.cell


def test_every_step_of_a_wrapped_normalization_counts():
    inner = layers.BatchNormalization(momentum=0.5)
    layer = layers.TimeDistributed(inner)
    layer(X, training=True)
    mean = jnp.zeros(2)
    for t in range(6):
        mean = 0.5 * mean + 0.5 * X[:, t].mean(0)
    np.testing.assert_allclose(inner.moving_mean, mean, rtol=1e-5, atol=1e-6)


def test_layers_that_keep_rows_apart_are_called_once():
    calls = []

    class Counting(layers.Layer):
        mixes_rows = False

        def call(self, x):
            calls.append(x.shape)
            return x

    layers.TimeDistributed(Counting())(X)
    assert (18, 2) in calls
    assert (3, 2) not in calls


def test_layers_that_look_across_the_batch_are_called_step_by_step():
    class Averaging(layers.Layer):
        def call(self, x):
            return x - x.mean(0, keepdims=True)

    y = layers.TimeDistributed(Averaging())(X)
    np.testing.assert_allclose(y, X - X.mean(0, keepdims=True), rtol=1e-5, atol=1e-6)


def test_rows_that_fill_up_a_batch_are_left_out_of_each_step():
    layer = layers.TimeDistributed(layers.Dense(2, activity_regularizer="l1"))
    params, state = layer.init(jax.random.key(0), X)
    rows = jnp.array([1.0, 1.0, 0.0])
    padded = layer.apply_full(params, state, X, row_mask=rows).penalty
    np.testing.assert_allclose(padded, layer.apply_full(params, state, X[:2]).penalty, rtol=1e-5)
