"""The same numbers as the installed Keras: values, gradients, reductions, defaults."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import losses

RNG = np.random.default_rng(0)


def probabilities(*shape):
    draw = RNG.uniform(0.05, 1.0, shape).astype("float32")
    return draw / draw.sum(-1, keepdims=True)


def one_hot(*shape):
    return np.eye(shape[-1], dtype="float32")[RNG.integers(0, shape[-1], shape[:-1])]


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def labels(classes, *shape):
    return RNG.integers(0, classes, shape)


BITS = (RNG.random((6, 3)) > 0.5).astype("float32")
UNIT = RNG.random((6, 3)).astype("float32")

# (class, arguments, targets, output)
ROWS = [
    ("MeanSquaredError", {}, normal(6, 3), normal(6, 3)),
    ("MeanSquaredError", {}, normal(6), normal(6, 1)),
    ("MeanSquaredError", {}, normal(6, 1), normal(6, 1)),
    ("MeanSquaredError", {}, normal(6, 4, 1), normal(6, 4)),
    ("MeanSquaredError", {}, normal(6, 2, 3, 2), normal(6, 2, 3, 2)),
    ("MeanSquaredError", {}, normal(6, 1), normal(6, 4)),
    ("MeanSquaredError", {}, labels(9, 6, 1), normal(6, 1)),
    ("MeanAbsoluteError", {}, normal(6, 3), normal(6, 3)),
    ("MeanAbsolutePercentageError", {}, normal(6, 3), normal(6, 3)),
    ("MeanAbsolutePercentageError", {}, np.zeros((6, 3)), normal(6, 3)),
    ("MeanSquaredLogarithmicError", {}, normal(6, 3), normal(6, 3)),
    ("Huber", {}, normal(6, 3), 3 * normal(6, 3)),
    ("Huber", {"delta": 0.3}, normal(6, 3), normal(6, 3)),
    ("LogCosh", {}, normal(6, 3), 30 * normal(6, 3)),
    ("Poisson", {}, labels(5, 6, 3), UNIT),
    ("KLDivergence", {}, probabilities(6, 3), probabilities(6, 3)),
    ("KLDivergence", {}, one_hot(6, 3), probabilities(6, 3)),
    ("CosineSimilarity", {}, normal(6, 3), normal(6, 3)),
    ("CosineSimilarity", {"axis": 1}, normal(6, 4, 3), normal(6, 4, 3)),
    ("Hinge", {}, BITS, normal(6, 3)),
    ("Hinge", {}, 2 * BITS - 1, normal(6, 3)),
    ("SquaredHinge", {}, BITS, normal(6, 3)),
    ("CategoricalHinge", {}, one_hot(6, 3), normal(6, 3)),
    ("BinaryCrossentropy", {}, BITS, UNIT),
    ("BinaryCrossentropy", {}, BITS[:, 0], UNIT[:, :1]),
    ("BinaryCrossentropy", {}, BITS, np.eye(3, dtype="float32")[[0, 1, 2, 0, 1, 2]]),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BITS, UNIT),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, 3 * normal(6, 3)),
    ("BinaryCrossentropy", {"from_logits": True}, BITS, 100 * normal(6, 3)),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, normal(6, 3)),
    ("BinaryCrossentropy", {"axis": 1}, UNIT[:, :, None], UNIT[:, :, None] ** 2),
    ("BinaryCrossentropy", {}, BITS.astype(bool), UNIT),
    ("CategoricalCrossentropy", {}, one_hot(6, 3), probabilities(6, 3)),
    ("CategoricalCrossentropy", {}, probabilities(6, 3), probabilities(6, 3)),
    ("CategoricalCrossentropy", {}, one_hot(6, 3), 0.2 + 7 * UNIT),
    ("CategoricalCrossentropy", {}, one_hot(6, 4), one_hot(6, 4)),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot(6, 3), probabilities(6, 3)),
    ("CategoricalCrossentropy", {"from_logits": True}, one_hot(6, 3), 5 * normal(6, 3)),
    ("CategoricalCrossentropy", {"from_logits": True}, one_hot(6, 3), 200 * normal(6, 3)),
    (
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.3},
        one_hot(6, 4, 5),
        normal(6, 4, 5),
    ),
    ("CategoricalCrossentropy", {"axis": 1}, one_hot(6, 3, 3), probabilities(6, 3, 3)),
    ("SparseCategoricalCrossentropy", {}, labels(3, 6), probabilities(6, 3)),
    ("SparseCategoricalCrossentropy", {}, labels(3, 6, 1), probabilities(6, 3)),
    ("SparseCategoricalCrossentropy", {}, labels(3, 6).astype("float32"), probabilities(6, 3)),
    ("SparseCategoricalCrossentropy", {}, labels(3, 6).astype("uint8"), probabilities(6, 3)),
    ("SparseCategoricalCrossentropy", {}, labels(4, 6), one_hot(6, 4)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, labels(3, 6), 50 * normal(6, 3)),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, labels(3, 6, 4), normal(6, 4, 3)),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, labels(3, 6, 4), probabilities(6, 4, 3)),
    (
        "SparseCategoricalCrossentropy",
        {"ignore_class": -1, "from_logits": True},
        np.array([0, -1, 2, -1, 1, 0]),
        normal(6, 3),
    ),
    ("SparseCategoricalCrossentropy", {}, np.array([0, 1, 2, 3, -1, 9]), probabilities(6, 3)),
]
IDS = [f"{name}-{arguments}-{y.shape}-{p.shape}" for name, arguments, y, p in ROWS]
REDUCTIONS = ["sum_over_batch_size", "sum", "none", None, "mean", "mean_with_sample_weight"]


def strictly(function, *args, **kwargs):
    with jax.numpy_rank_promotion("raise"):
        return function(*args, **kwargs)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize(("name", "arguments", "y_true", "y_pred"), ROWS, ids=IDS)
def test_values_and_gradients(keras, name, arguments, y_true, y_pred):
    mine, its = (getattr(m, name)(**arguments) for m in (losses, keras.losses))
    y_pred = jnp.asarray(y_pred)

    @jax.jit
    def both(p):
        ours = strictly(jax.value_and_grad(lambda p: mine(y_true, p)), p)
        return ours, jax.value_and_grad(lambda p: its(y_true, p))(p)

    (value, gradient), (expected, expected_gradient) = both(y_pred)
    close(value, expected)
    close(gradient, expected_gradient)


REDUCED = [0, 3, 4, 27, 47, 48, 49]  # one of each rank, and of each kind of ignored labels


@pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred"),
    [ROWS[i] for i in REDUCED],
    ids=[IDS[i] for i in REDUCED],
)
def test_reductions_and_weights(keras, name, arguments, y_true, y_pred):
    shape = getattr(keras.losses, name)(reduction=None, **arguments)(y_true, y_pred).shape
    weights = RNG.random(shape).astype("float32")
    for reduction in REDUCTIONS:
        mine, its = (
            getattr(m, name)(reduction=reduction, **arguments) for m in (losses, keras.losses)
        )
        close(strictly(mine, y_true, y_pred), its(y_true, y_pred))
        for sample_weight in (weights, weights[..., None]):
            ours = strictly(mine, y_true, y_pred, sample_weight)
            theirs = its(y_true, y_pred, sample_weight)
            # Keras leaves (batch, 1) where only the weights had that last axis.
            close(ours, np.reshape(theirs, np.shape(ours)))


@pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred"), {row[0]: row for row in ROWS}.values()
)
def test_function_of_the_same_name(keras, name, arguments, y_true, y_pred):
    name = {"LogCosh": "log_cosh", "KLDivergence": "kl_divergence"}.get(name) or (
        losses.get(name).fn.__name__
    )
    mine, its = getattr(losses, name), getattr(keras.losses, name)
    assert losses.get(name) is mine
    close(strictly(mine, y_true, y_pred, **arguments), its(y_true, y_pred, **arguments))


@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_signature_and_config(keras, name):
    mine, its = getattr(losses, name), getattr(keras.losses, name)
    assert [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(its).parameters.values()
    ]
    config = its().get_config()
    assert {k: v for k, v in mine().get_config().items() if k in config} == config
    assert mine.from_config(config).get_config() == mine().get_config()


ALIASES = "mse MSE mae MAE mape MAPE msle MSLE bce BCE kld KLD huber log_cosh poisson hinge"


@pytest.mark.parametrize("alias", ALIASES.split())
def test_aliases(keras, alias):
    assert losses.get(alias).__name__ == keras.losses.get(alias).__name__


def test_custom_losses_reduce_alike(keras):
    class Mine(losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_true - y_pred) ** 1.5

    class Its(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return abs(y_true - y_pred) ** 1.5

    y_true, y_pred, weights = labels(5, 6, 2), normal(6, 2), RNG.random((6, 1))
    for reduction in REDUCTIONS[:5]:
        ours = strictly(Mine(reduction=reduction), y_true, y_pred, weights)
        close(ours, Its(reduction=reduction)(y_true, y_pred, weights))
