"""States from call to call, masks from layer to layer, draws of dropout."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import layers

X = jnp.asarray(np.random.default_rng(0).normal(size=(3, 6, 2)), "float32")


def changed(layer, new):
    return jax.tree.map(lambda a, b: bool((a != b).any()), layer, new)


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: layers.GRU(4, **k),
        lambda **k: layers.RNN([layers.LSTMCell(4), layers.SimpleRNNCell(3)], **k),
    ],
)
def test_a_stateful_layer_goes_on_where_it_stopped(make):
    layer, whole = make(stateful=True), make()
    first = layer(X[:, :2])
    whole.declare(X)
    params, _ = layer.variables
    whole.variables = params, {}
    np.testing.assert_allclose(layer(X[:, 2:]), whole(X), rtol=1e-5, atol=1e-6)
    layer.reset_states()
    assert not any(np.any(array) for array in layer.states)
    np.testing.assert_allclose(layer(X[:, :2]), first, rtol=1e-6)
    kept = layer.states
    layer.reset_states(kept)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), layer.states, kept))


def test_states_are_state_and_no_parameters():
    layer = layers.LSTM(4, stateful=True)
    params, state = layer.init(jax.random.key(0), X)
    assert jax.tree.map(jnp.shape, state) == {"state_0": (3, 4), "state_1": (3, 4)}
    y, after = jax.jit(layer.apply)(params, state, X)
    np.testing.assert_array_equal(after["state_0"], y)
    again, _ = layer.apply(params, after, X)
    assert np.any(again != y)
    assert layer.mixes_rows
    assert layers.LSTM(4).mixes_rows is None


def test_given_states_come_before_kept_ones():
    layer = layers.SimpleRNN(4, stateful=True)
    layer(X)
    begin = jnp.ones((3, 4))
    y = layer(X, initial_state=begin)
    other = layers.SimpleRNN(4)
    other.declare(X)
    other.variables = layer.variables[0], {}
    np.testing.assert_allclose(y, other(X, initial_state=[begin]), rtol=1e-6)
    np.testing.assert_array_equal(layer.states[0], y)


def test_a_stateful_pair_of_directions_resets_both():
    layer = layers.Bidirectional(layers.GRU(2, stateful=True))
    assert layer.states is None
    first = layer(X)
    assert len(layer.states) == 2
    assert np.any(layer(X) != first)
    layer.reset_states()
    np.testing.assert_allclose(layer(X), first, rtol=1e-6)


def test_first_states_may_be_other_than_zeros():
    class Begun(layers.SimpleRNNCell):
        def get_initial_state(self, batch_size=None):
            return jnp.ones((batch_size, 2))

    layer = layers.RNN(Begun(2), stateful=True)
    layer.declare(X)
    np.testing.assert_array_equal(layer.states[0], jnp.ones((3, 2)))


class Words(layers.Layer):
    """An embedding that says which words are real."""

    def build(self, ids):
        self.table = self.add_weight((5, 3), "glorot_uniform")

    def call(self, ids):
        return self.table[ids]

    def compute_mask(self, ids, mask=None):
        return ids != 0


def test_masks_go_through_a_stack():
    model = nn.Sequential(
        [
            nn.Input((None,), dtype="int32"),
            Words(),
            layers.LSTM(4, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.SimpleRNN(4),
        ]
    )
    ids = jnp.array([[1, 2, 3, 0, 0], [4, 1, 2, 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        padded = model(ids)
        plain = model(ids[:, :3])
    np.testing.assert_allclose(padded, plain, rtol=1e-5, atol=1e-6)


def test_masks_of_outputs():
    mask, inputs = jnp.ones((3, 6), bool), X
    every, last = layers.LSTM(2, return_sequences=True), layers.LSTM(2, return_state=True)
    assert every.compute_mask(inputs, mask) is mask
    assert last.compute_mask(inputs, mask) == [None, None, None]
    pair = layers.Bidirectional(layers.GRU(2, return_sequences=True, return_state=True), None)
    assert pair.compute_mask(inputs, mask) == [mask, mask, None, None]
    assert layers.Bidirectional(layers.GRU(2), None).compute_mask(inputs, mask) == [None, None]


def test_a_mask_of_more_axes_counts_steps_with_anything_real():
    layer = layers.GRU(2)
    mask = jnp.ones((3, 6), bool).at[:, 4:].set(False)
    wide = jnp.stack([mask, jnp.zeros_like(mask)], -1)
    np.testing.assert_array_equal(layer(X, mask=wide), layer(X, mask=mask))


def test_initial_states_may_be_symbols():
    sequence, begin = nn.Input((None, 2)), nn.Input((4,))
    outputs = layers.GRU(4, return_state=True)(sequence, initial_state=begin)
    model = nn.Model([sequence, begin], outputs)
    layer = model.layers[-1]
    want = layer(X, initial_state=jnp.ones((3, 4)))
    np.testing.assert_allclose(model([X, jnp.ones((3, 4))])[0], want[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "masks"),
    [
        (layers.GRU(4, dropout=0.25), {"input_masks": (1, 3, 1, 2)}),
        (layers.LSTM(4, dropout=0.25, implementation=1), {"input_masks": (4, 3, 1, 2)}),
        (layers.SimpleRNN(4, recurrent_dropout=0.25), {"recurrent_masks": (1, 3, 4)}),
        (
            layers.GRU(4, dropout=0.5, recurrent_dropout=0.25),
            {"input_masks": (3, 3, 1, 2), "recurrent_masks": (3, 3, 4)},
        ),
    ],
)
def test_dropout_draws_a_mask_for_all_steps(layer, masks, monkeypatch):
    seen = {}
    kind, real = type(layer), type(layer).sequence

    def spy(*args, **kwargs):
        seen.update({k: v for k, v in kwargs.items() if k.endswith("masks")})
        return real(*args, **kwargs)

    monkeypatch.setattr(kind, "sequence", staticmethod(spy))
    layer(X, training=True)
    assert {name: mask.shape for name, mask in seen.items()} == masks
    values = set(np.unique(np.concatenate([np.ravel(mask) for mask in seen.values()])).tolist())
    assert values <= {0.0, 2.0, np.float32(1 / 0.75).item()}
    seen.clear()
    layer(X, training=False)
    assert not seen


def test_dropout_keeps_the_mean():
    layer = layers.SimpleRNN(1, activation=None, dropout=0.25, recurrent_dropout=0.5,
                             kernel_initializer="ones", recurrent_initializer="ones")  # fmt: skip
    x = jnp.ones((4000, 2, 1))
    # x, then h and x: the mean of what is kept stays 1 + 1.
    assert abs(float(layer(x, training=True).mean()) - 2) < 0.1


def test_a_convolution_draws_a_mask_for_each_gate():
    layer = layers.ConvLSTM1D(2, 2, dropout=0.5, recurrent_dropout=0.5, kernel_initializer="ones",
                              recurrent_initializer="ones", use_bias=False)  # fmt: skip
    x = jnp.ones((1, 2, 4, 1))
    params, state = layer.init(jax.random.key(0), x)
    text = str(jax.make_jaxpr(
        lambda x: layer.apply(params, state, x, training=True, rng=jax.random.key(0))[0]
    )(x))  # fmt: skip
    assert "bool[4,1,1,4,1]" in text
    assert "bool[4,1,3,2]" in text


def test_bidirectional_begins_with_given_weights():
    halves = [np.full(shape, value) for value in (1, 2) for shape in ((2, 3), (3, 3), (3,))]
    layer = layers.Bidirectional(layers.SimpleRNN(3), weights=halves)
    params, _ = layer.init(jax.random.key(0), X)
    np.testing.assert_array_equal(params["forward_layer"]["kernel"], halves[0])
    np.testing.assert_array_equal(params["backward_layer"]["bias"], halves[5])
    assert "weights" not in layer.get_config()
    assert layer.forward_layer.name == "forward_simple_rnn"
    assert layer.backward_layer.name == "backward_simple_rnn"
