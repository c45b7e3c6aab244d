"""Saved models: folders with programs that run without the code of the model."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving import Signature, load_saved_model

X = np.linspace(-1, 1, 40, dtype="float32").reshape(2, 5, 4)
Z = np.ones((2, 3), "float32")


class Doubling(layers.Layer):
    """Not known to a process that does not import this file."""

    def call(self, x):
        return 2 * x


def two_inputs():
    x, z = nn.Input((None, 4), name="x"), nn.Input((3,), name="z")
    joined = layers.Concatenate()([layers.GRU(3)(x), Doubling()(z)])
    return nn.Model([x, z], layers.Dense(2, name="probs")(joined))


def small(**options):
    return nn.Sequential([nn.Input((3,), name="x"), layers.Dense(2, name="y", **options)])


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "saved"


IN_ANOTHER_PROCESS = """
import sys, numpy as np
from nnlib.saving import load_saved_model
x, z = np.load(sys.argv[2]), np.load(sys.argv[3])
out = load_saved_model(sys.argv[1]).signatures["serving_default"](x=x, z=z)
np.save(sys.argv[4], out["probs"])
"""


def test_a_new_process_runs_it_without_the_code_of_the_model(folder, tmp_path):
    model = two_inputs()
    model.save(folder)
    paths = [tmp_path / name for name in ("x.npy", "z.npy", "out.npy")]
    np.save(paths[0], X)
    np.save(paths[1], Z)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(folder), *map(str, paths)]
    subprocess.run(command, check=True, timeout=120)
    np.testing.assert_allclose(np.load(paths[2]), model([X, Z]), rtol=1e-5)


def test_jax_alone_runs_it(folder):
    model = small()
    model.save(folder)
    weights = safetensors.numpy.load_file(folder / "weights.safetensors")
    program = jax.export.deserialize(
        bytearray((folder / "programs/serving_default.bin").read_bytes())
    )
    assert sorted(program.platforms) == ["cpu", "cuda", "tpu"]
    np.testing.assert_allclose(program.call(weights, {"x": Z})["y"], model(Z), rtol=1e-6)


def test_open_axes_take_any_size(folder):
    model = two_inputs()
    model.save(folder)
    serve = load_saved_model(folder).signatures["serving_default"]
    for batch, time in ((1, 1), (2, 5), (1, 3)):
        x, z = X[:batch, :time], Z[:batch]
        np.testing.assert_allclose(serve(x=x, z=z)["probs"], model([x, z]), rtol=1e-5)


def test_weights_are_not_in_the_program(folder):
    nn.Sequential([nn.Input((300,)), layers.Dense(300)]).save(folder)
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*.*")}
    assert sizes["weights.safetensors"] > 300 * 300 * 4
    assert sizes["serving_default.bin"] < 20_000


def test_training_goes_on_bit_for_bit(folder):
    model = small()
    model.compile(nn.optimizers.Adam(0.1), "mse", metrics=["mae"])
    y = np.ones((2, 2), "float32")
    model.fit(Z, y, epochs=2, verbose=0)
    model.save(folder)
    again = nn.models.load_model(folder)
    first, second = (m.fit(Z, y, initial_epoch=2, epochs=5, verbose=0) for m in (model, again))
    assert first.history == second.history
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_the_optimizer_there_are_weights_alone(folder):
    model = small()
    model.compile("adam", "mse")
    model.save(folder, include_optimizer=False)
    assert not (folder / "training.safetensors").exists()
    np.testing.assert_array_equal(nn.models.load_model(folder)(Z), model(Z))
    assert not nn.models.load_model(folder, compile=False).compiled


def test_signatures_of_users(folder):
    model = small()

    def classify(image, bias):
        y = model(image) + bias[None]
        return {"label": y.argmax(-1), "best": y.max(-1)}

    spec = jax.ShapeDtypeStruct((2,), "int32")
    signatures = {
        "classify": Signature(classify, image=(None, 3), bias=spec),
        "pair": Signature(lambda x: (x, model(x)), x=nn.Input((3,))),
    }
    model.save(folder, signatures=signatures)
    saved = load_saved_model(folder)
    found = saved.signatures["classify"](image=Z, bias=[5, 0])
    np.testing.assert_array_equal(found["label"], (model(Z) + np.array([[5, 0]])).argmax(-1))
    assert saved.signatures["classify"].inputs["bias"].dtype == "int32"
    assert saved.signatures["classify"].outputs["best"].shape == (None,)
    np.testing.assert_allclose(saved.signatures["pair"](x=Z)["output_1"], model(Z), rtol=1e-6)


def test_strings_go_through_the_model(folder):
    lookup = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")
    model = nn.Sequential([nn.Input((1,), dtype="string", name="word"), lookup, layers.Dense(2)])
    model.save(folder)
    serve = load_saved_model(folder).signatures["serving_default"]
    words = np.array([["a"], ["c"]])
    (out,) = serve(word=words).values()
    np.testing.assert_allclose(out, model.predict(words, verbose=0), rtol=1e-6)
    (folder / "config.json").unlink()  # the model is made once, not for every call
    np.testing.assert_array_equal(*serve(word=words).values(), out)
    assert [spec.shape for spec in serve.outputs.values()] == [(None, 2)]


def test_a_class_that_is_not_known_is_named_with_the_remedy(folder):
    two_inputs().save(folder)
    with pytest.raises(errors.UnknownNameError, match=r"Doubling.*custom_objects"):
        nn.models.load_model(folder)
    again = nn.models.load_model(folder, custom_objects={"Doubling": Doubling})
    assert again([X, Z]).shape == (2, 2)


def test_a_model_without_config_runs_all_the_same(folder):
    lost = lambda x: x + 1  # noqa: E731
    model = nn.Sequential([nn.Input((3,), name="x"), layers.Lambda(lost, name="y")])
    model.save(folder)
    assert (
        load_saved_model(folder).signatures["serving_default"](x=Z)["y"].tolist() == [[2] * 3] * 2
    )
    with pytest.raises(errors.SavingError, match="load_saved_model"):
        nn.models.load_model(folder)


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "config.json", "programs/serving_default.bin"]
)
def test_a_flipped_bit_is_found(folder, name):
    small().save(folder)
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    saved = load_saved_model(folder)
    use = saved.as_model if name == "config.json" else saved.signatures["serving_default"]
    with pytest.raises(errors.CorruptFileError, match=name.rpartition("/")[2]):
        use(**({} if name == "config.json" else {"x": Z}))


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("version", 2, "version 2"),
        ("format", "other", "format"),
        ("files", {"../weights.safetensors": {"size": 1, "sha256": ""}}, "names the file"),
        ("files", {"/etc/passwd": {"size": 1, "sha256": ""}}, "names the file"),
        ("files", [], "cannot be read"),
        ("signatures", {"serve": {"program": "../x", "inputs": {}, "outputs": {}}}, "names the"),
        ("signatures", {"serve": {"inputs": {}, "outputs": {}}}, "program"),
    ],
)
def test_manifests_that_lie_are_refused(folder, key, value, text):
    small().save(folder)
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(errors.CorruptFileError, match=text):
        load_saved_model(folder)


def test_what_is_there_stays_unless_it_may_go(folder):
    small().save(folder)
    before = (folder / "manifest.json").read_bytes()
    with pytest.raises(errors.SavingError, match="overwrite"):
        small().save(folder, overwrite=False)
    wrong = {"serve": Signature(lambda x: x if x.shape[0] > 2 else -x, x=(None, 3))}
    with pytest.raises(errors.SavingError, match=r"signature 'serve'.*any size"):
        small().save(folder, signatures=wrong)
    assert (folder / "manifest.json").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["saved"]
    with pytest.raises(errors.SavingError, match=r"manifest\.json"):
        load_saved_model(folder.parent)


@pytest.mark.parametrize(
    ("signatures", "text"),
    [
        ({}, "dict of"),
        ([1], "dict of"),
        ({"serve": print}, "Signature"),
        ({"not a name": Signature(print, x=(1,))}, "not a name"),
        ({"words": Signature(print, x=nn.Input((1,), dtype="string"))}, "numbers"),
    ],
)
def test_signatures_of_another_kind_are_refused(folder, signatures, text):
    with pytest.raises(errors.ArgumentError, match=text):
        small().save(folder, signatures=signatures)


def test_calls_that_do_not_fit_are_refused(folder):
    small().save(folder)
    serve = load_saved_model(folder).signatures["serving_default"]
    with pytest.raises(errors.ArgumentError, match=r"inputs x, got y"):
        serve(y=Z)
    with pytest.raises(errors.ShapeError, match=r"'x' of shape \(None, 3\), got \(2, 2\)"):
        serve(x=Z[:, :2])
    with pytest.raises(errors.ArgumentError, match="inputs by name"):
        Signature(print)
    with pytest.raises(errors.ArgumentError, match="shape and a dtype"):
        Signature(print, x="float32")


def test_other_dtypes_of_weights_and_inputs(folder):
    model = nn.Sequential(
        [
            nn.Input((4,), dtype="int32", name="ids"),
            layers.Embedding(9, 3, dtype="bfloat16"),
            layers.Flatten(name="flat", dtype="bfloat16"),
        ]
    )
    model.save(folder)
    ids = jnp.arange(8).reshape(2, 4)
    out = load_saved_model(folder).signatures["serving_default"](ids=ids)["flat"]
    assert out.dtype == jnp.bfloat16
    np.testing.assert_array_equal(out, model(ids))


def test_others_may_read_what_was_saved(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    small().save(tmp_path / "saved")
    small().save_weights(tmp_path / "a.safetensors")
    written = [tmp_path / "a.safetensors", tmp_path / "saved" / "weights.safetensors"]
    assert [path.stat().st_mode for path in written] == [plain.stat().st_mode] * 2


def test_a_disk_that_refuses_is_an_error_of_ours(folder, monkeypatch):
    def full(*args):
        raise safetensors.SafetensorError("no space left on device")

    monkeypatch.setattr(safetensors.numpy, "save_file", full)
    with pytest.raises(errors.SavingError, match="no space left"):
        small().save(folder)
    assert not list(folder.parent.iterdir())
