"""The same training as the installed Keras: histories, weights, evaluations, orders, names."""

import jax
import numpy as np
import pytest

import nnlib

pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")  # by Keras


@pytest.fixture(autouse=True, scope="module")
def _compile_in_a_hurry():
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


RNG = np.random.default_rng(5)
ROWS = 22  # batches of 8, 8 and 6: the last one is short


def normal(*shape):
    return RNG.normal(size=(ROWS, *shape)).astype("float32")


VECTORS, IMAGES, SEQUENCES = normal(5), normal(6, 6, 2), normal(4, 3)
TOKENS = RNG.integers(0, 9, (ROWS, 4))
LABELS = RNG.integers(0, 3, ROWS)
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
BITS = (LABELS > 1).astype("float32")[:, None]
WEIGHTS = RNG.uniform(0.2, 2.0, ROWS).astype("float32")


def stack(shape, *layers, **options):
    """A maker of a Sequential of (class name, arguments) that works with either library."""

    def make(k):
        made = [getattr(k.layers, name)(**arguments) for name, arguments in layers]
        return k.Sequential([k.Input(shape, **options), *made])

    return make


def dense(units, activation=None, **more):
    return "Dense", {"units": units, "activation": activation, **more}


MLP = stack((5,), dense(6, "relu"), dense(3, "softmax"))
LOGITS = stack((5,), dense(6, "tanh"), dense(3))
BINARY = stack((5,), dense(6, "relu"), dense(1, "sigmoid"))
BINARY_LOGITS = stack((5,), dense(1))
HEAD = dense(3, "softmax")
CNN = stack(
    (6, 6, 2),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}),
    ("BatchNormalization", {"momentum": 0.8}),
    ("ReLU", {}),
    ("MaxPooling2D", {}),
    ("Flatten", {}),
    HEAD,
)
DEPTHWISE = stack(
    (6, 6, 2),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}),
    ("BatchNormalization", {}),
    ("AveragePooling2D", {"pool_size": 2}),
    ("GlobalAveragePooling2D", {}),
    HEAD,
)
LSTM = stack((4, 3), ("LSTM", {"units": 4}), HEAD)
EMBEDDING = stack(
    (4,),
    ("Embedding", {"input_dim": 9, "output_dim": 6}),
    ("Reshape", {"target_shape": (2, 2, 6)}),
    ("GlobalAveragePooling2D", {}),
    HEAD,
    dtype="int32",
)
NORMALIZED = stack((5,), dense(6), ("LayerNormalization", {}), HEAD)


def penalized(k):
    layers, rule = k.layers, k.regularizers
    return k.Sequential(
        [
            k.Input((5,)),
            layers.Dense(6, kernel_regularizer=rule.L2(0.1), bias_regularizer=rule.L1(0.1)),
            layers.BatchNormalization(gamma_regularizer="l2"),
            layers.Dense(4, activity_regularizer=rule.L2(0.05)),
            layers.Dense(3, "softmax", kernel_constraint=k.constraints.MaxNorm(0.5)),
        ]
    )


def shared(k):
    left, right = k.Input((5,)), k.Input((5,))
    layer = k.layers.Dense(4, "tanh")
    both = k.layers.Concatenate()([layer(left), layer(right)])
    return k.Model([left, right], k.layers.Dense(3, "softmax")(both))


def two_heads(k):
    a, b = k.Input((5,), name="a"), k.Input((6, 6, 2), name="b")
    h = k.layers.add([k.layers.Dense(4)(a), k.layers.GlobalAveragePooling2D()(wide(k, b))])
    kind = k.layers.Dense(3, "softmax", name="kind")(h)
    size = k.layers.Dense(1, name="size")(h)
    return k.Model([a, b], [kind, size])


def wide(k, image):
    return k.layers.Conv2D(4, 3, activation="relu")(image)


def frozen(k):
    """A frozen half; its BatchNormalization stays in inference mode."""
    layers = [k.layers.Dense(6), k.layers.BatchNormalization(), k.layers.ReLU()]
    base = k.Sequential([k.Input((5,)), *layers])
    base.trainable = False
    return k.Sequential([k.Input((5,)), base, k.layers.Dense(3, "softmax")])


def subclassed(k):
    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.first = k.layers.Dense(6, activation="relu")
            self.norm = k.layers.BatchNormalization()
            self.top = k.layers.Dense(3, activation="softmax")

        def call(self, x, training=False):
            return self.top(self.norm(self.first(x), training=training))

    model = Net()
    model(np.zeros((2, 5), "float32"))
    return model


def per_sample(y_true, y_pred):
    return ((y_true - y_pred) ** 2).sum(-1)


def one_number(y_true, y_pred):
    return ((y_true - y_pred) ** 4).mean() ** 0.5


def optimizer(name, **options):
    return lambda k: getattr(k.optimizers, name)(**options)


def schedule(k):
    return k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.2, 4, 0.5), clipnorm=0.1)


def loss(name, **options):
    return lambda k: getattr(k.losses, name)(**options)


SPARSE = "sparse_categorical_crossentropy"
CATEGORICAL = "categorical_crossentropy"
SGD = optimizer("SGD", learning_rate=0.05, momentum=0.9)
RMSPROP = optimizer("RMSprop", learning_rate=0.01)
ACCURACY = {"metrics": ["accuracy"]}
SPLIT = {"validation_split": 0.3}

# name: (maker, x, y, loss, more of compile, more of fit)
CASES = {
    "softmax": (MLP, VECTORS, ONE_HOT, CATEGORICAL, ACCURACY, SPLIT),
    "sparse": (MLP, VECTORS, LABELS, SPARSE, ACCURACY, {}),
    "column, rmsprop": (
        MLP, VECTORS, LABELS[:, None], SPARSE, {"optimizer": RMSPROP, "metrics": ["acc"]}, {},
    ),
    "binary": (BINARY, VECTORS, BITS, "binary_crossentropy", ACCURACY, SPLIT),
    "logits": (
        LOGITS,
        VECTORS,
        ONE_HOT,
        loss("CategoricalCrossentropy", from_logits=True, label_smoothing=0.2),
        {"metrics": ["accuracy", "categorical_crossentropy"]},
        {},
    ),
    "binary logits": (
        BINARY_LOGITS,
        VECTORS,
        BITS,
        loss("BinaryCrossentropy", from_logits=True, label_smoothing=0.1),
        {"metrics": ["mae", "mse"]},
        {},
    ),
    "schedule and clipnorm": (MLP, VECTORS, LABELS, SPARSE, {"optimizer": schedule}, {}),
    "cnn, one row left": (
        CNN, IMAGES[:17], LABELS[:17], SPARSE, {"optimizer": SGD, **ACCURACY},
        {"validation_data": (IMAGES[17:], LABELS[17:])},
    ),
    "depthwise": (DEPTHWISE, IMAGES, ONE_HOT, CATEGORICAL, {"optimizer": SGD}, {}),
    "lstm": (LSTM, SEQUENCES, LABELS, SPARSE, ACCURACY, {}),
    "embedding": (EMBEDDING, TOKENS, LABELS, SPARSE, ACCURACY, {}),
    "layer norm": (NORMALIZED, VECTORS, LABELS, SPARSE, ACCURACY, {}),
    "penalties": (penalized, VECTORS, LABELS, SPARSE, {"optimizer": SGD}, SPLIT),
    "shared layer": (shared, [VECTORS, VECTORS[::-1]], LABELS, SPARSE, ACCURACY, {}),
    "frozen base": (frozen, VECTORS, LABELS, SPARSE, ACCURACY, SPLIT),
    "subclass": (subclassed, VECTORS, LABELS, SPARSE, ACCURACY, {}),
    "function": (MLP, VECTORS, ONE_HOT, lambda k: per_sample, {"metrics": [per_sample]}, SPLIT),
    "scalar function": (MLP, VECTORS, ONE_HOT, lambda k: one_number, {}, {}),
    "sample weight": (
        MLP, VECTORS, LABELS, SPARSE,
        {"metrics": ["accuracy"], "weighted_metrics": ["accuracy", SPARSE]},
        {"sample_weight": WEIGHTS},
    ),
    "class weight, validation data": (
        MLP, VECTORS, LABELS, SPARSE, ACCURACY,
        {
            "class_weight": {0: 1.0, 1: 3.0, 2: 0.5},
            "validation_data": (VECTORS[:7], LABELS[:7], WEIGHTS[:7]), "validation_batch_size": 3,
        },
    ),
    "two heads": (
        two_heads,
        {"a": VECTORS, "b": IMAGES},
        {"kind": LABELS, "size": VECTORS[:, :1]},
        {"kind": SPARSE, "size": "mse"},
        {
            "loss_weights": {"kind": 1.0, "size": 0.3},
            "metrics": {"kind": ["accuracy"], "size": ["mae", "mse"]},
        },
        SPLIT,
    ),
}  # fmt: skip


def made(k, given):
    """Factories are called with the library; names and lists are as they are."""
    return given(k) if callable(given) else given


def compiled(k, case):
    make, _, _, wanted, options, _ = CASES[case]
    model = make(k)
    options = {"optimizer": optimizer("Adam", learning_rate=0.02)} | options
    model.compile(loss=made(k, wanted), **options | {"optimizer": made(k, options["optimizer"])})
    return model


def assert_close(ours, theirs, **tolerance):
    np.testing.assert_allclose(ours, theirs, **{"rtol": 1e-4, "atol": 1e-4} | tolerance)


def as_list(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


def assert_same_weights(ours, theirs):
    for our, their in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert_close(our, their)


def pair(keras, case):
    theirs, ours = compiled(keras, case), compiled(nnlib, case)
    ours.set_weights(theirs.get_weights())
    return ours, theirs


@pytest.mark.parametrize("case", CASES)
def test_training(keras, case):
    _, x, y, _, _, options = CASES[case]
    ours, theirs = pair(keras, case)
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0} | options
    got, want = (model.fit(x, y, **options).history for model in (ours, theirs))
    assert set(got) == set(want)
    for name, values in want.items():
        assert_close(got[name], values, err_msg=name)
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("case", ["sample weight", "two heads"])
def test_evaluate_and_predict(keras, case):
    _, x, y, *_, options = CASES[case]
    weights = options.get("sample_weight")
    ours, theirs = pair(keras, case)
    got, want = (
        m.evaluate(x, y, 8, verbose=0, sample_weight=weights, return_dict=True)
        for m in (ours, theirs)
    )
    assert set(got) == set(want)
    for name, value in want.items():
        assert_close(got[name], value, err_msg=name)
    if weights is None:  # Keras lists a metric twice if its name is among the weighted ones too
        assert_close(*(m.evaluate(x, y, 8, verbose=0) for m in (ours, theirs)))
    for our, their in zip(
        as_list(ours.predict(x, 8)), as_list(theirs.predict(x, 8, verbose=0)), strict=True
    ):
        assert_close(our, their)


@pytest.mark.parametrize("case", ["two heads"])
def test_on_batch(keras, case):
    _, x, y, *_ = CASES[case]
    ours, theirs = pair(keras, case)
    for _ in range(3):
        ours.reset_metrics()
        assert_close(ours.train_on_batch(x, y), theirs.train_on_batch(x, y))
    assert_same_weights(ours, theirs)


# Graphs: the weights come in the order of Keras --------------------------------------------------


def residual(k, d):
    x = k.Input((4,))
    h = d(5)(x)
    h = k.layers.add([h, d(5)(d(7)(h))])
    return k.Model(x, d(2)(k.layers.add([d(6)(h), d(6)(x)])))


def long_and_short(k, d):
    a, b = k.Input((4,)), k.Input((3,))
    return k.Model([b, a], d(2)(k.layers.concatenate([d(5)(d(6)(d(7)(a))), d(8)(b)])))


def outputs_at_different_depths(k, d):
    x = k.Input((4,))
    first = d(5)(x)
    second = d(6)(first)
    return k.Model(x, [d(2)(second), d(3)(first), second])


def shared_at_two_depths(k, d):
    x, layer = k.Input((4,)), d(4)
    return k.Model(x, d(3)(layer(d(4)(layer(x)))))


def nested(k, d):
    inner = residual(k, d)
    x = k.Input((4,))
    side = d(2)(x)
    tower = k.Sequential([k.Input((4,)), d(9), k.layers.BatchNormalization(), d(2)])
    return k.Model(x, d(3)(k.layers.concatenate([side, inner(x), tower(x), inner(d(4)(tower(x)))])))


def nested_twice(k, d):
    inner = outputs_at_different_depths(k, d)
    x = k.Input((4,))
    parts = inner(d(4)(x))
    return k.Model(x, [d(7)(parts[1]), k.layers.concatenate([parts[0], parts[2]])])


def unused_branch(k, d):
    x = k.Input((4,))
    h = d(5)(x)
    d(9)(h)
    return k.Model(x, d(2)(h))


def ladder(k, d):
    """Inception-like: branches of different lengths that meet several times."""
    x = first = k.Input((4,))
    for width in (3, 5):
        short, middle, deep = d(width)(x), d(width + 1)(d(2)(x)), d(width + 2)(d(3)(d(2)(x)))
        x = k.layers.BatchNormalization()(k.layers.concatenate([deep, short, middle]))
    return k.Model(first, d(2)(x))


GRAPHS = [
    residual,
    long_and_short,
    outputs_at_different_depths,
    shared_at_two_depths,
    nested,
    nested_twice,
    unused_branch,
    ladder,
]


@pytest.mark.parametrize("graph", GRAPHS)
def test_order_of_weights(keras, graph):
    ours, theirs = graph(nnlib, nnlib.layers.Dense), graph(keras, keras.layers.Dense)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    ours.set_weights(theirs.get_weights())
    x = [normal(*i.shape[1:]) for i in theirs.inputs]
    x = x if len(x) > 1 else x[0]
    got, want = ours.predict(x), theirs.predict(x, verbose=0)
    for our, their in zip(as_list(got), as_list(want), strict=True):
        assert_close(our, their, rtol=1e-5)


def test_dropout_is_off_in_evaluation_and_agrees_on_average(keras):
    def run(k):
        model = k.Sequential([k.Input((5,)), k.layers.Dropout(0.4), k.layers.Dense(1)])
        model.set_weights([np.ones((5, 1), "float32"), np.zeros(1, "float32")])
        model.compile(k.optimizers.SGD(0.0), "mse")
        x, y = np.ones((4000, 5), "float32"), np.full((4000, 1), 5.0, "float32")
        trained = model.fit(x, y, batch_size=1000, verbose=0).history["loss"][0]
        return trained, model.evaluate(x, y, verbose=0)

    (trained, evaluated), (their_trained, _) = run(nnlib), run(keras)
    assert evaluated == pytest.approx(0.0, abs=1e-6)
    assert trained == pytest.approx(their_trained, rel=0.1)
    assert trained == pytest.approx(5 * 0.4 / 0.6, rel=0.1)
