"""The numbers of Keras for EinsumDense, embeddings, LoRA, masks, and layers of JAX and Flax."""

import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import (
    arrays_for,
    check_row,
    check_signature,
    close,
    pair_of,
    row_id,
    weighted_sum,
)

ROWS = [
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 3, "bias_axes": "c"}, (2, 4)),
    ("EinsumDense", {"equation": "abc,cd->abd", "output_shape": (None, 3)}, (2, 5, 4)),
    (
        "EinsumDense",
        {"equation": "...x,xy->...y", "output_shape": 3, "bias_axes": "y", "activation": "tanh"},
        (2, 5, 4),
    ),
    ("EinsumDense", {"equation": "...x,xy->...y", "output_shape": 3}, (2, 4)),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (5, 2, 3), "bias_axes": "bd"},
     (2, 5, 4)),
    ("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": (None, 3), "bias_axes": "e"},
     (2, 3, 2, 4)),
    ("EinsumDense", {"equation": "abc,cbd->abd", "output_shape": (5, 3)}, (2, 5, 4)),
    ("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": 3, "bias_axes": "c"},
     (2, 4, 5)),
    ("Identity", {}, (2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_outputs_and_gradients(keras, row):
    check_row(keras, row, training=False)


@pytest.mark.parametrize(
    ("equation", "shape", "x"),
    [("abc,cde->abde", (None, 2, 300), (1, 2, 500)), ("abcd,cde->abe", (None, 700), (1, 2, 8, 30))],
)
@pytest.mark.parametrize("kind", ["glorot_uniform", "he_normal"])
def test_kernels_of_einsum_begin_with_the_spread_of_keras(keras, equation, shape, x, kind):
    made = [
        module.layers.EinsumDense(equation, shape, kernel_initializer=kind)
        for module in (keras, Ours)
    ]
    for layer in made:
        layer.build(x)
    spreads = [float(np.std(layer.get_weights()[0])) for layer in made]
    np.testing.assert_allclose(*spreads, rtol=0.02)


class Ours:
    layers = layers


SIGNATURES = {
    "EinsumDense": {"gptq_unpacked_column_size", "quantization_config"},
    "JaxLayer": {"native_serialization_platforms"},
    "FlaxLayer": (),
    "Lambda": (),
    "Masking": (),
    "Pipeline": (),
    "ReversibleEmbedding": (),
    "Softmax": (),
    "Wrapper": (),
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    check_signature(keras, name, SIGNATURES[name])


# LoRA ------------------------------------------------------------------------------------------

ADAPTED = [
    ("Dense", {"units": 3, "activation": "tanh"}, (2, 4)),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 2, 3)}, (2, 5, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 2}, (2, 5, 4)),
    ("Embedding", {"input_dim": 5, "output_dim": 3}, (2, 4)),
]


@pytest.mark.parametrize(("name", "options", "shape"), ADAPTED)
def test_lora(keras, name, options, shape):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 5, shape)).astype(
        "int32" if name == "Embedding" else "float32"
    )
    theirs, ours = pair_of(keras, name, options, x)
    for layer in (theirs, ours):
        layer.enable_lora(2, lora_alpha=3)
    generator = np.random.default_rng(1)
    arrays = {w.name: generator.normal(size=w.shape) for w in theirs.weights}
    theirs.set_weights(list(arrays.values()))
    for weight, array in arrays.items():
        setattr(ours, weight, array)
    close(ours(x), theirs(x))
    trained = [v.value for v in theirs.trainable_variables]
    fixed = [v.value for v in theirs.non_trainable_variables]
    want = jax.grad(lambda t: weighted_sum(theirs.stateless_call(t, fixed, x)[0]))(trained)
    params, state = ours.variables
    got = jax.grad(lambda p: weighted_sum(ours.apply(p, state, x)[0]))(params)
    close([got[v.name] for v in theirs.trainable_variables], want)


# Embeddings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"tie_weights": False}, {"logit_soft_cap": 0.7}])
def test_reversible_embedding(keras, options):
    ids = jnp.asarray([[1, 0, 4]])
    x = arrays_for((2, 3, 3))
    theirs, ours = pair_of(
        keras, "ReversibleEmbedding", {"input_dim": 5, "output_dim": 3} | options, ids
    )
    close(ours(ids), theirs(ids))
    close(ours(x, reverse=True), theirs(x, reverse=True))


def test_embedding_begins_with_the_weights_given(keras):
    table = np.arange(6.0).reshape(3, 2)
    ids = jnp.asarray([[2, 0]])
    want = keras.layers.Embedding(3, 2, weights=table)(ids)
    for given in (table, [table]):
        layer = layers.Embedding(3, 2, weights=given)
        close(layer(ids), want)
        assert "weights" not in layer.get_config()


def test_ids_that_come_as_floats_are_not_rounded():
    layer = layers.Embedding(3000, 1, dtype="mixed_float16")
    ids = jnp.asarray([[2049.0, 2051.0]])
    close(layer(ids), layer(ids.astype("int32")), tol=0)


# Masks -----------------------------------------------------------------------------------------

MASKS = [jnp.asarray([[True, False, True]]), jnp.asarray([[True, True, False]])]


@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
@pytest.mark.parametrize("present", [(0, 1), (0,), (1,), ()])
def test_merges_of_masked_arrays(keras, name, present):
    pair = arrays_for([(1, 3, 2), (1, 3, 2)])
    given = [MASKS[i] if i in present else None for i in range(2)]
    marked = []
    for x, mask in zip(pair, given, strict=True):
        copy = jnp.array(x)
        if mask is not None:
            keras.src.backend.set_keras_mask(copy, mask)
        marked.append(copy)
    want = getattr(keras.layers, name)()(marked)
    layer = getattr(layers, name)()
    takes = name in ("Multiply", "Maximum", "Minimum") and present
    close(layer(pair, **({"mask": given} if takes else {})), want)
    mask = layer.compute_mask(pair, given)
    close(mask, keras.src.backend.get_keras_mask(want))


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_masks_of_concatenated_arrays(keras, axis):
    pair = arrays_for([(1, 3, 2), (1, 3, 2)])
    for given in (MASKS, [MASKS[0], None], [None, None], None):
        want = keras.layers.Concatenate(axis).compute_mask(pair, given)
        close(layers.Concatenate(axis).compute_mask(pair, given), want)


def test_masks_from_padding(keras):
    x = jnp.asarray([[[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]]])
    ids = jnp.asarray([[1, 0, 2]])
    close(layers.Masking().compute_mask(x), keras.layers.Masking().compute_mask(x))
    for flag in (False, True):
        ours, theirs = (m.layers.Embedding(3, 2, mask_zero=flag) for m in (Ours, keras))
        close(ours.compute_mask(ids), theirs.compute_mask(ids))


def test_lambda_with_masks(keras):
    x, mask = arrays_for((1, 3, 2)), MASKS[0]
    function = lambda x, mask: jnp.where(mask[..., None], x, 0)  # noqa: E731
    made = [m.layers.Lambda(function, mask=lambda x, m: ~m) for m in (Ours, keras)]
    close(*(layer(x, mask=mask) for layer in made))
    close(*(layer.compute_mask(x, mask) for layer in made))


SUPPORTING = [
    ("Activation", "relu"), ("ActivityRegularization",), ("AlphaDropout", 0.1), ("Attention",),
    ("AdditiveAttention",), ("BatchNormalization",), ("Concatenate",), ("Dense", 2), ("Dot", 1),
    ("Dropout", 0.1), ("ELU",), ("EinsumDense", "ab,bc->ac", 2), ("Embedding", 3, 2), ("Flatten",),
    ("GaussianDropout", 0.1), ("GaussianNoise", 0.1), ("GroupNormalization", 1), ("Identity",),
    ("Lambda", jnp.sin), ("LayerNormalization",), ("LeakyReLU",), ("Masking",), ("Maximum",),
    ("MultiHeadAttention", 1, 2), ("GroupQueryAttention", 1, 2, 2), ("PReLU",), ("ReLU",),
    ("RMSNormalization",), ("Softmax",), ("SpatialDropout1D", 0.1), ("UnitNormalization",),
]  # fmt: skip


@pytest.mark.parametrize("row", SUPPORTING, ids=lambda row: row[0])
def test_the_same_layers_support_masks(keras, row):
    name, *arguments = row
    ours = getattr(layers, name)(*arguments)
    assert ours.supports_masking == getattr(keras.layers, name)(*arguments).supports_masking


# Functions of JAX and modules of Flax ----------------------------------------------------------


def affine(params, state, inputs, training):
    y = inputs @ params["w"] + params["b"][None]
    return y, {"calls": state["calls"] + training}


def test_jax_layer(keras):
    x = arrays_for((2, 3))
    trees = {
        "params": {"w": jnp.ones((3, 2)), "b": jnp.arange(2.0)},
        "state": {"calls": jnp.zeros(())},
    }
    theirs, ours = (m.layers.JaxLayer(affine, **trees) for m in (keras, Ours))
    close(ours(x, training=True), theirs(x, training=True))
    close(ours.get_weights()[-1], theirs.state["calls"].value)


class Block(flax.linen.Module):
    @flax.linen.compact
    def __call__(self, x, training=False):
        x = flax.linen.BatchNorm(use_running_average=not training, momentum=0.5)(x)
        return flax.linen.Dropout(0.5, deterministic=not training)(flax.linen.Dense(2)(x))


def test_flax_layer():
    x = arrays_for((4, 3))
    with jax.numpy_rank_promotion("allow"):
        variables = Block().init(jax.random.key(0), x)
        layer = layers.FlaxLayer(Block(), variables=variables)
        close(layer(x), Block().apply(variables, x))
        layer(x, training=True)
        _, new = Block().apply(
            variables, x, True, mutable=["batch_stats"], rngs={"dropout": jax.random.key(0)}
        )
        close(layer.get_weights()[-2:], new)
