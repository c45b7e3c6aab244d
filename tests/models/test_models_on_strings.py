"""Models that begin with strings: called, fitted and evaluated, in each way to make one."""

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

TEXTS = np.array(["the cat sat", "a dog ran off", "the dog", "cat"] * 3)
TARGETS = np.array([0.0, 1.0, 1.0, 0.0] * 3)[:, None]
WORDS = ["cat", "dog", "the"]


def vectorizer(**arguments):
    return layers.TextVectorization(vocabulary=WORDS, output_sequence_length=4, **arguments)


def rest():
    return [layers.Embedding(5, 3), layers.Flatten(), layers.Dense(1)]


def functional():
    x = first = nn.Input((1,), dtype="string")
    for layer in [vectorizer(), *rest()]:
        x = layer(x)
    return nn.Model(first, x)


def stacked():
    return nn.Sequential([nn.Input((1,), dtype="string"), vectorizer(), *rest()])


def deferred():
    return nn.Sequential([vectorizer(), *rest()])


@pytest.mark.parametrize("make", [functional, stacked, deferred])
def test_it_learns_from_strings_as_from_their_numbers(make):
    model = make()
    model.compile(nn.optimizers.SGD(0.5), "mse")
    history = model.fit(
        TEXTS, TARGETS, epochs=3, batch_size=5, verbose=0, shuffle=False,
        validation_data=(TEXTS[:4, None], TARGETS[:4]),
    )  # fmt: skip
    assert history.history["loss"][-1] < history.history["loss"][0]
    twin = nn.Sequential([nn.Input((4,), dtype="int32"), *rest()])
    out = model.predict(TEXTS, batch_size=5)
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(out, twin.predict(vectorizer()(TEXTS)), rtol=1e-5)
    np.testing.assert_allclose(model(TEXTS), out, rtol=1e-5)
    np.testing.assert_allclose(model([[text] for text in TEXTS.tolist()]), out, rtol=1e-5)
    loss = np.mean((out - TARGETS) ** 2)
    np.testing.assert_allclose(model.evaluate(TEXTS, TARGETS, verbose=0), loss, rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(TEXTS, TARGETS), loss, rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(TEXTS, TARGETS), loss, rtol=1e-5)


def test_strings_beside_numbers_and_used_twice():
    text, size = nn.Input((1,), dtype="string", name="text"), nn.Input((2,), name="size")
    counts = layers.TextVectorization(vocabulary=WORDS, output_mode="count")(text)
    bins = layers.Hashing(3, output_mode="one_hot")(text)
    joined = layers.Concatenate()([counts, bins, size])
    model = nn.Model({"text": text, "size": size}, {"out": layers.Dense(1)(joined), "bins": bins})
    sizes = np.ones((12, 2), "float32")
    data = {"size": sizes, "text": TEXTS}
    out = model.predict(data)
    for name, values in model(data).items():
        np.testing.assert_allclose(values, out[name], rtol=1e-5)
    np.testing.assert_array_equal(
        out["bins"], layers.Hashing(3, output_mode="one_hot")(TEXTS[:, None])
    )


def test_a_subclass_takes_strings_when_it_is_called():
    class Model(nn.Model):
        def __init__(self):
            super().__init__()
            self.first, self.embed = vectorizer(), layers.Embedding(5, 3)

        def call(self, x):
            return self.embed(self.first(x))

    model = Model()
    assert model(TEXTS).shape == (12, 4, 3)
    with pytest.raises(errors.DTypeError, match="strings into"):
        model.predict(TEXTS)


def test_shapes_and_summary_are_known(capsys):
    model = functional()
    assert model.input_shape == (None, 1)
    assert model.output_shape == (None, 1)
    model.summary()
    assert "(None, 4, 3)" in capsys.readouterr().out
    symbol = nn.Input((), dtype="string")
    assert layers.TextVectorization(vocabulary=WORDS)(symbol).shape == (None, None)
    counts = layers.TextVectorization(vocabulary=WORDS, output_mode="count")(symbol)
    assert (counts.shape, counts.dtype.name) == ((None, 4), "float32")


def test_a_stack_of_host_layers_alone():
    model = nn.Sequential([nn.Input((1,), dtype="string"), vectorizer()])
    np.testing.assert_array_equal(model.predict(TEXTS), vectorizer()(TEXTS))


@pytest.mark.parametrize("dtype", ["int32", "string", "float16"])
def test_config_of_an_input_keeps_its_dtype(dtype):
    layer = layers.InputLayer((3,), dtype=dtype)
    twin = layers.InputLayer.from_config(layer.get_config())
    assert twin.symbol.dtype == layer.symbol.dtype
    assert layer.get_config()["dtype"] == dtype


def test_config_of_a_stack_on_strings():
    model = stacked()
    twin = nn.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(twin.predict(TEXTS), model.predict(TEXTS))


def test_strings_stop_where_numbers_are_needed():
    text = nn.Input((1,), dtype="string")
    for attempt in (
        lambda: layers.Dense(2)(text),
        lambda: layers.Dense(2)(np.array([["a"]])),
        lambda: nn.Sequential([layers.Dense(2)])(np.array([["a"]])),
        lambda: nn.Sequential([nn.Input((1,)), layers.Dense(2)])(np.array([["a"]])),
        lambda: nn.Model(text, text),
        lambda: functional()(np.ones((2, 1))),
    ):
        with pytest.raises(errors.DTypeError, match="strings"):
            attempt()


def test_a_dataset_of_strings():
    data = nn.data.Dataset.from_tensor_slices((TEXTS, TARGETS)).batch(4)
    layer = layers.TextVectorization(output_sequence_length=4)
    layer.adapt(data)
    model = nn.Sequential([layer, layers.Embedding(12, 3), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data, epochs=1, verbose=0)
    np.testing.assert_allclose(model.predict(data), model.predict(TEXTS), rtol=1e-5)
    numbers = np.concatenate([batch for batch, _ in data.map(lambda x, y: (layer(x), y))])
    np.testing.assert_array_equal(numbers, layer(TEXTS))
