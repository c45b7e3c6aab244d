"""Damaged folders of `model.save(folder)`: an error of ours, or what was saved."""

import shutil

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving import load_saved_model
from tests.saving.test_hostile_files import damaged, fuzz

FILES = ["manifest.json", "config.json", "weights.safetensors", "training.safetensors",
         "programs/serving_default.bin"]  # fmt: skip
X = np.ones((2, 3), "float32")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """(a folder, what its model makes of X)."""
    folder = tmp_path_factory.mktemp("hostile") / "saved"
    model = nn.Sequential([nn.Input((3,), name="x"), layers.Dense(2, name="y")])
    model.compile("sgd", "mse")
    model.save(folder)
    return folder, np.asarray(model(X))


def outputs_of(folder, name):
    """The outputs of the part of the folder that the file is for, or None where it was refused."""
    try:
        saved = load_saved_model(folder)
        if name in ("config.json", "training.safetensors"):
            return np.asarray(saved.as_model()(X))
        (serve,) = saved.signatures.values()
        (out,) = serve(x=X).values()
    except errors.NnlibError:
        return None
    return np.asarray(out)


@fuzz(25, FILES)
def test_damage_is_found_or_does_no_harm(saved, name, damage):
    folder, expected = saved
    original = (folder / name).read_bytes()
    try:
        (folder / name).write_bytes(damaged(original, damage))
        found = outputs_of(folder, name)
    finally:
        (folder / name).write_bytes(original)
    assert found is None or np.array_equal(found, expected)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_missed(saved, name, tmp_path):
    folder = shutil.copytree(saved[0], tmp_path / "copy")
    (folder / name).unlink()
    assert outputs_of(folder, name) is None
