"""Losses that look across the batch, and short batches: what Keras has no numbers for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses
from nnlib.core.errors import DataError, ShapeError
from nnlib.core.specs import ShapeSpec

RNG = np.random.default_rng(3)
LABELS = np.array([0, 1, 0, 1, 2, 0, 0, 0])
VECTORS = RNG.normal(size=(8, 4)).astype("float32")
VECTORS /= np.linalg.norm(VECTORS, axis=1, keepdims=True)
BITS = (RNG.random((8, 4)) > 0.5).astype("float32")
UNIT = RNG.uniform(0.1, 0.9, (8, 4)).astype("float32")
ROWS = np.array([1, 1, 1, 1, 1, 0, 0, 0])
WORDS = np.array([[1, 2], [3, 0], [1, 1], [2, 0], [3, 2], [9, 9], [9, 9], [9, 9]])
SPEECH = RNG.normal(size=(8, 5, 4)).astype("float32")


@pytest.mark.parametrize(
    ("loss", "y_true", "y_pred"),
    [
        (losses.Dice(), BITS, UNIT),
        (losses.Dice(axis=0), BITS, UNIT),
        (losses.Dice(axis=-1), BITS, UNIT),
        (losses.Tversky(beta=0.9), BITS, UNIT),
        (losses.Circle(gamma=2.0), LABELS, VECTORS),
        (losses.CTC(), WORDS, SPEECH),
        (losses.BinaryFocalCrossentropy(), BITS, UNIT),
        (losses.CategoricalFocalCrossentropy(), BITS, UNIT),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_rows_that_fill_up_a_batch_do_not_count(loss, y_true, y_pred):
    long = np.where(ROWS.reshape(-1, *[1] * (y_pred.ndim - 1)) > 0, y_pred, np.nan)

    @jax.jit
    def both(long, short):
        return (
            jax.value_and_grad(lambda p: loss(y_true, p, row_mask=ROWS))(long),
            jax.value_and_grad(lambda p: loss(y_true[:5], p))(short),
        )

    (value, gradient), (want, short) = both(jnp.array(long), jnp.array(y_pred[:5]))
    np.testing.assert_allclose(value, want, rtol=1e-5)
    np.testing.assert_allclose(gradient[:5], short, rtol=1e-4, atol=1e-6)
    assert not np.any(gradient[5:])


def test_an_embedding_without_a_partner_does_not_count():
    loss = losses.Circle(gamma=1.0)
    labels = np.array([0, 0, 1])

    @jax.jit
    def numbers(p):
        alone = losses.Circle()([0, 0, 0], p)  # nobody to be kept apart from
        each = losses.circle(labels, p, gamma=1.0)
        return *jax.value_and_grad(lambda p: loss(labels, p))(p), each, alone

    value, gradient, each, alone = numbers(VECTORS[:3])
    assert each[2] == 0
    np.testing.assert_allclose(value, each[:2].mean(), rtol=1e-6)
    assert np.isfinite(gradient).all()
    assert alone == 0


def test_ctc_is_the_sum_over_all_alignments():
    logits = np.log(np.array([[[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.4, 0.4, 0.2]]], "float32"))
    p = np.exp(logits[0])
    paths = [(a, b, c) for a in range(3) for b in range(3) for c in range(3)]

    def said(path):
        merged = [k for i, k in enumerate(path) if i == 0 or path[i - 1] != k]
        return [k for k in merged if k]

    total = sum(p[0, a] * p[1, b] * p[2, c] for a, b, c in paths if said((a, b, c)) == [1, 2])
    got = jax.jit(losses.ctc)(np.array([[1, 2]]), logits)
    np.testing.assert_allclose(got, -np.log([total]), rtol=1e-5)


def test_one_number_for_a_batch_takes_no_weights():
    with pytest.raises(ShapeError, match="one value per sample to weight"):
        losses.Dice()(BITS, UNIT, np.ones(8))
    with pytest.raises(ShapeError, match="one number per class"):
        losses.CategoricalFocalCrossentropy()(LABELS, UNIT)


def test_targets_are_looked_at_before_training():
    ctc, speech = losses.CTC(), ShapeSpec((None, 5, 4), "float32")
    ctc.check_targets(WORDS[:5], speech, "fit")
    with pytest.raises(DataError, match=r"labels from 0 \(the blank\) to 3.*got 1 to 9"):
        ctc.check_targets(WORDS[5:] - np.array([[8, 0]]), speech, "fit")
    with pytest.raises(ShapeError, match="and an output of shape"):
        ctc.check_targets(WORDS[:, 0], speech, "fit")
    with pytest.raises(ShapeError, match="size"):
        losses.Circle().check_targets(LABELS, speech, "fit")
    with pytest.raises(ShapeError, match="'sparse_categorical_crossentropy'"):
        losses.CategoricalFocalCrossentropy().check_targets(
            LABELS, ShapeSpec((None, 4), "float32"), "fit"
        )
    with pytest.raises(ShapeError, match="output"):
        losses.BinaryFocalCrossentropy().check_targets(BITS, ShapeSpec((None, 3), "float32"), "fit")
