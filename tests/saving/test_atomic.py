"""Files are there whole or not at all: errors while writing lose nothing."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving import atomic
from nnlib.saving.atomic import old_of, scratch, writing

NAMES = ["a.keras", "a.h5", "a.weights.h5", "weights.h5", "a.safetensors"]


def make(size=300):
    return nn.Sequential([nn.Input((size,)), layers.Dense(size)])


def save(model, path, **options):
    whole = path.name in ("a.keras", "a.h5")
    (model.save if whole else model.save_weights)(path, **options)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def put(path, text, folder):
    if folder:
        path.mkdir()
        (path / "text").write_text(text)
    else:
        path.write_text(text)


def text_of(path, folder):
    return (path / "text" if folder else path).read_text()


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("exchange", [True, False])
def test_the_old_stays_until_the_new_is_complete(tmp_path, monkeypatch, folder, exchange):
    if not exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda first, second: False)
    path = tmp_path / "deep" / "x"
    for text in ("one", "two"):
        with writing(path) as new:
            put(new, text, folder)
            if text == "two":
                assert text_of(path, folder) == "one"
        assert text_of(path, folder) == text
    with pytest.raises(ZeroDivisionError), writing(path) as new:
        put(new, str(1 / 0), folder)
    assert text_of(path, folder) == "two"
    assert names_in(path.parent) == ["x"]


def test_where_a_folder_is_for_an_instant(tmp_path):
    assert old_of(tmp_path / "x").name == "x.old"


@pytest.mark.parametrize("name", [*NAMES, "folder"])
def test_overwrite_false(tmp_path, name):
    model = make(3)
    save(model, tmp_path / name)
    with pytest.raises(errors.SavingError, match="overwrite=False"):
        save(model, tmp_path / name, overwrite=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_loses_nothing(tmp_path, name):
    """The system refuses to write more than some bytes to a file, as it does on a full disk."""
    model = make()
    path = tmp_path / name
    save(model, path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(errors.SavingError, match="expected to write it"):
            save(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert names_in(tmp_path) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_folders_that_cannot_be_written(tmp_path, name):
    (tmp_path / "file").write_text("no folder")
    for folder in (tmp_path / "file", Path("/proc/self")):  # /proc is read-only for root, too
        with pytest.raises(errors.SavingError, match="expected to write it"):
            save(make(3), folder / name)


def test_leftovers_of_killed_processes_go(tmp_path):
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from nnlib.saving.atomic import writing, scratch\n"
        "path = Path(sys.argv[1])\n"
        "with writing(path) as new, scratch(path) as folder:\n"
        "    new.write_text('half'); (folder / 'piece').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", code, str(tmp_path / "x[1].keras")]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": root}, check=False)
    assert len(names_in(tmp_path)) == 2
    other = tmp_path / ".x[1].keras.elsewhere.1.0123456789ab.tmp"
    other.write_text("of another machine")
    with writing(tmp_path / "x[1].keras") as new:
        new.write_text("whole")
        assert other.exists()
    assert names_in(tmp_path) == [other.name, "x[1].keras"]


def test_pieces_are_deleted(tmp_path):
    with scratch(tmp_path / "x") as folder:
        (folder / "piece").write_text("x")
    assert names_in(tmp_path) == []


def test_links_are_replaced_and_their_targets_kept(tmp_path):
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with writing(tmp_path / "link") as new:
        new.write_text("new")
    assert (tmp_path / "target").read_text() == "kept"
    assert (tmp_path / "link").read_text() == "new"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_safetensors_hold_weights_exactly(tmp_path, dtype):
    stack = [layers.Dense(3, dtype=dtype), layers.BatchNormalization()]
    model = nn.Sequential([nn.Input((4,)), *stack])
    kernel = np.asfortranarray(np.arange(12.0).reshape(4, 3))  # not contiguous
    model.layers[0].kernel = kernel
    model.save_weights(tmp_path / "a.safetensors")
    other = nn.Sequential(
        [nn.Input((4,)), layers.Dense(3, dtype=dtype), layers.BatchNormalization()]
    )
    other.load_weights(tmp_path / "a.safetensors")
    for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_safetensors_of_another_model(tmp_path):
    make(3).save_weights(tmp_path / "a.safetensors")
    other = make(4)
    before = other.get_weights()
    with pytest.raises(errors.ShapeError, match=r"dense/kernel of shape \(4, 4\).* 1 more"):
        other.load_weights(tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match="skipped"):
        other.load_weights(tmp_path / "a.safetensors", skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_safetensors_of_other_writers_have_no_checksums(tmp_path):
    from safetensors.numpy import save_file

    arrays = {"dense/kernel": np.ones((3, 3), "float32"), "dense/bias": np.ones(3, "float16")}
    save_file(arrays, tmp_path / "a.safetensors")
    model = make(3)
    model.load_weights(tmp_path / "a.safetensors")
    assert float(model.get_weights()[1].sum()) == 3.0
