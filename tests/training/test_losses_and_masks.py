"""compute_loss, penalties, masks, several outputs, loss scaling: what a step makes small."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib.core.masks import mask_of

generator = np.random.default_rng(0)
IDS = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [4, 1, 2, 3], [2, 2, 1, 0]], "int32")
TARGETS = generator.normal(size=(4, 4, 2)).astype("float32")


class Words(nn.layers.Layer):
    """A table that says where there is nothing."""

    def build(self, x):
        self.table = self.add_weight((5, 3))

    def call(self, ids):
        return self.table[ids.astype(jnp.int32)]

    def compute_mask(self, ids, mask=None):
        return ids != 0


def tagger():
    nn.utils.set_random_seed(0)
    return nn.Sequential([nn.Input((4,), dtype="int32"), Words(), nn.layers.Activation("tanh"),
                          Last()])  # fmt: skip


class Last(nn.layers.Layer):
    supports_masking = True

    def build(self, x):
        self.kernel = self.add_weight((x.shape[-1], 2))

    def call(self, x):
        return x @ self.kernel


def test_masks_reach_loss_and_metrics_as_in_keras(keras):
    class TheirWords(keras.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(shape=(5, 3), name="table")

        def call(self, ids):
            return keras.ops.take(self.table, ids, axis=0)

        def compute_mask(self, ids, mask=None):
            return keras.ops.not_equal(ids, 0)

    ours = tagger()
    theirs = keras.Sequential(
        [keras.Input((4,), dtype="int32"), TheirWords(), keras.layers.Activation("tanh"),
         keras.layers.Dense(2, use_bias=False)]
    )  # fmt: skip
    theirs.set_weights(ours.get_weights())
    weight = generator.uniform(0.5, 2, size=(4, 4)).astype("float32")
    for model, library in ((ours, nn), (theirs, keras)):
        model.compile(library.optimizers.SGD(0.1), "mse", metrics=["mae"], weighted_metrics=["mse"])
    for given in (None, weight):
        want = theirs.evaluate(IDS, TARGETS, sample_weight=given, verbose=0, batch_size=4)
        with jax.numpy_rank_promotion("raise"):
            got = ours.evaluate(IDS, TARGETS, sample_weight=given, verbose=0, batch_size=4)
        np.testing.assert_allclose(got, want, rtol=1e-5)
    theirs.fit(IDS, TARGETS, batch_size=4, epochs=3, verbose=0)
    ours.fit(IDS, TARGETS, batch_size=4, epochs=3, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_masks_by_hand_and_with_a_short_batch():
    model = tagger()
    out = model(IDS)
    np.testing.assert_array_equal(mask_of(out), IDS != 0)
    model.compile("sgd", "mse")
    errors = np.square(np.asarray(out) - TARGETS).mean(-1)[IDS != 0]
    assert model.evaluate(IDS, TARGETS, verbose=0) == pytest.approx(errors.mean(), rel=1e-5)


def test_masks_go_through_nested_and_functional_models():
    inner_in = nn.Input((4, 3))
    inner = nn.Model(inner_in, Last()(inner_in))
    ids = nn.Input((4,), dtype="int32")
    words = Words()(ids)
    np.testing.assert_array_equal(mask_of(words).shape, (None, 4))  # known for symbols as well
    model = nn.Model(ids, inner(words))
    np.testing.assert_array_equal(mask_of(model(IDS)), IDS != 0)
    explicit = inner(jnp.ones((2, 4, 3)), mask=jnp.ones((2, 4), bool))
    assert mask_of(explicit).shape == (2, 4)


def test_a_layer_that_knows_no_masks_says_so():
    class Plain(nn.layers.Layer):
        def call(self, x):
            return x + 1

    with pytest.warns(UserWarning, match=r"plain \(Plain\).*the mask ends here"):
        out = Plain()(Words()(IDS))
    assert mask_of(out) is None


def test_masks_are_filled_in_by_name():
    class Both(nn.layers.Layer):
        def call(self, query, value, query_mask=None, value_mask=None):
            return jnp.sum(jnp.where(query_mask & value_mask, 1, 0))

    class Listed(nn.layers.Layer):
        def call(self, inputs, mask=None):
            return jnp.sum(jnp.where(mask[0] & mask[1], 1, 0))

    first, second = Words()(IDS), Words()(IDS[::-1])
    both = np.sum((IDS != 0) & (IDS[::-1] != 0))
    assert Both()(first, second) == both
    assert Both()(first, second, value_mask=jnp.zeros((4, 4), bool)) == 0
    assert Listed()([first, second]) == both


def test_compute_loss_of_a_user_with_penalties():
    class Mine(nn.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return jnp.sum(jnp.abs(y - y_pred)) + sum(self.losses)

    layer = nn.layers.Dense(1, input_shape=(3,), kernel_regularizer=nn.regularizers.L2(0.1))
    model = Mine([layer])
    model.compile(nn.optimizers.SGD(0.01))
    x, y = np.ones((5, 3), "float32"), np.zeros((5, 1), "float32")
    kernel = model.get_weights()[0]
    want = 5 * abs(kernel.sum()) + 0.1 * np.square(kernel).sum()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(want, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(want, rel=1e-5)
    step = kernel - 0.01 * (np.sign(kernel.sum()) * 5 + 0.2 * kernel)
    np.testing.assert_allclose(model.get_weights()[0], step, rtol=1e-5)


def test_losses_tell_what_a_layer_adds():
    class Adds(nn.layers.Layer):
        def call(self, x):
            self.add_loss(jnp.sum(x))
            return x

    dense = nn.layers.Dense(2, kernel_regularizer="l2", activity_regularizer="l1")
    model = nn.Sequential([dense, Adds()])
    out = model(np.ones((4, 3), "float32"))
    want = 0.01 * np.square(model.get_weights()[0]).sum(), 0.01 * jnp.abs(out).sum() / 4, out.sum()
    np.testing.assert_allclose(model.losses, want, rtol=1e-5)


def test_weights_of_samples_for_each_output_and_step(keras):
    x = generator.normal(size=(6, 4, 3)).astype("float32")
    y = {"a": generator.normal(size=(6, 4, 1)), "b": generator.normal(size=(6, 2))}
    weights = {"a": generator.uniform(size=(6, 4)), "b": generator.uniform(size=(6,))}
    cast = lambda tree: {k: v.astype("float32") for k, v in tree.items()}  # noqa: E731

    def build(library):
        inputs = library.Input((4, 3))
        a = library.layers.Dense(1, name="a")(inputs)
        flat = library.layers.Flatten()(inputs)
        model = library.Model(inputs, {"a": a, "b": library.layers.Dense(2, name="b")(flat)})
        model.compile(
            library.optimizers.SGD(0.05),
            {"a": "mse", "b": "mae"},
            loss_weights={"a": 0.3, "b": 2.0},
            metrics={"a": ["mae"]},
            weighted_metrics={"b": ["mse"]},
        )
        return model

    theirs, ours = build(keras), build(nn)
    theirs.set_weights(ours.get_weights())
    want = theirs.fit(x, cast(y), sample_weight=cast(weights), epochs=3, verbose=0, shuffle=False)
    with jax.numpy_rank_promotion("raise"):
        got = ours.fit(x, cast(y), sample_weight=cast(weights), epochs=3, verbose=0, shuffle=False)
    assert set(got.history) == set(want.history)
    for name, values in want.history.items():
        np.testing.assert_allclose(got.history[name], values, rtol=1e-5, err_msg=name)


def test_half_floats_bring_loss_scaling():
    nn.config.set_dtype_policy("mixed_float16")
    model = nn.Sequential([nn.layers.Dense(4, "relu", input_shape=(3,)), nn.layers.Dense(1)])
    model.compile(nn.optimizers.SGD(0.1), "mse")
    assert isinstance(model.optimizer, nn.optimizers.LossScaleOptimizer)
    x = generator.normal(size=(32, 3)).astype("float32")
    history = model.fit(x, x.sum(1, keepdims=True), epochs=20, verbose=0)
    assert history.history["loss"][-1] < 0.3 * history.history["loss"][0]
    assert model.get_weights()[0].dtype == np.float32
    assert model.get_train_state().opt["finite_steps"] >= 15  # a first scale may be too large
    model.compile(nn.optimizers.SGD(0.1), "mse", auto_scale_loss=False)
    assert type(model.optimizer) is nn.optimizers.SGD


def test_predict_step_of_a_user():
    class Classes(nn.Sequential):
        def predict_step(self, state, data):
            return jnp.argmax(super().predict_step(state, data), -1)

    model = Classes([nn.layers.Dense(3, input_shape=(2,))])
    x = generator.normal(size=(5, 2)).astype("float32")
    np.testing.assert_array_equal(model.predict(x, 2), np.argmax(model(x), -1))


def test_averages_are_the_weights_at_the_end():
    model = nn.Sequential([nn.layers.Dense(1, use_bias=False, input_shape=(2,))])
    model.compile(nn.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    seen = []
    see = nn.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(model.get_weights()[0])
    )
    model.fit(x, y, batch_size=2, verbose=0, callbacks=see)
    np.testing.assert_allclose(model.get_weights()[0], 0.5 * seen[0] + 0.5 * seen[1], rtol=1e-5)


def test_metrics_of_several_values_in_a_fit():
    class Both(nn.metrics.Mean):
        def compute(self, state):
            return {"low": super().compute(state), "high": super().compute(state) + 1}

        def update(self, state, y_true, y_pred, sample_weight=None):
            return super().update(state, jnp.abs(y_true - y_pred), sample_weight)

    model = nn.Sequential([nn.layers.Dense(3, "softmax", input_shape=(4,))])
    wrapped = nn.metrics.MeanMetricWrapper(nn.losses.dice, name="dice")
    model.compile(
        "sgd", "categorical_crossentropy", metrics=[nn.metrics.F1Score(), Both(), wrapped]
    )
    x = generator.normal(size=(10, 4)).astype("float32")
    y = np.eye(3, dtype="float32")[generator.integers(0, 3, 10)]
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=2)  # the last batch is short
    assert history.history["f1_score"][0].shape == (3,)
    assert history.history["high"][1] == pytest.approx(history.history["low"][1] + 1, rel=1e-6)
    results = model.evaluate(x, y, verbose=0, return_dict=True)
    assert {"loss", "f1_score", "low", "high", "dice"} == set(results)
