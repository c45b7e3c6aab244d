"""Damaged and made-up files are refused with CorruptFileError: no crash, no wrong weights."""

import json
import struct
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nnlib as nn
from nnlib import errors, layers

FILES = ["a.weights.h5", "a.h5", "a.safetensors", "a.keras"]
FOREIGN = ["keras.weights.h5", "keras.keras"]
MODELS = ["model.keras", "model.h5"]


def make():
    model = nn.Sequential(
        [nn.Input((40,)), layers.Dense(40), layers.BatchNormalization(), layers.Dense(2)]
    )
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """{name: bytes} of good files, the weights in them, and a folder."""
    folder = tmp_path_factory.mktemp("hostile")
    model = make()
    model.fit(np.ones((4, 40)), np.ones((4, 2)), verbose=0)
    for name in FILES[:3]:
        model.save_weights(folder / name)
    for name in (FILES[3], *MODELS):
        model.save(folder / name)
    _save_with_keras(model, folder)
    content = {name: (folder / name).read_bytes() for name in FILES + FOREIGN + MODELS}
    return content, model.get_weights(), folder


def _save_with_keras(model, folder):
    import jax
    import keras

    with jax.numpy_rank_promotion("allow"):
        la = keras.layers
        theirs = keras.Sequential(
            [keras.Input((40,)), la.Dense(40), la.BatchNormalization(), la.Dense(2)]
        )
        theirs.set_weights(model.get_weights())
        theirs.save_weights(folder / FOREIGN[0])
        theirs.save(folder / FOREIGN[1])


@st.composite
def damages(draw):
    """What happens to a file: where (as a share of its length), and what is done there."""
    kind = draw(st.sampled_from(["flip", "flip", "cut", "noise", "gap", "double"]))
    return kind, draw(st.floats(0, 1, exclude_max=True)), draw(st.binary(min_size=1, max_size=40))


def damaged(data, damage):
    kind, share, noise = damage
    position = int(share * len(data))
    before, after = data[:position], data[position:]
    if kind == "flip":
        return before + bytes([after[0] ^ (1 << noise[0] % 8)]) + after[1:]
    if kind == "cut":
        return before
    if kind == "gap":
        return before + after[len(noise) :]
    return before + noise + after[len(noise) if kind == "noise" else 0 :]


TARGETS = []


def empty_model():
    """A model without arrays: the same one each time, for making one takes a while."""
    TARGETS[:] = TARGETS or [make()]
    for _, layer in TARGETS[0].layout():
        layer._core.cell.clear()
    return TARGETS[0]


def weights_after(path, whole):
    """What a model holds after loading, or None where the file was refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            if whole:
                return nn.models.load_model(path).get_weights()
            model = empty_model()
            model.load_weights(path)
            return model.get_weights()
        except errors.NnlibError:
            return None


def fuzz(count, names):
    """Run a test on `count` damages of each of these files."""

    def decorate(test):
        quick = settings(
            max_examples=count,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        )
        return pytest.mark.parametrize("name", names)(quick(given(damage=damages())(test)))

    return decorate


@fuzz(350, FILES)
def test_damaged_weights_are_refused_or_right(saved, name, damage):
    content, want, folder = saved
    path = folder / f"damaged_{name}"
    path.write_bytes(damaged(content[name], damage))
    got = weights_after(path, whole=False)
    if got is not None:
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b)


@fuzz(200, MODELS)
def test_damaged_models_are_refused_or_right(saved, name, damage):
    content, want, folder = saved
    path = folder / f"damaged_{name}"
    path.write_bytes(damaged(content[name], damage))
    got = weights_after(path, whole=True)
    if got is not None:
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b)


@fuzz(150, FOREIGN)
def test_files_of_keras_never_crash(saved, name, damage):
    content, want, folder = saved
    path = folder / f"damaged_{name}"
    path.write_bytes(damaged(content[name], damage))
    got = weights_after(path, whole=False)
    if name.endswith(".keras") and got is not None:  # archives have checksums
        for a, b in zip(got, want, strict=True):
            np.testing.assert_array_equal(a, b)


# Files that were made to do harm -----------------------------------------------------------------


def refused(path, text, load=None):
    with pytest.raises(errors.CorruptFileError, match=text):
        (load or nn.models.load_model)(path)


def with_entry(saved, change):
    """A .keras file whose entries `change` has gone over: {name: bytes}."""
    content, _, folder = saved
    path = folder / "made.keras"
    (folder / "good.keras").write_bytes(content["a.keras"])
    with zipfile.ZipFile(folder / "good.keras") as good:
        entries = {name: good.read(name) for name in good.namelist()}
    change(entries)
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "assets/../../evil", "a\\..\\evil"])
def test_entries_stay_in_their_folder(saved, name):
    path = with_entry(saved, lambda entries: entries.update({name: b"x"}))
    refused(path, "leave its folder")


def test_an_entry_that_grows_without_end(saved):
    path = with_entry(saved, lambda entries: None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(1 << 27))
    refused(path, "134217728 bytes")


def test_an_entry_that_is_there_twice(saved):
    path = with_entry(saved, lambda entries: None)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", "{}")
    refused(path, "twice")


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (b"{", "no JSON"),
        (b"[1]", "no config"),
        (b"\xff\xfe", "utf-8"),
        (b'{"a":' * 100000 + b"1" + b"}" * 100000, "no JSON|nested"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "nested"),
    ],
)
def test_configs_that_are_none(saved, config, text):
    refused(with_entry(saved, lambda entries: entries.update({"config.json": config})), text)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_entries(saved, name):
    refused(with_entry(saved, lambda entries: entries.pop(name)), f"no {name}")


def test_code_in_a_config_is_not_run(saved):
    model = nn.Sequential([nn.Input((3,)), layers.Dense(2)])
    folder = saved[2]
    model.save(folder / "plain.keras")
    with zipfile.ZipFile(folder / "plain.keras") as archive:
        config = json.loads(archive.read("config.json"))
        weights = archive.read("model.weights.h5")
    config["config"]["layers"][1]["config"]["activation"] = {
        "class_name": "__lambda__",
        "config": {"value": "4wEAAAA="},
    }
    with zipfile.ZipFile(folder / "code.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    with pytest.raises(errors.NnlibError):
        nn.models.load_model(folder / "code.keras")


@pytest.fixture
def kernel(saved):
    """A file of weights to be changed, and the path of a kernel in it."""
    content, _, folder = saved
    path = folder / "changed.weights.h5"
    path.write_bytes(content["keras.weights.h5"])
    return path, "layers/dense/vars/0"


def change(path, name, make_it):
    with h5py.File(path, "a") as file:
        del file[name]
        make_it(file)


def load_weights(path):
    make().load_weights(path)


def test_links_are_refused(saved, kernel):
    path, name = kernel
    secret = saved[2] / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.ones((40, 40), "float32")
    for link in (h5py.SoftLink("/layers/dense_1/vars/0"), h5py.ExternalLink(str(secret), "x")):
        change(path, name, lambda file, link=link: file.__setitem__(name, link))
        refused(path, "link", load_weights)
    change(path, "layers", lambda f: f.__setitem__("layers", h5py.ExternalLink(str(secret), "/")))
    refused(path, "link", load_weights)


def test_data_in_other_files_is_refused(saved, kernel):
    path, name = kernel
    raw = saved[2] / "raw"
    raw.write_bytes(bytes(6400))
    outside = {"external": [(str(raw), 0, 6400)]}
    change(path, name, lambda file: file.create_dataset(name, (40, 40), "float32", **outside))
    refused(path, "another file", load_weights)
    layout = h5py.VirtualLayout((40, 40), "float32")
    layout[:] = h5py.VirtualSource(str(saved[2] / "secret.h5"), "x", (40, 40))
    change(path, name, lambda file: file.create_virtual_dataset(name, layout))
    refused(path, "another file", load_weights)


@pytest.mark.parametrize("shape", [(1 << 20, 1 << 20), (1 << 40,)])
def test_huge_shapes_take_no_memory(kernel, shape):
    path, name = kernel
    change(path, name, lambda file: file.create_dataset(
        name, shape, "float32", chunks=(1,) * len(shape), compression="gzip"))  # fmt: skip
    refused(path, "of which 0 are stored", load_weights)


def test_strings_and_objects_are_no_weights(kernel):
    path, name = kernel
    values = np.array([["a"] * 40] * 40, dtype=h5py.string_dtype())
    change(path, name, lambda file: file.create_dataset(name, data=values))
    with pytest.raises(errors.NnlibError, match="of object"):
        load_weights(path)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (struct.pack("<Q", 1 << 60) + b"{}", "damaged"),
        (struct.pack("<Q", 2) + b"{}", None),
        (struct.pack("<Q", 20) + b'{"a":{"dtype":"F32"}', "damaged"),
    ],
)
def test_safetensors_that_are_none(tmp_path, data, text):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(errors.NnlibError, match=text or "expected an array"):
        make().load_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n", b"text"])
def test_files_of_another_kind(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    refused(tmp_path / name, "damaged", load_weights)
    if name != "a.weights.h5":
        refused(tmp_path / name, "damaged")
