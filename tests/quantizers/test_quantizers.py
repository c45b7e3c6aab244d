"""Quantizers give Keras' numbers, and gradients that go straight through."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import quantizers
from nnlib.core.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError

X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype("float32")


@pytest.mark.parametrize("name", [n for n in quantizers.__all__ if n not in ("get", "serialize")])
def test_signatures_of_keras(keras, name):
    names = lambda module: list(inspect.signature(getattr(module, name)).parameters)  # noqa: E731
    assert names(quantizers) == names(keras.quantizers)


@pytest.mark.parametrize("to_numpy", [False, True])
@pytest.mark.parametrize("axis", [-1, 0, (0, 2)])
def test_by_the_largest_value(keras, axis, to_numpy):
    got = quantizers.abs_max_quantize(X, axis, (-7, 7), to_numpy=to_numpy)
    want = keras.quantizers.abs_max_quantize(X, axis, (-7, 7))
    for ours, theirs in zip(got, want, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    quantizer = quantizers.AbsMaxQuantizer(axis, (-7, 7))
    np.testing.assert_array_equal(quantizer(X)[0], want[0])
    last = keras.quantizers.AbsMaxQuantizer()(X)[0]
    np.testing.assert_array_equal(quantizers.AbsMaxQuantizer()(X)[0], last)


def test_half_precision_keeps_its_dtype(keras):
    half = jnp.asarray(X, jnp.bfloat16)
    got, want = quantizers.abs_max_quantize(half, 1), keras.quantizers.abs_max_quantize(half, 1)
    assert (got[0].dtype, got[1].dtype) == (jnp.int8, jnp.bfloat16)
    np.testing.assert_array_equal(got[0], want[0])


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2"])
def test_small_floats(keras, dtype):
    got = quantizers.quantize_and_dequantize(100 * X, 0.1, dtype, "float32")
    want = keras.quantizers.quantize_and_dequantize(100 * X, jnp.float32(0.1), dtype, "float32")
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("low", "high", "options"),
    [
        (-1.0, 1.2, {}),
        (-0.1, 1.5, {"num_bits": 4, "narrow_range": True}),
        (0.3, 2.0, {"num_bits": 3}),
        ([-2.0, -1.0, -0.5, 0.0, -1.5], [1.0, 2.0, 0.5, 1.0, 0.1], {"axis": -1}),
    ],
)
def test_fake_quantisation_with_gradients(keras, low, high, options):
    low, high = jnp.asarray(low, "float32"), jnp.asarray(high, "float32")
    x = jnp.asarray(X).at[0, 0].set(0.0)

    def run(module):
        def loss(x, low, high):
            y = module.fake_quant_with_min_max_vars(x, low, high, **options)
            return jnp.sum(y * jnp.cos(x)), y

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(x, low, high)

    ((_, got), slopes), ((_, want), theirs) = run(quantizers), run(keras.quantizers)
    np.testing.assert_allclose(got, want, atol=1e-6)
    for ours, other in zip(slopes, theirs, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5)


def test_fake_quantisation_along_any_axis():
    low, high = jnp.array([-1.0, -2.0, 0.0, -0.5]), jnp.array([1.0, 1.0, 3.0, 0.5])
    got = quantizers.fake_quant_with_min_max_vars(X, low, high, 5, axis=1)
    moved = quantizers.fake_quant_with_min_max_vars(X.swapaxes(1, 2), low, high, 5, axis=2)
    np.testing.assert_array_equal(got, moved.swapaxes(1, 2))
    slope = jax.grad(
        lambda low: quantizers.fake_quant_with_min_max_vars(X, low, high, axis=1).sum()
    )
    assert slope(low).shape == (4,)
    assert len(np.unique(got[:, 3])) <= 32


def test_names_and_configs():
    made = quantizers.get("abs_max_quantizer", axis=0, value_range=(-8, 7))
    assert (made.axis, made.value_range) == ((0,), (-8, 7))
    again = quantizers.deserialize(quantizers.serialize(made))
    assert again.get_config() == made.get_config()
    assert quantizers.get(None) is None
    assert quantizers.get(made) is made
    config = quantizers.Int8QuantizationConfig(made)
    again = quantizers.deserialize(quantizers.serialize(config))
    assert (again.mode, again.weight_quantizer.value_range) == ("int8", (-8, 7))
    assert isinstance(again.activation_quantizer, quantizers.AbsMaxQuantizer)
    assert quantizers.Int8QuantizationConfig(activation_quantizer=None).activation_quantizer is None
    base = quantizers.QuantizationConfig
    assert base.weight_quantizer_or_default(None, made) is made
    assert base.weight_quantizer_or_default(base(), made) is made
    assert base.activation_quantizer_or_default(base(), made) is None
    assert base.activation_quantizer_or_default(None, made) is made
    assert nn.quantizers.Quantizer("int4").output_dtype == "int4"
    with pytest.raises(NotImplementedError, match="mode"):
        _ = base().mode


def test_refusals():
    with pytest.raises(DTypeError, match="expected floats, got int32"):
        quantizers.abs_max_quantize(jnp.arange(3), 0)
    with pytest.raises(ArgumentError, match="from -128 to 127"):
        quantizers.AbsMaxQuantizer(value_range=(-300, 300))
    with pytest.raises(ArgumentError, match="int8"):
        quantizers.Int8QuantizationConfig(quantizers.Quantizer("int4"))
    with pytest.raises(DTypeError, match="float8_e4m3fn"):
        quantizers.quantize_and_dequantize(X, 1.0, "int8", "float32")
    fake = quantizers.fake_quant_with_min_max_vars
    with pytest.raises(ArgumentError, match="num_bits to be an integer from 2 to 16, got 1"):
        fake(X, 0.0, 1.0, 1)
    with pytest.raises(ShapeError, match="axis=-1"):
        fake(X, [0.0, 0.0], 1.0)
    with pytest.raises(ShapeError, match="one number or 4"):
        fake(X, [0.0, 0.0], 1.0, axis=1)
    with pytest.raises(ArgumentError, match="axes of the inputs, got 3"):
        fake(X, [0.0, 0.0], 1.0, axis=3)
    with pytest.raises(UnknownNameError, match="typo"):
        quantizers.get("typo")
    with pytest.raises(ArgumentError, match="a name or a class"):
        quantizers.get(quantizers.Quantizer(), axis=3)
