"""What tables cannot say: LoRA, functions of JAX, pipelines, masks through models, configs."""

import json
import sys

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.core.masks import mask_of
from nnlib.core.specs import ShapeSpec

X = jnp.asarray(np.random.default_rng(0).normal(size=(8, 4)), "float32")


def test_lora_trains_the_addition_alone():
    model = nn.Sequential([nn.Input((4,)), layers.Dense(3, name="d"), layers.Dense(1, name="e")])
    before = model.predict(X, verbose=0)
    dense = model.layers[0]
    dense.enable_lora(2)
    model.layers[1].trainable = False
    np.testing.assert_allclose(model.predict(X, verbose=0), before, rtol=1e-5)
    kernel, last = np.array(dense.kernel), np.array(model.layers[1].kernel)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    np.testing.assert_array_equal(dense.kernel, kernel)
    np.testing.assert_array_equal(model.layers[1].kernel, last)
    assert float(jnp.abs(dense.lora_kernel_b).max()) > 0
    merged = np.asarray(dense.kernel + dense.lora_kernel_a @ dense.lora_kernel_b)
    np.testing.assert_allclose(dense.adapted(), merged, rtol=1e-5)
    twin = layers.Dense.from_config(dense.get_config())
    assert twin.lora_rank == 2
    assert {n for n, w in dense.own_weights.items() if not w.trainable} == {"kernel"}


def test_lora_leaves_the_regulariser_to_the_addition():
    layer = layers.Dense(3, kernel_regularizer="l2", lora_rank=2, lora_alpha=4)
    params, state = layer.init(jax.random.key(0), X)
    a, b = params["lora_kernel_a"], params["lora_kernel_b"]
    penalty = layer.apply_full(params, state, X).penalty
    np.testing.assert_allclose(penalty, 0.01 * ((a**2).sum() + (b**2).sum()), rtol=1e-5)


def test_jax_layer_begins_as_its_init_fn_says():
    def init(rng, inputs, training):
        assert inputs.shape == (1, 4)
        assert training
        return {"w": jax.random.normal(rng, (4, 3)), "n": [jnp.ones(3)]}

    def call(inputs, rng, params, training):
        noise = jax.random.normal(rng, (1, 1)) if training else 0.0
        return inputs @ params["w"] + params["n"][0][None] + noise

    layer = layers.JaxLayer(call, init)
    params, state = layer.init(jax.random.key(0), ShapeSpec((None, 4)))
    assert sorted(params) == ["params.n.0", "params.w"]
    assert state == {}
    plain, _ = layer.apply(params, state, X)
    np.testing.assert_allclose(plain, X @ params["params.w"] + 1.0, rtol=1e-5)
    noisy, _ = layer.apply(params, state, X, training=True, rng=jax.random.key(1))
    assert np.ptp(np.asarray(noisy - plain)) < 1e-5
    assert float(jnp.abs(noisy - plain).max()) > 0
    other, _ = layer.init(jax.random.key(1), X)
    assert not np.array_equal(other["params.w"], params["params.w"])


def test_jax_layer_is_trained_within_a_model():
    layer = layers.JaxLayer(lambda params, inputs: inputs * params, params=jnp.asarray(2.0))
    model = nn.Sequential([nn.Input((4,)), layer])
    model.compile(nn.optimizers.SGD(0.1), "mse")
    model.fit(X, 3 * X, epochs=60, verbose=0)
    np.testing.assert_allclose(layer.get_weights()[0], 3.0, atol=1e-2)


class Twice(flax.linen.Module):
    def setup(self):
        self.dense = flax.linen.Dense(3)

    def __call__(self, x):
        return self.dense(x)

    def doubled(self, x):
        return 2 * self.dense(x)


def test_flax_layer_takes_methods_by_name():
    variables = Twice().init(jax.random.key(0), X)
    plain, named, bound = (
        layers.FlaxLayer(Twice(), method, variables)(X)
        for method in (None, "doubled", Twice.doubled)
    )
    np.testing.assert_allclose(named, 2 * plain, rtol=1e-5)
    np.testing.assert_array_equal(named, bound)
    with pytest.raises(errors.ArgumentError, match=r"method.*'tripled'"):
        layers.FlaxLayer(Twice(), "tripled")


def test_flax_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "flax", None)
    with pytest.raises(errors.MissingExtraError, match=r"nnlib\[flax\]"):
        layers.FlaxLayer(Twice())


def test_pipeline_augments_when_it_is_called_by_itself():
    pipeline = layers.Pipeline([layers.GaussianNoise(0.5)])
    assert not np.array_equal(pipeline(X), X)
    np.testing.assert_array_equal(pipeline(X, training=False), X)
    model = nn.Sequential([nn.Input((4,)), pipeline])
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)


def test_pipeline_hands_masks_on():
    x = jnp.ones((1, 3, 2))
    mask = jnp.asarray([[True, False, True]])
    seen = []

    class Sees(layers.Layer):
        supports_masking = True

        def call(self, x, mask=None):
            seen.append(mask)
            return x

    layers.Pipeline([layers.ReLU(), Sees()])(x, mask=mask)
    np.testing.assert_array_equal(seen[-1], mask)


def test_masks_reach_attention_and_pooling_in_a_model():
    """Padding at the end changes nothing."""
    ids = nn.Input((None,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(ids)
    y = layers.MultiHeadAttention(2, 3)(x, x)
    y = layers.LayerNormalization()(layers.Add()([x, y]))
    y = layers.Dropout(0.1)(layers.Dense(3)(y))
    model = nn.Model(ids, layers.GlobalAveragePooling1D()(y))
    short = jnp.asarray([[3, 1, 4]])
    long = jnp.asarray([[3, 1, 4, 0, 0]])
    np.testing.assert_allclose(model(long), model(short), rtol=1e-5, atol=1e-6)


def test_reversible_embedding_masks_vectors_and_not_scores():
    layer = layers.ReversibleEmbedding(5, 3, mask_zero=True)
    ids = jnp.asarray([[1, 2, 0]])
    x = layer(ids)
    np.testing.assert_array_equal(mask_of(x), [[True, True, False]])
    assert mask_of(layer(x, reverse=True)) is None


def test_lambda_hands_the_mask_on_only_if_told():
    x = layers.Masking()(jnp.asarray([[[1.0], [0.0]]]))
    assert mask_of(layers.Lambda(jnp.sin)(x)) is None
    kept = layers.Lambda(jnp.sin, mask=lambda x, mask: mask)(x)
    np.testing.assert_array_equal(mask_of(kept), [[True, False]])


def test_lambda_with_a_function_for_its_shape():
    x = jnp.ones((2, 3))
    layer = layers.Lambda(lambda x: x[:, :2], output_shape=lambda shape: (shape[0], 2))
    assert layer(x).shape == (2, 2)
    with pytest.raises(errors.ShapeError, match="output_shape"):
        layers.Lambda(lambda x: x, output_shape=lambda shape: (shape[0], 2))(x)


def test_softmax_with_numbers_for_a_mask():
    x = jnp.zeros((2, 4))
    y = layers.Softmax()(x, mask=jnp.asarray([1, 1, 0, 0]))
    np.testing.assert_allclose(y, [[0.5, 0.5, 0.0, 0.0]] * 2)


def test_layers_survive_serialisation():
    wrapped = layers.SpectralNormalization(layers.Conv1D(3, 2), power_iterations=2)
    config = json.loads(json.dumps(layers.serialize(wrapped)))
    twin = layers.deserialize(config)
    assert (type(twin), twin.power_iterations, twin.layer.filters) == (type(wrapped), 2, 3)

    class Mine(layers.Wrapper):
        pass

    custom = layers.deserialize(
        {"class_name": "Mine", "config": {"layer": layers.serialize(layers.ReLU())}},
        custom_objects={"Mine": Mine},
    )
    assert isinstance(custom, Mine)
    assert isinstance(custom.layer, layers.ReLU)


def test_spectral_normalization_of_a_kernel_of_zeros():
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    out = layer(X, training=True)
    np.testing.assert_array_equal(out, 0)
    np.testing.assert_array_equal(layer.sigma, 1)


def test_spectral_norm_becomes_one_with_training():
    layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False), power_iterations=30)
    layer(X, training=True)
    basis = layer(jnp.eye(4))
    np.testing.assert_allclose(np.linalg.svd(basis, compute_uv=False)[0], 1.0, rtol=1e-4)


def test_flash_attention_is_refused_where_it_cannot_be_had():
    x = jnp.ones((1, 4, 8), "bfloat16")
    layer = layers.MultiHeadAttention(1, 8, flash_attention=True, dtype="mixed_bfloat16")
    if jax.default_backend() != "gpu":
        with pytest.raises(errors.ArgumentError, match=r"GPU.*cpu"):
            layer(x, x)


@pytest.mark.parametrize("causal", [False, True])
def test_flash_attention_asks_for_the_fused_kernel(monkeypatch, causal):
    """On a machine without a GPU, JAX's own arithmetic stands in for cuDNN's."""
    plain = layers.MultiHeadAttention(2, 8, dtype="mixed_bfloat16")
    flash = layers.MultiHeadAttention(2, 8, flash_attention=True, dtype="mixed_bfloat16")
    x = jax.random.normal(jax.random.key(0), (2, 4, 8))
    params, state = plain.init(jax.random.key(1), x, x)
    real, asked = jax.nn.dot_product_attention, []

    def stand_in(*arrays, implementation, **options):
        asked.append(implementation)
        return real(*arrays, implementation="xla", **options)

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax.nn, "dot_product_attention", stand_in)
    runs = [la.apply(params, state, x, x, use_causal_mask=causal)[0] for la in (plain, flash)]
    assert asked == ["cudnn"]
    np.testing.assert_allclose(*(y.astype("float32") for y in runs), atol=2e-2)


def test_older_spellings_of_input_layer():
    make = nn.layers.InputLayer
    assert make(input_shape=(3,)).batch_shape == (None, 3)
    assert make(input_shape=(3,), batch_size=4).batch_shape == (4, 3)
    assert make(batch_input_shape=(2, 3)).batch_shape == (2, 3)
    with pytest.raises(ValueError, match="expected one shape"):
        make((3,), input_shape=(4,))
    for layer in (make, lambda **shape: nn.layers.Dense(2, **shape)):
        with pytest.raises(ValueError, match="got input_shape and batch_input_shape"):
            layer(input_shape=(3,), batch_input_shape=(2, 3))


def test_inputs_as_keras_takes_them():
    x = nn.Input((3,), sparse=False, ragged=False, optional=False, name="x")
    assert nn.Input(tensor=x) is x
    layer = nn.layers.InputLayer(input_tensor=x)
    assert layer.symbol is x
    assert layer.batch_shape == (None, 3)
    assert nn.layers.InputLayer(batch_shape=(2, 3)).get_config() == {
        **{"batch_shape": [2, 3], "dtype": "float32", "sparse": False, "ragged": False},
        **{"name": "input_layer", "optional": False},
    }
    for flag in ("sparse", "ragged", "optional"):
        with pytest.raises(errors.ArgumentError, match=f"{flag}=False, got True"):
            nn.Input((3,), **{flag: True})
    for given in ({"tensor": 7}, {"tensor": x, "shape": (3,)}):
        with pytest.raises(errors.ArgumentError, match="a Symbol as the only word"):
            nn.Input(**given)
