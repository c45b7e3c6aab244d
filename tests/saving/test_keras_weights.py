"""`.weights.h5` files: every layer of Keras reads what nnlib wrote, and the other way round."""

import h5py
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from tests.contract.cases import CASES
from tests.saving.keras_pairs import LAYERS, data_for, model_of, randomise


def contents(path):
    """{path: (shape, dtype)} of the arrays in a file."""
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item.shape, item.dtype.name

    with h5py.File(path) as file:
        file.visititems(note)
    return found


@pytest.mark.parametrize(("name", "make", "shape"), LAYERS, ids=[row[0] for row in LAYERS])
def test_every_layer_both_ways(keras, tmp_path, name, make, shape):
    theirs, ours = model_of(keras, make, shape), model_of(nn, make, shape)
    x = data_for(shape)
    randomise(theirs)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    want = np.asarray(theirs(x))
    np.testing.assert_allclose(ours(x), want, atol=1e-5)
    ours.save_weights(tmp_path / "ours.weights.h5")
    assert contents(tmp_path / "ours.weights.h5") == contents(tmp_path / "theirs.weights.h5")
    randomise(theirs, seed=2)
    theirs.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(np.asarray(theirs(x)), want, atol=1e-6)


def test_the_table_has_every_layer_with_weights():
    tested = {row[0].split("-")[0] for row in LAYERS}
    for case in CASES:
        name = case.name.split("-")[0]
        if name in tested or name in ("RNN", "JaxLayer", "FlaxLayer", "Wrapper"):
            continue
        layer = case.make()
        layer.declare(*case.arrays())
        assert not layer.weight_specs(), name


def blocks(library):
    """A model whose layers Keras counts in the order in which they were added."""
    la = library.layers

    class Blocks(library.Model):
        def __init__(self):
            super().__init__()
            self.first = la.Dense(3)
            self.blocks = []
            self.out = la.Dense(3)
            self._hidden = la.Dense(3)
            for _ in range(2):
                self.blocks.append(la.Dense(3))
            self.blocks.append({"a": la.Dense(3), "b": [la.Dense(3)]})
            self.zoo = la.Dense(3)

        @property
        def early(self):
            return self.zoo

        def call(self, x):
            x = self.out(self._hidden(self.first(x)))
            for block in self.blocks[:2]:
                x = block(x)
            return self.zoo(self.blocks[2]["b"][0](self.blocks[2]["a"](x)))

    return Blocks()


def graph(library):
    """Shared and nested layers, and a sum of symbols."""
    la = library.layers
    a, b = library.Input((3,)), library.Input((3,))
    shared = la.Dense(3, name="shared")
    inner = library.Sequential([la.Dense(4), la.BatchNormalization(), la.Dense(3)])
    nested = library.Model(a, la.Dense(3)(inner(a)) + 1.0)
    x = la.Concatenate()([shared(a), nested(shared(b)), inner(b)])
    return library.Model([a, b], la.Dense(2)(x * 2.0))


@pytest.mark.parametrize("make", [blocks, graph])
def test_whole_models_both_ways(keras, tmp_path, make):
    theirs, ours = make(keras), make(nn)
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    x = [x, x + 1] if make is graph else x
    theirs(x), ours(x)
    randomise(theirs)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-5)
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    ours.save_weights(tmp_path / "ours.weights.h5")
    assert contents(tmp_path / "ours.weights.h5") == contents(tmp_path / "theirs.weights.h5")


def scaled(library):
    class Scaled(library.layers.Layer):
        """Stores its weight in a form of its own."""

        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            return x * self.scale

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["half"] = np.asarray(self.scale) / 2

        def load_own_variables(self, store):
            assert sorted(store.keys()) == ["0", "half"]
            super().load_own_variables({"0": np.asarray(store["half"]) * 2})

    return library.Sequential([library.Input((3,)), Scaled()])


def test_layers_of_users_may_store_what_they_like(keras, tmp_path):
    theirs, ours = scaled(keras), scaled(nn)
    randomise(ours)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(theirs.get_weights()[0], ours.get_weights()[0])
    again = scaled(nn)
    again.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(again.get_weights()[0], ours.get_weights()[0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_dtypes(keras, tmp_path, dtype):
    make = lambda k: k.Sequential([k.Input((3,)), k.layers.Dense(2, dtype=dtype)])  # noqa: E731
    if dtype == "float64":
        dtype = "float32"
    theirs, ours = make(keras), make(nn)
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    theirs.save_weights(tmp_path / "b.weights.h5")
    other = make(nn)
    other.load_weights(tmp_path / "b.weights.h5")
    for a, b in zip(other.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_lora_is_merged_in_files(keras, tmp_path):
    make = lambda k: k.Sequential([k.Input((4,)), k.layers.Dense(3)])  # noqa: E731
    ours, theirs = make(nn), make(keras)
    ours.layers[0].enable_lora(2, b_initializer="ones")
    ours.save_weights(tmp_path / "a.weights.h5")
    theirs.load_weights(tmp_path / "a.weights.h5")
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(np.asarray(theirs(x)), ours(x), rtol=1e-5)
    adapted = make(nn)
    adapted.layers[0].enable_lora(2, b_initializer="ones")
    adapted.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_allclose(adapted(x), ours(x), rtol=1e-5)


# Refusals --------------------------------------------------------------------------------------


def dense(units=2, inputs=3, count=1):
    stack = [layers.Dense(units) for _ in range(count)]
    return nn.Sequential([nn.Input((inputs,)), *stack])


def test_another_model_is_refused_and_nothing_changes(tmp_path):
    dense(count=2).save_weights(tmp_path / "a.weights.h5")
    model = nn.Sequential([nn.Input((3,)), layers.Dense(2), layers.Dense(5)])
    before = model.get_weights()
    with pytest.raises(errors.ShapeError, match=r"dense_1.*shape \(2, 5\).*skip_mismatch"):
        model.load_weights(tmp_path / "a.weights.h5")
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="dense_1"):
        model.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    assert not np.array_equal(model.get_weights()[0], before[0])
    np.testing.assert_array_equal(model.get_weights()[2], before[2])


def test_whole_numbers_are_no_floats(tmp_path):
    model = nn.Sequential([nn.Input((3,)), layers.Normalization()])
    model.save_weights(tmp_path / "a.weights.h5")
    with h5py.File(tmp_path / "a.weights.h5", "a") as file:
        del file["layers/normalization/vars/2"]
        file["layers/normalization/vars/2"] = 1.5
    with pytest.raises(errors.ShapeError, match="count"):
        model.load_weights(tmp_path / "a.weights.h5")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda m, p: m.load_weights(p / "none.weights.h5"), errors.CheckpointError, "nothing"),
        (lambda m, p: m.load_weights(p / "a.weights.h5", by_name=True), errors.ArgumentError,
         "by_name=False"),
        (lambda m, p: m.save_weights(p / "a.weights.h5", overwrite=False), errors.SavingError,
         "overwrite=False"),
        (lambda m, p: m.save_weights(p / "a.keras"), errors.ArgumentError, "model.save"),
        (lambda m, p: m.save_weights(p / "a.pkl"), errors.ArgumentError, "weights.h5"),
        (lambda m, p: nn.Sequential([layers.Dense(2)]).load_weights(p / "a.weights.h5"),
         errors.NotBuiltError, "load_weights"),
        (lambda m, p: nn.Sequential([layers.Dense(2)]).save_weights(p / "b.weights.h5"),
         errors.NotBuiltError, "save_weights"),
        (lambda m, p: m.load_weights(p / "folder", by_name=True), errors.ArgumentError, "by_name"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, call, error, text):
    model = dense()
    model.save_weights(tmp_path / "a.weights.h5")
    model.save_weights(tmp_path / "folder")
    with pytest.raises(error, match=text):
        call(model, tmp_path)


def test_a_folder_is_a_checkpoint(tmp_path):
    model, other = dense(), dense()
    model.save_weights(tmp_path / "folder")
    other.load_weights(tmp_path / "folder")
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
