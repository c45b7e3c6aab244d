"""Focal, overlap, circle and CTC losses, masks and configs: the numbers of the installed Keras."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses

RNG = np.random.default_rng(5)
REDUCTIONS = ["sum_over_batch_size", "sum", "none", None, "mean", "mean_with_sample_weight"]

BITS = (RNG.random((6, 4)) > 0.5).astype("float32")
UNIT = RNG.uniform(0.05, 0.95, (6, 4)).astype("float32")
LOGITS = 3 * RNG.normal(size=(6, 4)).astype("float32")
ONE_HOT = np.eye(4, dtype="float32")[RNG.integers(0, 4, 6)]
MASKS = (RNG.random((6, 2, 3, 4)) > 0.5).astype("float32")
SOFT_MASKS = RNG.uniform(0.05, 0.95, (6, 2, 3, 4)).astype("float32")
PAIRS = np.array([0, 0, 1, 1, 2, 2])  # everybody has a partner: Keras' gradients are finite
UNIT_VECTORS = (LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)).astype("float32")
WORDS = np.array([[1, 2, 0], [3, 3, 1], [2, 0, 0], [1, 1, 0], [0, 0, 0], [3, 0, 0]])
SPEECH = RNG.normal(size=(6, 7, 4)).astype("float32")

# class -> [(arguments, targets, output)]
ROWS = {
    "BinaryFocalCrossentropy": [
        ({}, BITS, UNIT),
        ({"gamma": 1.5, "label_smoothing": 0.2}, BITS, UNIT),
        ({"apply_class_balancing": True, "alpha": 0.7}, BITS, UNIT),
        ({"from_logits": True, "axis": 0}, BITS, LOGITS),
        ({}, BITS[:, 0], UNIT[:, :1]),
    ],
    "CategoricalFocalCrossentropy": [
        ({}, ONE_HOT, UNIT),
        ({"gamma": 3.0, "alpha": 0.6, "label_smoothing": 0.1}, ONE_HOT, UNIT),
        ({"alpha": [0.1, 0.2, 0.3, 0.4]}, ONE_HOT, UNIT),
        ({"from_logits": True}, ONE_HOT, LOGITS),
        ({"axis": 1}, MASKS[:, 0], SOFT_MASKS[:, 0]),
    ],
    "Dice": [
        ({}, MASKS, SOFT_MASKS),
        ({"axis": (1, 2)}, MASKS, SOFT_MASKS),
        ({"axis": -1}, BITS, UNIT),
        ({"axis": (0, 1, 2)}, MASKS, SOFT_MASKS),
    ],
    "Tversky": [
        ({}, MASKS, SOFT_MASKS),
        ({"alpha": 0.2, "beta": 0.9}, MASKS, SOFT_MASKS),
        ({"axis": (1, 2, 3), "beta": 0.1}, MASKS, SOFT_MASKS),
    ],
    "Circle": [
        ({}, PAIRS, UNIT_VECTORS),
        ({"gamma": 2.0, "margin": 0.25}, PAIRS[:, None], UNIT_VECTORS),
        ({"gamma": 2.0, "remove_diagonal": False}, PAIRS, UNIT_VECTORS),
    ],
    "CTC": [({}, WORDS, SPEECH)],
}
FUNCTIONS = {
    "BinaryFocalCrossentropy": "binary_focal_crossentropy",
    "CategoricalFocalCrossentropy": "categorical_focal_crossentropy",
    "Dice": "dice",
    "Tversky": "tversky",
    "Circle": "circle",
    "CTC": "ctc",
}


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def strictly(function, *args):
    with jax.numpy_rank_promotion("raise"):
        return function(*args)


def pair(keras, name, **arguments):
    return (getattr(module, name)(**arguments) for module in (losses, keras.losses))


@pytest.mark.parametrize("name", ROWS)
def test_values_and_gradients(keras, name):
    rows = ROWS[name]

    def numbers(module, outputs):
        return [
            jax.value_and_grad(functools.partial(getattr(module, name)(**arguments), y))(p)
            for (arguments, y, _), p in zip(rows, outputs, strict=True)
        ]

    outputs = [jnp.asarray(p) for *_, p in rows]
    ours = strictly(jax.jit(lambda o: numbers(losses, o)), outputs)
    theirs = jax.jit(lambda o: numbers(keras.losses, o))(outputs)
    for mine, its in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        close(mine, its)


@pytest.mark.parametrize("name", ROWS)
def test_function_of_the_same_name(keras, name):
    arguments, y_true, y_pred = ROWS[name][-1]
    if name == "Circle":  # the function has two arguments more
        arguments = {"ref_labels": PAIRS[::-1].copy(), "ref_embeddings": -UNIT_VECTORS, "gamma": 3}
    if name.endswith("FocalCrossentropy"):
        arguments, y_true, y_pred = {"gamma": 1.0}, ONE_HOT, UNIT
    mine, its = (getattr(m, FUNCTIONS[name]) for m in (losses, keras.losses))
    assert losses.get(FUNCTIONS[name]) is mine
    ours = strictly(jax.jit(lambda p: mine(y_true, p, **arguments)), y_pred)
    close(ours, jax.jit(lambda p: its(y_true, p, **arguments))(y_pred))
    assert list(inspect.signature(mine).parameters) == list(inspect.signature(its).parameters)


@pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "Dice", "Circle", "CTC"])
def test_reductions_and_weights(keras, name):
    arguments, y_true, y_pred = ({"axis": -1}, BITS, UNIT) if name == "Dice" else ROWS[name][0]
    weights = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0], "float32")

    def numbers(module, y_pred):
        some = REDUCTIONS[:1] if name == "CTC" else REDUCTIONS  # each is a loop to compile
        made = [getattr(module, name)(reduction=r, **arguments) for r in some]
        return [(f(y_true, y_pred), f(y_true, y_pred, weights)) for f in made]

    ours = strictly(jax.jit(lambda p: numbers(losses, p)), y_pred)
    theirs = jax.tree.leaves(jax.jit(lambda p: numbers(keras.losses, p))(y_pred))
    for mine, its in zip(jax.tree.leaves(ours), theirs, strict=True):
        close(mine, its)


@pytest.mark.parametrize("name", ROWS)
def test_signature_and_config(keras, name):
    mine, its = getattr(losses, name), getattr(keras.losses, name)
    assert [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(its).parameters.values()
    ]
    config = its().get_config()
    assert {k: v for k, v in mine().get_config().items() if k in config} == config
    for arguments, *_ in ROWS[name]:
        again = losses.deserialize(losses.serialize(mine(**arguments)))
        assert type(again) is mine
        assert again.kwargs == mine(**arguments).kwargs


def test_every_name_that_keras_resolves(keras):
    from keras.src.losses import ALL_OBJECTS_DICT

    for name, entry in ALL_OBJECTS_DICT.items():
        if name in ("Loss", "LossFunctionWrapper") or "generalized" in name.lower():
            continue
        found = losses.get(name)
        found_name = found.__name__ if inspect.isfunction(found) else type(found).__name__
        assert found_name == entry.__name__, name


@pytest.mark.parametrize("weight_shape", [None, (6,), (6, 1), (6, 4), (6, 4, 1)])
def test_masks_of_outputs(keras, weight_shape):
    from keras.src.losses.loss import apply_mask

    mask = RNG.random((6, 4)) > 0.4
    weights = None if weight_shape is None else RNG.random(weight_shape).astype("float32")
    # Keras does not meet (batch,) with (batch, steps); each step then has its row's weight.
    theirs = weights[:, None] if weight_shape == (6,) else weights
    for reduction in REDUCTIONS:
        got = strictly(losses.apply_mask, weights, mask, "float32", reduction)
        want = apply_mask(theirs, jnp.asarray(mask), "float32", reduction)
        close(got, np.reshape(want, got.shape))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_a_masked_loss_is_that_of_keras(keras, reduction):
    mask = jnp.asarray(RNG.random((6, 2)) > 0.4)
    y_true, y_pred = MASKS[:, :, 0], jnp.asarray(SOFT_MASKS[:, :, 0])
    mine, its = pair(keras, "MeanSquaredError", reduction=reduction)
    keras.src.backend.set_keras_mask(y_pred, mask)
    weights = losses.apply_mask(None, mask, "float32", reduction)
    close(strictly(mine, y_true, y_pred, weights), its(y_true, y_pred))


def test_masks_leave_rows_that_fill_up_a_batch_out():
    mask, rows = RNG.random((6, 2)) > 0.4, np.array([1, 1, 1, 1, 0, 0])
    y_true, y_pred = MASKS[:, :, 0], SOFT_MASKS[:, :, 0]
    sample_weight = RNG.random(6).astype("float32")
    for reduction in REDUCTIONS[:2]:
        loss = losses.MeanSquaredError(reduction=reduction)
        long = losses.apply_mask(sample_weight, mask, "float32", reduction, row_mask=rows)
        short = losses.apply_mask(sample_weight[:4], mask[:4], "float32", reduction)
        close(loss(y_true, y_pred, long, row_mask=rows), loss(y_true[:4], y_pred[:4], short))
    nothing = losses.apply_mask(None, np.zeros((2, 2), bool), "float32", "mean")
    assert not nothing.any()
    assert losses.apply_mask(None, None, "float32", "mean") is None
