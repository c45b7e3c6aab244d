"""What the parity tests cannot say: names, errors, scalars, shapes where Keras errs or misleads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses
from nnlib.core.errors import ArgumentError, DTypeError, ShapeError, UnknownNameError


def test_as_loss_takes_what_compile_takes():
    for identifier in (
        "mse",
        "MeanSquaredError",
        losses.mean_squared_error,
        losses.MeanSquaredError,
        losses.MeanSquaredError(),
        {"class_name": "MeanSquaredError", "config": {}},
    ):
        assert isinstance(losses.as_loss(identifier), losses.MeanSquaredError)
    assert losses.as_loss("binary_crossentropy").kwargs["from_logits"] is False
    with pytest.raises(ArgumentError, match="got None"):
        losses.as_loss(None)
    with pytest.raises(UnknownNameError, match="Did you mean 'mse'"):
        losses.as_loss("mes")


def test_configs_make_the_loss_again():
    loss = losses.LossFunction("huber", delta=0.5, reduction="sum")
    again = losses.get({"class_name": "LossFunction", "config": loss.get_config()})
    assert again.get_config() == loss.get_config()
    assert loss.get_config()["fn"] == "huber"
    assert again([[0.0]], [[1.0]]) == loss([[0.0]], [[1.0]])


def test_auto_is_an_older_name():
    assert losses.MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"
    with pytest.raises(ArgumentError, match="sum_over_batch_size, sum, none"):
        losses.MeanSquaredError(reduction="average")


def test_weights_per_sample_meet_samples_not_steps():
    y_true, y_pred = np.zeros((2, 2, 3)), np.arange(12.0).reshape(2, 2, 3)
    loss = losses.MeanSquaredError(reduction=None)
    plain = loss(y_true, y_pred)
    np.testing.assert_allclose(loss(y_true, y_pred, [1.0, 0.0]), plain * np.array([[1], [0]]))
    with pytest.raises(ShapeError, match=r"sample_weight of shape \(2,\).*got \(3,\)"):
        loss(y_true, y_pred, [1.0, 2.0, 3.0])


@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, 4)])
def test_equal_weights_do_not_change_a_weighted_mean(shape):
    y_true, y_pred = np.zeros((2, 4, 3)), np.arange(24.0).reshape(2, 4, 3)
    weighted = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    got = weighted(y_true, y_pred, np.full(shape, 3.0))
    np.testing.assert_allclose(got, losses.MeanSquaredError()(y_true, y_pred), rtol=1e-6)


def test_outputs_without_a_last_axis_are_one_value_per_sample():
    loss = losses.MeanSquaredError(reduction=None)
    assert loss([1.0, 2.0], [1.0, 4.0]).tolist() == [0.0, 4.0]
    assert losses.MeanSquaredError(reduction="sum")([1.0, 2.0], [2.0, 4.0]) == 5.0


def test_scalar_functions():
    loss = losses.as_loss(lambda y_true, y_pred: jnp.mean((y_true - y_pred) ** 2))
    y_true, y_pred = np.zeros((3, 1)), np.ones((3, 1))
    assert loss(y_true, y_pred) == 1.0
    assert loss(y_true, y_pred, row_mask=np.array([1, 1, 0])) == 1.0
    with pytest.raises(ShapeError, match="one value per sample to weight"):
        loss(y_true, y_pred, sample_weight=np.ones(3))


def test_empty_batches_are_zero():
    assert losses.MeanSquaredError()(np.zeros((0, 1)), np.zeros((0, 1))) == 0


def test_infinite_logits_of_impossible_classes():
    y_pred = jnp.array([[1.0, 0.0, -jnp.inf]])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    value, gradient = jax.value_and_grad(lambda p: loss([0], p))(y_pred)
    np.testing.assert_allclose(value, np.log1p(np.exp(-1.0)), rtol=1e-6)
    assert np.isfinite(gradient).all()


def test_large_labels_survive_half_precision():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    y_pred = np.zeros((1, 600), "float32")
    y_pred[0, 511] = 100.0
    assert loss(np.array([511]), y_pred) == 0


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred", "text"),
    [
        ("mse", (4, 2), (4, 3), r"output's shape \(4, 3\), got \(4, 2\)"),
        ("mse", (4,), (4, 3), r"output's shape \(4, 3\), got \(4,\)"),
        ("mse", (), (), r"output's shape \(\)"),
        ("bce", (4, 1), (4, 3), r"output's shape \(4, 3\)"),
        ("categorical_crossentropy", (4, 9), (4, 10), "For class labels use 'sparse"),
        ("categorical_crossentropy", (4,), (4, 10), "For class labels use 'sparse"),
        ("sparse_categorical_crossentropy", (4, 10), (4, 10), "For one-hot rows use"),
        ("sparse_categorical_crossentropy", (), (), r"\(batch, classes\), got \(\)"),
    ],
)
def test_shapes_that_do_not_fit(loss, y_true, y_pred, text):
    with pytest.raises(ShapeError, match=text):
        jax.jit(losses.as_loss(loss))(jnp.zeros(y_true), jnp.zeros(y_pred))


def test_arguments_out_of_range():
    with pytest.raises(ArgumentError, match="label_smoothing from 0 to 1, got 2"):
        losses.BinaryCrossentropy(label_smoothing=2)
    with pytest.raises(ArgumentError, match="label_smoothing"):
        losses.CategoricalCrossentropy(label_smoothing=-0.1)
    with pytest.raises(ArgumentError, match="delta above 0"):
        losses.Huber(0.0)
    with pytest.raises(ArgumentError, match="function of"):
        losses.LossFunction(3)
    with pytest.raises(DTypeError, match="expected numbers"):
        losses.MeanSquaredError()(np.array([["a"]]), np.zeros((1, 1)))
    with pytest.raises(NotImplementedError, match="`call` method"):
        losses.Loss()([[1.0]], [[1.0]])
