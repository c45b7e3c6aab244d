"""Ways to call, build and read layers that Keras' users write without thinking."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

X = jnp.ones((2, 4))


def test_a_layer_without_weights_is_built_by_build():
    layer = nn.layers.ReLU()
    layer.build((None, 4))
    assert layer.built


def test_a_layer_with_layers_within_waits_for_its_call():
    class Block(nn.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = nn.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    block = Block()
    block.build((None, 4))
    assert not block.built
    assert block(X).shape == (2, 2)
    assert block.built


def test_build_takes_a_list_of_shapes():
    layer = nn.layers.Concatenate()
    layer.build([(None, 3), (None, 4)])
    assert layer.built


def test_specs_of_a_list_of_shapes_know_their_dtype():
    class Pair(nn.layers.Layer):
        def build(self, inputs):
            first, second = inputs
            self.kernel = self.add_weight((first.shape[-1], second[-1]))

        def call(self, inputs):
            return inputs[0] @ self.kernel @ inputs[1].T

    layer = Pair()
    layer.build([(None, 3), (None, 4)])
    assert layer.kernel.shape == (3, 4)


def test_build_by_the_names_of_keras():
    dense = nn.layers.Dense(2)
    dense.build(input_shape=(None, 4))
    assert dense.kernel.shape == (4, 2)
    model = nn.Sequential([nn.layers.Dense(3)])
    model.build(input_shape=(None, 4))
    assert model.output_shape == (None, 3)
    attention = nn.layers.MultiHeadAttention(2, 3)
    attention.build(query_shape=(None, 5, 4), value_shape=(None, 6, 4))
    assert attention.built


def test_compute_output_shape_by_the_names_of_keras():
    assert nn.layers.Dense(2).compute_output_shape(input_shape=(None, 4)) == (None, 2)
    attention = nn.layers.MultiHeadAttention(2, 3)
    shape = attention.compute_output_shape(query_shape=(None, 5, 4), value_shape=(None, 6, 4))
    assert shape == (None, 5, 4)


def test_call_by_the_name_inputs():
    np.testing.assert_array_equal(nn.layers.Flatten()(inputs=X), X)
    assert nn.layers.Dense(2)(inputs=nn.Input((4,))).shape == (None, 2)


@pytest.mark.parametrize(
    ("layer", "names", "shape"),
    [
        (nn.layers.Dense(2, use_bias=False), ["bias"], (2, 4)),
        (nn.layers.EinsumDense("ab,bc->ac", 2), ["bias"], (2, 4)),
        (nn.layers.Conv1D(2, 1, use_bias=False), ["bias"], (2, 3, 4)),
        (nn.layers.GRUCell(2, use_bias=False), ["bias"], (2, 4)),
        (nn.layers.LayerNormalization(center=False, scale=False), ["beta", "gamma"], (2, 4)),
        (nn.layers.BatchNormalization(center=False, scale=False), ["beta", "gamma"], (2, 4)),
        (nn.layers.GroupNormalization(2, center=False, scale=False), ["beta", "gamma"], (2, 4)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.layers.Layer) else None,
)
def test_a_weight_that_was_not_wanted_is_none(layer, names, shape):
    layer.build(shape)
    assert all(getattr(layer, name) is None for name in names)
    assert not set(names) & layer.own_weights.keys()


@pytest.mark.parametrize("kind", [nn.layers.LayerNormalization, nn.layers.RMSNormalization])
def test_a_normalization_of_the_last_axis_takes_any_rank(kind):
    layer = kind()
    flat = jax.random.normal(jax.random.key(0), (6, 4))
    expected = layer(flat)
    np.testing.assert_allclose(layer(flat.reshape(2, 3, 4)).reshape(6, 4), expected, rtol=1e-6)
    with pytest.raises(nn.errors.ShapeError, match="size 4"):
        layer(jnp.ones((6, 5)))


@pytest.mark.parametrize("kind", [nn.layers.LayerNormalization, nn.layers.GroupNormalization])
def test_a_float32_input_beyond_float16_is_normalized(kind):
    options = {"groups": 2} if kind is nn.layers.GroupNormalization else {}
    layer = kind(dtype="mixed_float16", **options)
    x = jnp.array([[1e5, 3e5, 1e5, 3e5]])
    y = layer(x)
    assert y.dtype == jnp.float16
    np.testing.assert_allclose(y, [[-1.0, 1.0, -1.0, 1.0]], atol=1e-3)


def test_embedding_is_built_without_a_shape():
    layer = nn.layers.Embedding(3, 2)
    layer.build()
    assert layer.embeddings.shape == (3, 2)


def test_embedding_of_given_weights_has_them_at_once():
    table = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(nn.layers.Embedding(3, 2, weights=[table]).embeddings, table)


def test_a_wrapper_builds_what_it_wraps():
    class Direct(nn.layers.Wrapper):
        def call(self, x):
            return self.layer.call(x)

    assert Direct(nn.layers.Dense(2))(X).shape == (2, 2)


def test_input_refuses_two_batch_sizes():
    with pytest.raises(nn.errors.ArgumentError, match="batch_size=2"):
        nn.Input(batch_shape=(3, 4), batch_size=2)


def test_a_sequential_without_input_takes_any_size():
    model = nn.Sequential([nn.layers.Conv1D(2, 3), nn.layers.GlobalMaxPooling1D()])
    assert model(jnp.ones((2, 8, 4))).shape == (2, 2)
    assert model(jnp.ones((2, 5, 4))).shape == (2, 2)
    with pytest.raises(nn.errors.ShapeError):
        model(jnp.ones((2, 5, 3)))


def test_a_sequential_that_was_told_its_shape_holds_to_it():
    model = nn.Sequential([nn.layers.Flatten()])
    model.build((None, 8, 4))
    with pytest.raises(nn.errors.ShapeError, match="expected input"):
        model(jnp.ones((2, 5, 4)))


def test_normalization_binds_its_own_axes_alone():
    images = np.random.default_rng(0).normal(3.0, 2.0, (5, 4, 3)).astype("float32")
    layer = nn.layers.Normalization()
    layer.adapt([images, images])
    assert layer(images[None]).shape == (1, 5, 4, 3)
    np.testing.assert_allclose(layer(images[None])[0], layer(images), rtol=1e-5)
    with pytest.raises(nn.errors.ShapeError, match="size 3"):
        layer(np.ones((5, 4, 2), "float32"))


@pytest.mark.parametrize(
    ("data", "error"), [([], nn.errors.DataError), (iter([42]), nn.errors.DTypeError)]
)
def test_adapt_needs_rows(data, error):
    with pytest.raises(error, match="adapt: expected"):
        nn.layers.Normalization().adapt(data)


def test_states_of_stacked_cells_are_as_deep_as_their_sizes():
    cells = [nn.layers.GRUCell(3), nn.layers.LSTMCell(2)]
    assert [np.shape(s) for s in nn.layers.StackedRNNCells(cells).get_initial_state(2)] == [
        (2, 3),
        (2, 2, 2),
    ]
    rnn = nn.layers.RNN(cells, return_state=True)
    y, first, second = rnn(jnp.ones((2, 5, 4)))
    assert (y.shape, first.shape, [s.shape for s in second]) == ((2, 2), (2, 3), [(2, 2)] * 2)
    again, *_ = rnn(jnp.ones((2, 5, 4)), initial_state=[first, second])
    assert not np.allclose(again, y)


def test_shapes_of_bins_are_known_before_they_are():
    layer = nn.layers.Discretization(num_bins=3, output_mode="one_hot")
    assert layer.compute_output_shape((None, 4)) == (None, 4, 3)
    with pytest.raises(nn.errors.NotBuiltError, match="adapt"):
        layer(jnp.ones((2, 4)))


def test_counts_of_images_are_taken_over_the_first_axis_as_in_keras(keras):
    x = np.random.default_rng(0).integers(0, 3, (2, 3, 4))
    for mode in ("multi_hot", "count"):
        ours, theirs = (lib.layers.CategoryEncoding(3, output_mode=mode)(x) for lib in (nn, keras))
        np.testing.assert_array_equal(ours, theirs)
