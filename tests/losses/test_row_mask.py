"""Rows that fill up a batch do not count: the result is that of the smaller batch, NaN or not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses

RNG = np.random.default_rng(1)
VALID, BATCH = 5, 8


def softmaxed(*shape):
    return np.asarray(jax.nn.softmax(RNG.normal(size=shape).astype("float32")))


ONE_HOT = np.eye(4, dtype="float32")[RNG.integers(0, 4, VALID)]
BITS = (RNG.random((VALID, 4)) > 0.5).astype("float32")
LABELS = RNG.integers(0, 4, VALID)
STEPS = RNG.integers(0, 4, (VALID, 3))
UNIT = softmaxed(VALID, 4)

# (loss, targets, output) of the batch without padding
ROWS = [
    (losses.MeanSquaredError, {}, BITS, UNIT),
    (losses.MeanSquaredError, {}, BITS[:, 0], UNIT[:, :1]),
    (losses.MeanSquaredError, {}, BITS[:, 0], UNIT[:, 0]),
    (losses.MeanAbsoluteError, {}, STEPS.astype("float32"), softmaxed(VALID, 3)),
    (losses.MeanAbsolutePercentageError, {}, BITS, UNIT),
    (losses.MeanSquaredLogarithmicError, {}, BITS, UNIT),
    (losses.Huber, {}, BITS, UNIT),
    (losses.LogCosh, {}, BITS, UNIT),
    (losses.Poisson, {}, BITS, UNIT),
    (losses.KLDivergence, {}, ONE_HOT, UNIT),
    (losses.CosineSimilarity, {}, BITS + 1, UNIT),
    (losses.Hinge, {}, BITS, UNIT),
    (losses.Hinge, {}, 2 * BITS - 1, UNIT),
    (losses.SquaredHinge, {}, BITS, UNIT),
    (losses.CategoricalHinge, {}, ONE_HOT, UNIT),
    (losses.BinaryCrossentropy, {}, BITS, UNIT),
    (losses.BinaryCrossentropy, {"from_logits": True}, BITS, UNIT),
    (losses.CategoricalCrossentropy, {}, ONE_HOT, UNIT),
    (losses.CategoricalCrossentropy, {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT, UNIT),
    (losses.SparseCategoricalCrossentropy, {}, LABELS, UNIT),
    (losses.SparseCategoricalCrossentropy, {}, LABELS[:, None], UNIT),
    (losses.SparseCategoricalCrossentropy, {"from_logits": True}, STEPS, softmaxed(VALID, 3, 4)),
    (losses.SparseCategoricalCrossentropy, {"ignore_class": 1}, STEPS, softmaxed(VALID, 3, 4)),
]
IDS = [f"{cls.__name__}-{arguments}-{np.shape(y)}" for cls, arguments, y, _ in ROWS]


def padded(array, filler):
    array = np.asarray(array)
    rest = np.full((BATCH - VALID, *array.shape[1:]), filler, array.dtype)
    return np.concatenate([array, rest])


MASK = padded(np.ones(VALID, "float32"), 0)


@pytest.mark.parametrize(("cls", "arguments", "y_true", "y_pred"), ROWS, ids=IDS)
def test_value_and_gradient_of_the_smaller_batch(cls, arguments, y_true, y_pred):
    check_against_smaller_batch(cls, arguments, y_true, y_pred, False, "sum_over_batch_size")


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("row", [ROWS[0], ROWS[-1]], ids=[IDS[0], IDS[-1]])
def test_reductions_of_the_smaller_batch(row, weighted, reduction):
    check_against_smaller_batch(*row, weighted, reduction)


def check_against_smaller_batch(cls, arguments, y_true, y_pred, weighted, reduction):
    loss = cls(reduction=reduction, **arguments)
    weights = RNG.random(VALID).astype("float32") if weighted else None
    value_and_gradient = jax.jit(jax.value_and_grad(lambda p: loss(y_true, p, weights)))
    expected, gradient = value_and_gradient(jnp.array(y_pred))
    filler = 77 if y_true.dtype.kind == "i" else np.nan
    y_long, p_long = padded(y_true, filler), jnp.array(padded(y_pred, np.nan))
    w_long = padded(weights, np.nan) if weighted else None
    got, long_gradient = jax.jit(
        jax.value_and_grad(lambda p: loss(y_long, p, w_long, row_mask=MASK))
    )(p_long)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    np.testing.assert_allclose(long_gradient[:VALID], gradient, rtol=1e-5, atol=1e-7)
    assert not np.any(long_gradient[VALID:])


def test_padded_rows_are_zero_without_reduction():
    loss = losses.MeanSquaredError(reduction=None)
    got = loss(padded(BITS, np.nan), padded(UNIT, np.inf), row_mask=MASK)
    np.testing.assert_allclose(got, padded(loss(BITS, UNIT), 0), rtol=1e-6)


def test_a_custom_loss_with_a_norm_keeps_finite_gradients():
    def distance(y_true, y_pred):
        return jnp.linalg.norm(y_true - y_pred, axis=-1)

    loss = losses.as_loss(distance)
    gradient = jax.grad(lambda p: loss(padded(BITS, 0), p, row_mask=MASK))(
        jnp.array(padded(UNIT, 0))
    )
    assert np.isfinite(gradient).all()


def test_a_mask_over_steps():
    loss = losses.SparseCategoricalCrossentropy()
    y_pred, mask = softmaxed(VALID, 3, 4), RNG.random((VALID, 3)) > 0.4
    got = loss(STEPS, np.where(mask[..., None], y_pred, np.nan), row_mask=mask)
    np.testing.assert_allclose(got, loss(STEPS[mask], y_pred[mask]), rtol=1e-6)


def test_a_batch_of_padding_only_is_zero():
    got = losses.MeanSquaredError()(BITS * np.nan, UNIT, row_mask=np.zeros(VALID))
    assert got == 0


def test_pytrees_are_masked_too():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return jnp.abs(y_true["a"] - y_pred["a"]) * jnp.mean(y_pred["b"], axis=-1)

    tree = {"a": padded(UNIT[:, 0], np.nan), "b": padded(UNIT, np.nan)}
    short = {"a": UNIT[:, 0], "b": UNIT}
    got = Both()({"a": padded(BITS[:, 0], np.nan)}, tree, row_mask=MASK)
    np.testing.assert_allclose(got, Both()({"a": BITS[:, 0]}, short), rtol=1e-6)
