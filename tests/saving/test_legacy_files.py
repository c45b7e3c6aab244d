"""`.h5` files of Keras 2: Keras reads ours, and we read those of Keras and tf.keras."""

import h5py
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving.legacy_weights import names_in, put_names
from tests.saving.keras_pairs import data_for, model_of, randomise

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")

LEGACY = {
    "LSTM": (lambda la: la.LSTM(3), (4, 2)),
    "GRU": (lambda la: la.GRU(3), (4, 2)),
    "Bidirectional": (lambda la: la.Bidirectional(la.LSTM(3)), (4, 2)),
    "BatchNormalization": (lambda la: la.BatchNormalization(), (4,)),
    "MultiHeadAttention": (lambda la: la.MultiHeadAttention(2, 3), [(3, 4), (3, 4)]),
    "SeparableConv2D": (lambda la: la.SeparableConv2D(3, 2), (4, 4, 2)),
    "SpectralNormalization": (lambda la: la.SpectralNormalization(la.Dense(3)), (4,)),
}


def network(library, frozen=False):
    """Nested layers, and a normalisation between others."""
    la = library.layers
    inner = library.Sequential(
        [la.Conv1D(4, 2, name="conv"), la.BatchNormalization(name="norm"), la.Conv1D(4, 1)],
        name="inner",
    )
    inputs = library.Input((6, 3))
    x = la.Bidirectional(la.GRU(2), name="both")(inner(inputs))
    model = library.Model(inputs, la.Dense(2, name="head")(x))
    inner.trainable = not frozen
    return model


def save_as_keras(model, path):
    """A file with the weights of a Keras model, by Keras' own writer."""
    from keras.src.legacy.saving import legacy_h5_format

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def predicted(model, x):
    return np.asarray(model(x))


@pytest.mark.parametrize("name", LEGACY)
def test_layers_both_ways(keras, tmp_path, name):
    make, shape = LEGACY[name]
    theirs, ours = model_of(keras, make, shape), model_of(nn, make, shape)
    x = data_for(shape)
    randomise(theirs)
    save_as_keras(theirs, tmp_path / "theirs.h5")
    ours.load_weights(tmp_path / "theirs.h5")
    want = predicted(theirs, x)
    np.testing.assert_allclose(ours(x), want, atol=1e-5)
    ours.save_weights(tmp_path / "ours.h5")
    randomise(theirs, seed=2)
    theirs.load_weights(tmp_path / "ours.h5")
    np.testing.assert_allclose(predicted(theirs, x), want, atol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("load_frozen", [False, True])
def test_flags_may_have_changed_since(keras, tmp_path, frozen, load_frozen):
    """Frozen layers are stored in another order; names tell which one it is."""
    theirs = network(keras, frozen)
    randomise(theirs)
    save_as_keras(theirs, tmp_path / "a.h5")
    ours = network(nn, load_frozen)
    ours.load_weights(tmp_path / "a.h5")
    np.testing.assert_allclose(ours(X), predicted(theirs, X), atol=1e-5)


def as_keras_2(path):
    """Give weights the names that tf.keras gave them."""
    with h5py.File(path, "a") as file:
        del file["top_level_model_weights"]
        file.attrs["keras_version"] = b"2.13.1"
        file.attrs["backend"] = b"tensorflow"
        for name in [item.decode() for item in file.attrs["layer_names"].tolist()]:
            group = file[name]
            old = names_in(group, "weight_names", "")
            new = [f"{item}:0" for item in old]
            for before, after in zip(old, new, strict=True):
                group.move(before, after)
            put_names(group, "weight_names", new)


def test_files_of_keras_2(tmp_path):
    model, other = network(nn), network(nn)
    randomise(model)
    model.save_weights(tmp_path / "a.h5")
    as_keras_2(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert "head/kernel:0" in file["head"]
    other.load_weights(tmp_path / "a.h5")
    for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def stack(*names, units=4):
    """A model of Dense layers of these names."""
    return nn.Sequential([nn.Input((4,)), *(layers.Dense(units, name=name) for name in names)])


def test_by_name(tmp_path):
    old, new = stack("a", "b", "c"), stack("b", "new", "a")
    old.save_weights(tmp_path / "a.h5")
    before = new.get_layer("new").get_weights()
    new.load_weights(tmp_path / "a.h5", by_name=True)
    for name in ("a", "b"):
        np.testing.assert_array_equal(new.get_layer(name).kernel, old.get_layer(name).kernel)
    np.testing.assert_array_equal(new.get_layer("new").kernel, before[0])


def test_mismatches(tmp_path):
    stack("a", "b").save_weights(tmp_path / "a.h5")
    wrong = nn.Sequential([nn.Input((4,)), layers.Dense(4, name="a"), layers.Dense(3, name="b")])
    before = wrong.get_weights()
    with pytest.raises(errors.ShapeError, match=r"layer 'b'.*shape \(4, 3\) for b/kernel"):
        wrong.load_weights(tmp_path / "a.h5")
    for a, b in zip(wrong.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="b/kernel"):
        wrong.load_weights(tmp_path / "a.h5", skip_mismatch=True)
    assert not np.array_equal(wrong.get_weights()[0], before[0])
    with pytest.raises(errors.ShapeError, match=r"expected 3 layers with weights.*got 2"):
        stack("a", "b", "c").load_weights(tmp_path / "a.h5")
    bare = nn.Sequential([nn.Input((4,)), layers.Dense(4, use_bias=False, name="a")])
    with pytest.raises(errors.ShapeError, match="expected 1 arrays, got 2"):
        bare.load_weights(tmp_path / "a.h5", by_name=True)
    with pytest.warns(UserWarning, match="expected 1 arrays, got 2"):
        bare.load_weights(tmp_path / "a.h5", by_name=True, skip_mismatch=True)


def test_long_lists_of_names(tmp_path):
    names = [f"layer_{number}_{'x' * 90}" for number in range(1500)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        put_names(file, "layer_names", names)
        assert "layer_names" not in file.attrs
        assert names_in(file, "layer_names", "a.h5") == names


# Whole models ----------------------------------------------------------------------------------


def compiled(library):
    model = network(library)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def test_keras_reads_whole_models(keras, tmp_path):
    model = compiled(nn)
    model.fit(X, np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "a.h5")
    theirs = keras.models.load_model(tmp_path / "a.h5")
    np.testing.assert_allclose(predicted(theirs, X), model(X), atol=1e-6)
    assert type(theirs.optimizer).__name__ == "Adam"


def test_whole_models_of_keras_are_read(keras, tmp_path):
    theirs = compiled(keras)
    theirs.fit(X, np.ones((4, 2)), verbose=0)
    theirs.save(tmp_path / "a.h5")
    model = nn.models.load_model(tmp_path / "a.h5")
    np.testing.assert_allclose(model(X), predicted(theirs, X), atol=1e-6)
    assert model.optimizer.iterations == 1
    assert nn.models.load_model(tmp_path / "a.h5", compile=False).trainer.compiled is None
    weights = network(nn)
    weights.load_weights(tmp_path / "a.h5")  # the weights of a whole model
    np.testing.assert_allclose(weights(X), predicted(theirs, X), atol=1e-6)


def test_weights_alone_are_no_model(tmp_path):
    stack("a").save_weights(tmp_path / "a.h5")
    with pytest.raises(errors.CorruptFileError, match="no model_config"):
        nn.models.load_model(tmp_path / "a.h5")


def test_a_changed_config_is_found(tmp_path):
    stack("a").save(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        text = file.attrs["model_config"]
        file.attrs["model_config"] = text.replace('"units": 4', '"units": 5')
    with pytest.raises(errors.CorruptFileError, match="checksum of model_config"):
        nn.models.load_model(tmp_path / "a.h5")
