"""Whole models in `.keras` files: both ways with Keras, vocabularies, layers of users, refusals."""

import json
import zipfile

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
Y = np.ones((4, 2), "float32")


def graph(library):
    """Two inputs, two outputs, a shared layer, a nested model."""
    la = library.layers
    a, b = library.Input((3,), name="a"), library.Input((3,), name="b")
    shared = la.Dense(4, "relu", name="shared")
    inner = library.Sequential([library.Input((4,)), la.Dense(3), la.BatchNormalization()])
    x = la.Concatenate()([inner(shared(a)), shared(b)])
    outputs = [la.Dense(2, name="first")(x), la.Dense(1, "sigmoid", name="second")(x)]
    model = library.Model([a, b], outputs)
    losses = {"first": "mse", "second": "binary_crossentropy"}
    model.compile(library.optimizers.SGD(0.01, momentum=0.9), losses, loss_weights=[1.0, 0.5])
    return model


def test_keras_goes_on_with_a_model_of_ours(keras, tmp_path):
    model = graph(nn)
    targets = [Y, Y[:, :1]]
    model.fit([X, X + 1], targets, verbose=0)
    model.save(tmp_path / "a.keras")
    theirs = keras.models.load_model(tmp_path / "a.keras")
    for mine, other in zip(model([X, X + 1]), theirs([X, X + 1]), strict=True):
        np.testing.assert_allclose(mine, np.asarray(other), atol=1e-6)
    for each in (model, theirs):
        each.train_on_batch([X, X + 1], targets)
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_a_model_of_keras_goes_on_here(keras, tmp_path):
    theirs = graph(keras)
    targets = [Y, Y[:, :1]]
    theirs.fit([X, X + 1], targets, verbose=0)
    theirs.save(tmp_path / "a.keras")
    model = nn.models.load_model(tmp_path / "a.keras")
    assert model.optimizer.iterations == 1
    for each in (model, theirs):
        each.train_on_batch([X, X + 1], targets)
    for a, b in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_an_unpacked_file_is_a_model_too(tmp_path):
    model = graph(nn)
    model.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        archive.extractall(tmp_path / "unpacked")
    again = nn.saving.load_model(tmp_path / "unpacked")
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_packed_file_with_compression(tmp_path):
    model = graph(nn)
    model.save(tmp_path / "a.keras")
    stored = zipfile.ZipFile(tmp_path / "a.keras")
    packed = zipfile.ZipFile(tmp_path / "b.keras", "w", zipfile.ZIP_DEFLATED)
    with stored, packed:
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    again = nn.models.load_model(tmp_path / "b.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


def texts(library, mode):
    la = library.layers
    lookup = la.TextVectorization(output_mode=mode)
    lookup.adapt(["foo bar", "bar baz", "baz bada boom é"])
    return lookup


@pytest.mark.parametrize("mode", ["int", "multi_hot", "tf_idf"])
def test_vocabularies(tmp_path, mode):
    lookup = texts(nn, mode)
    model = nn.Sequential([nn.Input((1,), dtype="string"), lookup])
    if mode == "tf_idf":  # the size of the vocabulary is that of an output
        model.add(layers.Dense(2))
    model.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        assert "assets/layers/text_vectorization/vocabulary.txt" in archive.namelist()
    again = nn.models.load_model(tmp_path / "a.keras")
    assert again.layers[0].is_adaptable
    words = np.array([["bar boom nobody é"]])
    np.testing.assert_allclose(again(words), model(words))
    assert again.layers[0].get_vocabulary() == lookup.get_vocabulary()


def test_lora_and_spectral_normalization_go_on_to_the_bit(tmp_path):
    stack = [layers.Dense(4), layers.SpectralNormalization(layers.Dense(2))]
    model = nn.Sequential([nn.Input((3,)), *stack])
    model.layers[0].enable_lora(2)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=2, verbose=0)
    model.save(tmp_path / "a.keras")
    again = nn.models.load_model(tmp_path / "a.keras")
    for each in (model, again):
        each.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@nn.saving.register_keras_serializable("tests")
class Labelled(nn.layers.Layer):
    """Has a file of its own, and a weight whose shape the input does not tell."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.label = "new"

    def build(self, x):
        self.scale = self.add_weight((x.shape[-1],), "ones")

    def call(self, x):
        return x * self.scale[None]

    def save_assets(self, dir_path):
        with open(f"{dir_path}/label.txt", "w", encoding="utf-8") as file:
            file.write(self.label)

    def load_assets(self, dir_path):
        with open(f"{dir_path}/label.txt", encoding="utf-8") as file:
            self.__dict__["label"] = file.read()


def test_layers_of_users_may_have_files(tmp_path):
    model = nn.Sequential([nn.Input((3,)), Labelled()])
    model.layers[0].__dict__["label"] = "written"
    model.layers[0].scale = np.array([1.0, 2.0, 3.0])
    model.save(tmp_path / "a.keras")
    again = nn.models.load_model(tmp_path / "a.keras")
    assert again.layers[0].label == "written"
    np.testing.assert_array_equal(again(X), model(X))


def test_compile_and_include_optimizer(tmp_path):
    model = graph(nn)
    model.save(tmp_path / "a.keras")
    assert nn.models.load_model(tmp_path / "a.keras", compile=False).trainer.compiled is None
    model.save(tmp_path / "b.keras", include_optimizer=False)
    assert nn.models.load_model(tmp_path / "b.keras").trainer.compiled is None
    with zipfile.ZipFile(tmp_path / "b.keras") as archive:
        assert "compile_config" not in json.loads(archive.read("config.json"))


def test_the_format_may_be_said(tmp_path):
    model = graph(nn)
    nn.models.save_model(model, tmp_path / "plain.h5", save_format="h5")
    nn.saving.save_weights(model, tmp_path / "a.weights.h5")
    nn.saving.load_weights(model, tmp_path / "a.weights.h5")
    again = nn.models.load_model(tmp_path / "plain.h5")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"filepath": "a.txt"}, r"ends in \.keras or \.h5"),
        ({"filepath": "a.weights.h5"}, "save_weights"),
        ({"filepath": "a.keras", "save_format": "pickle"}, "'keras', 'h5' or 'tf'"),
        ({"filepath": "a.keras", "signatures": {}}, "signatures with a folder"),
        ({"filepath": "a.keras", "options": 1}, "options=None"),
    ],
)
def test_refusals_of_save(tmp_path, options, text):
    with pytest.raises(errors.ArgumentError, match=text):
        graph(nn).save(**{**options, "filepath": tmp_path / options["filepath"]})


def test_refusals_of_load(tmp_path):
    with pytest.raises(errors.CheckpointError, match="nothing there"):
        nn.models.load_model(tmp_path / "a.keras")
    with pytest.raises(errors.ArgumentError, match="options=None"):
        nn.models.load_model(tmp_path / "a.keras", options=1)
    with pytest.raises(errors.NotBuiltError, match="expected a built model for save"):
        nn.Sequential([layers.Dense(2)]).save(tmp_path / "a.keras")
    with pytest.raises(AttributeError, match="load_modle"):
        _ = nn.models.load_modle


@pytest.mark.parametrize(("name", "kind"), [("weights", "tf"), ("weights.bin", "h5")])
def test_weights_in_a_format_that_is_said(tmp_path, name, kind):
    model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
    model.save_weights(tmp_path / name, save_format=kind, options=None)
    assert (tmp_path / name).is_dir() == (kind == "tf")
    expected = model.get_weights()
    model.set_weights([np.zeros_like(array) for array in expected])
    model.load_weights(tmp_path / name, options=None)
    for got, want in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(got, want)
    for wrong in ({"save_format": "zip"}, {"options": 1}):
        with pytest.raises(errors.ArgumentError, match=r"save_weights: expected"):
            model.save_weights(tmp_path / "other", **wrong)
    with pytest.raises(errors.ArgumentError, match="options=None"):
        model.load_weights(tmp_path / name, options=1)
