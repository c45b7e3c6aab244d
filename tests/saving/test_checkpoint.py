"""Checkpoints: complete, checked, and never half written."""

import gc
import os
import resource
import shutil
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest

import nnlib as nn
from nnlib import errors, layers
from nnlib.saving import Checkpoint, CheckpointManager, latest_checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = RNG.integers(0, 3, 40)


def make(optimizer="adam", units=8, compiled=True):
    model = nn.Sequential(
        [
            nn.Input((4,)),
            layers.Dense(units, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ]
    )
    if compiled:
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(**options):
    model = make(**options)
    model.fit(X, Y, epochs=2, batch_size=10, verbose=0)
    return model


def assert_equal_trees(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", optax.adamw(1e-3)])
def test_training_goes_on_from_a_checkpoint_to_the_bit(tmp_path, optimizer):
    model = trained(optimizer=optimizer)
    path = Checkpoint(model=model).save(tmp_path / "ckpt")
    other = make(optimizer=optimizer)
    Checkpoint(model=other).restore(path).assert_consumed()
    for one in (model, other):
        one.fit(X, Y, epochs=2, batch_size=10, verbose=0)
    assert_equal_trees(model.variables, other.variables)


def test_a_new_process_restores_the_same_predictions(tmp_path):
    model = trained()
    path = Checkpoint(model=model).write(tmp_path / "ckpt")
    np.save(tmp_path / "x.npy", X)
    code = (
        "import sys, numpy as np, nnlib as nn\n"
        "from nnlib import layers\n"
        "model = nn.Sequential([nn.Input((4,)), layers.Dense(8, activation='relu'),"
        " layers.BatchNormalization(), layers.Dropout(0.2),"
        " layers.Dense(3, activation='softmax')])\n"
        "nn.saving.Checkpoint(model=model).restore(sys.argv[1]).expect_partial()\n"
        "np.save(sys.argv[3], model.predict(np.load(sys.argv[2])))\n"
    )
    arguments = [path, str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict(X))


def test_numbered_files_and_the_guides_way(tmp_path):
    model = trained()
    checkpoint = Checkpoint(model=model, optimizer=model.optimizer)
    prefix = tmp_path / "path" / "checkpoint"
    assert checkpoint.save(prefix).endswith("checkpoint-1")
    model.fit(X, Y, verbose=0)
    newest = checkpoint.save(prefix)
    assert latest_checkpoint(tmp_path / "path") == newest
    other = make(compiled=False)
    status = Checkpoint(model=other).restore(prefix)
    status.expect_partial()
    with pytest.raises(errors.CheckpointError, match="Compile the model before restoring"):
        status.assert_consumed()
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


def test_writing_again_replaces_and_leaves_nothing_behind(tmp_path):
    model = trained()
    path = tmp_path / "ckpt"
    Checkpoint(model=model).write(path)
    model.fit(X, Y, verbose=0)
    Checkpoint(model=model).write(path)
    assert [p.name for p in tmp_path.iterdir()] == ["ckpt"]
    other = make()
    Checkpoint(model=other).restore(path)
    assert_equal_trees(model.variables, other.variables)


@pytest.mark.parametrize("left_behind", ["new", "old"])
def test_a_crash_between_the_renames_loses_nothing(tmp_path, left_behind):
    model = trained()
    path = tmp_path / "ckpt"
    Checkpoint(model=model).write(path)
    path.rename(tmp_path / f"ckpt.{left_behind}")
    other = make()
    Checkpoint(model=other).restore(path)
    assert_equal_trees(model.variables, other.variables)
    Checkpoint(model=other).write(path)
    assert Checkpoint(model=make()).restore(path).path == str(path)


def test_a_checkpoint_of_another_model_is_refused_and_changes_nothing(tmp_path):
    path = Checkpoint(model=trained(units=8)).write(tmp_path / "ckpt")
    other = make(units=9)
    before = other.get_weights()
    with pytest.raises(errors.WeightMissingError, match=r"params/\w+/\w+: .*got \(8,\)"):
        Checkpoint(model=other).restore(path)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(errors.WeightMissingError, match="optimizer: expected a state"):
        Checkpoint(model=make(optimizer="rmsprop")).restore(path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_not_there_or_damaged_is_said(tmp_path):
    model = trained()
    (tmp_path / "other").mkdir()
    with pytest.raises(errors.CheckpointError, match=r"nothing there.*Beside it: other"):
        Checkpoint(model=model).restore(tmp_path / "ckpt")
    path = Checkpoint(model=model).write(tmp_path / "ckpt")
    for folder, _, files in os.walk(path):
        for file in files:
            if file.startswith("manifest"):
                os.truncate(os.path.join(folder, file), 3)
    with pytest.raises(errors.CheckpointError, match="cannot be read"):
        Checkpoint(model=make()).restore(path)
    gc.collect()  # Orbax leaves an event loop behind: let it complain here


def test_an_optimizer_that_is_not_the_models_is_refused():
    with pytest.raises(errors.ArgumentError, match="compiled with"):
        Checkpoint(model=make(), optimizer=nn.optimizers.SGD())


def test_the_manager_keeps_the_newest_or_the_best(tmp_path):
    model = trained()
    with CheckpointManager(model, tmp_path / "newest", max_to_keep=2) as manager:
        assert manager.restore_or_initialize() is None
        for step in (1, 2, 3):
            manager.save(step)
        assert manager.steps == [2, 3]
        assert manager.latest_step == 3
        with pytest.raises(errors.CheckpointError, match="checkpoint 7, got only 2, 3"):
            manager.restore(7)
    best = CheckpointManager(
        model, tmp_path / "best", max_to_keep=1, best_metric="val_loss", asynchronous=True
    )
    for step, loss in ((1, 0.5), (2, 0.1), (3, 0.9)):
        best.save(step, metrics={"val_loss": loss})
    best.wait()
    assert best.best_step == 2
    best.restore(2).assert_consumed()
    best.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # event loops of Orbax, when it fails
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_manager_goes_back_to_the_newest_that_can_be_read(tmp_path):
    model = trained()
    with CheckpointManager(model, tmp_path) as manager:
        for step in (1, 2):
            manager.save(step)
            (tmp_path / str(step) / "default" / "manifest.ocdbt").write_bytes(b"")
            if step == 1:
                with pytest.raises(errors.CheckpointError, match="cannot be read"):
                    manager.restore_or_initialize()
                assert manager.steps == [1]
                manager.save(0)
        with pytest.warns(UserWarning, match=r"default: .* cannot be read .* one before") as told:
            assert manager.restore_or_initialize() == str(tmp_path / "0" / "default")
        assert len(told) == 2
        assert manager.steps == [0]
        assert len(list(tmp_path.glob("*.unreadable"))) == 2  # nothing is lost
        manager.save(2)  # training gets there again
        assert manager.restore_or_initialize() == str(tmp_path / "2" / "default")
    gc.collect()  # here, where their warnings are expected


def test_the_manager_says_what_the_disk_refuses(tmp_path):
    model, folder = trained(), tmp_path / "folder"
    with CheckpointManager(model, folder) as manager:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, before[1]))
        try:
            with pytest.raises(errors.SavingError, match=r"folder: expected to write .*space"):
                manager.save(1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        manager.save(1)
        with pytest.raises(errors.SavingError, match=r"another number .* got 1"):
            manager.save(1)
        folder.rename(tmp_path / "gone")
        folder.write_text("a file")
        with pytest.raises(errors.SavingError, match="folder: expected to write"):
            manager.save(2)
    with pytest.raises(errors.SavingError, match="folder: expected to write"):
        CheckpointManager(model, folder)


def test_the_manager_says_later_what_the_disk_refused_meanwhile(tmp_path, monkeypatch):
    def failed():
        raise ValueError("OUT_OF_RANGE: Error writing local file")  # as Orbax's threads raise

    manager = CheckpointManager(trained(), tmp_path, asynchronous=True)
    for name, method in (("wait_until_finished", manager.wait), ("close", manager.close)):
        with monkeypatch.context() as patch:
            patch.setattr(manager._manager, name, failed)
            with pytest.raises(errors.SavingError, match=r"expected to write .*space"):
                method()
    manager.close()


def test_weights_of_no_elements_survive(tmp_path):
    model = nn.Sequential([nn.Input((0,)), layers.Dense(2)])
    path = Checkpoint(model=model).write(tmp_path / "ckpt")
    Checkpoint(model=model).restore(path).assert_consumed()


def test_disk_errors_leave_the_old_checkpoint(tmp_path, monkeypatch):
    model = trained()
    path = tmp_path / "ckpt"
    Checkpoint(model=model).write(path)
    kept = model.get_weights()
    model.fit(X, Y, verbose=0)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("orbax.checkpoint.StandardCheckpointer.save", full)
    with pytest.raises(OSError, match="No space left"):
        Checkpoint(model=model).write(path)
    other = make()
    Checkpoint(model=other).restore(path)
    for a, b in zip(kept, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    shutil.rmtree(path)
