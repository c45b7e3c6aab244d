"""Bad arguments of activations, normalisations, noise, merges, attention and what else is basic."""

import jax.numpy as jnp

from nnlib import errors, layers
from tests.contract.refusal import refusal

STEPS, IMAGE = jnp.ones((2, 5, 4)), jnp.ones((2, 3, 3, 6))
ARGUMENT, SHAPE = errors.ArgumentError, errors.ShapeError


def attend(*inputs, heads=2, call=None, **options):
    return layers.MultiHeadAttention(heads, 3, **options)(*inputs, **(call or {}))


def takes_weights(params, inputs):
    return inputs


def lora_twice():
    layer = layers.Dense(2, lora_rank=1)
    layer(STEPS)
    layer.enable_lora(1)


REFUSALS = [
    refusal(lambda: layers.ReLU().compute_output_shape(2), ARGUMENT, r"\(None, 3\).*2"),
    refusal(lambda: layers.ELU("1"), ARGUMENT, "ELU.*alpha.*'1'"),
    refusal(lambda: layers.LeakyReLU(-0.1), ARGUMENT, "negative_slope.*0.*-0.1"),
    refusal(lambda: layers.LeakyReLU(None), ARGUMENT, "negative_slope.*None"),
    refusal(lambda: layers.PReLU(shared_axes=0), ARGUMENT, "shared_axes.*0"),
    refusal(lambda: layers.PReLU(shared_axes=()), ARGUMENT, "shared_axes.*none"),
    refusal(lambda: layers.PReLU(shared_axes=5)(STEPS), SHAPE, "axis 5"),
    refusal(lambda: layers.GroupNormalization(0), ARGUMENT, "groups"),
    refusal(lambda: layers.GroupNormalization(4)(IMAGE), SHAPE, "groups=4"),
    refusal(lambda: layers.GroupNormalization(2, axis=0), ARGUMENT, "batch"),
    refusal(lambda: layers.GroupNormalization(2, axis=-4)(IMAGE), SHAPE, "batch"),
    refusal(lambda: layers.RMSNormalization(axis="x"), ARGUMENT, "axis.*'x'"),
    refusal(lambda: layers.UnitNormalization(3)(STEPS), SHAPE, "axis 3"),
    refusal(lambda: layers.SpectralNormalization(layers.Dense(2), 0), ARGUMENT, "power_iter"),
    refusal(lambda: layers.SpectralNormalization(layers.ReLU())(STEPS), ARGUMENT, "ReLU"),
    refusal(lambda: layers.Wrapper(len), ARGUMENT, "Wrapper.*layer.*len"),
    refusal(
        lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1}), ARGUMENT, "max"
    ),
    refusal(
        lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}),
        ARGUMENT,
        "rmax",
    ),
    refusal(
        lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}),
        ARGUMENT,
        "dmax.*-1",
    ),
    refusal(
        lambda: layers.BatchNormalization()(STEPS, mask=jnp.ones(2, bool), training=True),
        SHAPE,
        r"mask.*\(2,\)",
    ),
    refusal(lambda: layers.ActivityRegularization(l1=-1), ARGUMENT, "l1.*-1"),
    refusal(lambda: layers.AlphaDropout(1.0), ARGUMENT, "AlphaDropout.*rate.*below 1"),
    refusal(lambda: layers.GaussianDropout(1), ARGUMENT, "GaussianDropout.*rate"),
    refusal(lambda: layers.GaussianNoise(1.5), ARGUMENT, "stddev.*1.5"),
    refusal(lambda: layers.GaussianNoise(0.5, seed=-1), ARGUMENT, "seed.*-1"),
    refusal(lambda: layers.SpatialDropout2D(2.0), ARGUMENT, "SpatialDropout2D.*rate"),
    refusal(lambda: layers.SpatialDropout2D(0.5, "last"), ARGUMENT, "data_format.*'last'"),
    refusal(lambda: layers.Dot((1, 2, 3)), ARGUMENT, "axes.*two"),
    refusal(lambda: layers.Dot(axes=0)([STEPS, STEPS]), SHAPE, "batch"),
    refusal(lambda: layers.Dot(axes=3)([STEPS, STEPS]), SHAPE, "axis 3"),
    refusal(lambda: layers.Dot(axes=1)([STEPS]), SHAPE, "2 arrays"),
    refusal(lambda: layers.Softmax()(STEPS, mask=jnp.ones((2, 5), bool)), SHAPE, "mask"),
    refusal(lambda: layers.Attention(score_mode="sum"), ARGUMENT, "score_mode.*'sum'"),
    refusal(lambda: layers.Attention(dropout=2), ARGUMENT, "dropout.*2"),
    refusal(lambda: layers.Attention()(STEPS), SHAPE, r"\[query, value\].*one array"),
    refusal(lambda: layers.Attention()([STEPS] * 4), SHAPE, "4"),
    refusal(
        lambda: layers.Attention()([STEPS, STEPS], mask=jnp.ones((2, 5))), ARGUMENT, "query mask"
    ),
    refusal(lambda: attend(STEPS, STEPS, heads=0), ARGUMENT, "num_heads"),
    refusal(lambda: attend(STEPS, STEPS, value_dim=0), ARGUMENT, "value_dim"),
    refusal(lambda: attend(STEPS, STEPS, output_shape="a"), ARGUMENT, "output_shape"),
    refusal(lambda: attend(STEPS, STEPS, sliding_window=0), ARGUMENT, "sliding_window"),
    refusal(lambda: attend(STEPS, STEPS, attention_axes=2), SHAPE, "attention_axes.*features"),
    refusal(lambda: attend(STEPS, STEPS, flash_attention="yes"), ARGUMENT, "flash_attention"),
    refusal(lambda: attend(STEPS, STEPS, flash_attention=True), ARGUMENT, "float32.*mixed_bf"),
    refusal(lambda: attend(STEPS, STEPS, flash_attention=True, dropout=0.5), ARGUMENT, "dropout=0"),
    refusal(lambda: attend(STEPS, jnp.ones((2, 4))), SHAPE, r"\(2, 4\)"),
    refusal(
        lambda: attend(STEPS, STEPS, call={"attention_mask": jnp.ones((2, 5, 4))}), SHAPE, "5, 5"
    ),
    refusal(lambda: attend(IMAGE, IMAGE, call={"use_causal_mask": True}), ARGUMENT, "several axes"),
    refusal(lambda: layers.GroupQueryAttention(3, 5, 2), ARGUMENT, "divide.*5.*2"),
    refusal(lambda: layers.GroupQueryAttention(3, 4, 2)(IMAGE, IMAGE), SHAPE, "3 axes|ndim"),
    refusal(lambda: layers.EinsumDense("ab,bc", 2), ARGUMENT, "equation.*'ab,bc'"),
    refusal(lambda: layers.EinsumDense("ab,bc->ad", 2), ARGUMENT, "output.*d"),
    refusal(lambda: layers.EinsumDense("ab,bcd->ac", 2), ARGUMENT, "kernel.*d"),
    refusal(lambda: layers.EinsumDense("ab,bc->ac", 2, bias_axes="b"), ARGUMENT, "bias_axes"),
    refusal(lambda: layers.EinsumDense("ab,bc->ac", "2"), ARGUMENT, "output_shape.*'2'"),
    refusal(lambda: layers.EinsumDense("abc,cd->abd", 2)(STEPS), ARGUMENT, "2 sizes"),
    refusal(lambda: layers.EinsumDense("abc,cd->abd", (7, 2))(STEPS), SHAPE, "7.*'b'.*5"),
    refusal(lambda: layers.EinsumDense("abc,cd->abd", (None, None))(STEPS), SHAPE, "known sizes"),
    refusal(lambda: layers.Dense(2, lora_rank=0), ARGUMENT, "lora_rank"),
    refusal(
        lambda: layers.Dense(2, lora_rank=1, kernel_constraint="non_neg"), ARGUMENT, "constraint"
    ),
    refusal(lambda: layers.Dense(2).enable_lora(1), errors.NotBuiltError, "lora_rank"),
    refusal(lora_twice, errors.FrozenConfigError, "once"),
    refusal(lambda: layers.Embedding(3, 2, weights=jnp.ones((2, 3))), ARGUMENT, r"\(3, 2\)"),
    refusal(lambda: layers.ReversibleEmbedding(3, 2)(STEPS, reverse=True), SHAPE, "output_dim=2"),
    refusal(lambda: layers.ReversibleEmbedding(3, 2, logit_soft_cap=0), ARGUMENT, "soft_cap"),
    refusal(lambda: layers.ReversibleEmbedding(3, 2, reverse_dtype="x"), ARGUMENT, "reverse_dt"),
    refusal(lambda: layers.Masking("x"), ARGUMENT, "mask_value.*'x'"),
    refusal(lambda: layers.Pipeline(layers.ReLU()), ARGUMENT, "list"),
    refusal(lambda: layers.Pipeline([len]), ARGUMENT, "len"),
    refusal(lambda: layers.JaxLayer(lambda x: x), ARGUMENT, r"inputs.*\(x\)"),
    refusal(lambda: layers.JaxLayer(takes_weights), ARGUMENT, "init_fn.*params"),
    refusal(lambda: layers.JaxLayer(3), ARGUMENT, "function.*3"),
    refusal(
        lambda: layers.JaxLayer(
            lambda state, inputs: (inputs, {"b": 1}), state={"a": jnp.ones(())}
        )(STEPS),
        errors.StateWriteError,
        "structure",
    ),
    refusal(lambda: layers.FlaxLayer(len), ARGUMENT, "linen.Module.*len"),
    refusal(lambda: layers.serialize(3), ARGUMENT, "layer.*3"),
    refusal(lambda: layers.deserialize({"a": 1}), ARGUMENT, "class_name"),
    refusal(
        lambda: layers.deserialize({"class_name": "Dens", "config": {}}),
        errors.UnknownNameError,
        "Dense",
    ),
    refusal(lambda: layers.deserialize({"class_name": "Zeros", "config": {}}), ARGUMENT, "layer"),
]
