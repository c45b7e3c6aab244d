"""Files of weights and slots that are cut over two processes; see replicas_of_two_processes.py."""

import hashlib
from pathlib import Path

import jax
import numpy as np
import pytest

import nnlib as nn


def digest(model):
    """Of everything that training goes on from: weights, slots, key and step."""
    found, tree = hashlib.sha256(), nn.saving.state_tree.to_tree(model)
    training = [tree["training"][name] for name in ("optimizer", "key", "step")]
    for array in jax.tree.leaves([tree["params"], training]):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


class Stop(nn.callbacks.Callback):
    """A run that ends within its second epoch, as if it were killed."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 6:
            raise InterruptedError


def check(fit, model, rank, folder):
    """All promises; `folder` is on a disk that both processes see.

    Args:
        fit: from a strategy, epochs and callbacks to a model; `model` is fit(strategy).
        model: whose weights are cut over both processes.
        rank: of this process.
        folder: empty.
    """
    folder, own = Path(folder), Path(folder) / f"of_{rank}"
    own.mkdir()
    strategy = model.distribute_strategy
    of_all_processes(model, own)
    fits_write_by_the_chief(fit, strategy, folder / "chief", rank)
    a_fit_goes_on(fit, model, own)
    refusals(model, folder, rank)


def of_all_processes(model, own):
    """Every process calls and has a file, which loads without a strategy."""
    weights = model.get_weights()
    for name in ("w.weights.h5", "w.h5", "w.safetensors"):
        model.save_weights(own / name)
        alone = nn.models.clone_model(model)
        alone.load_weights(own / name)
        np.testing.assert_equal(alone.get_weights(), weights)
    for name in ("model.keras", "model.h5", "model"):
        model.save(own / name)
        alone = nn.models.load_model(own / name)
        np.testing.assert_equal(alone.get_weights(), weights)
        if name == "model.keras":  # slots and key came along
            assert digest(alone) == digest(model)


def fits_write_by_the_chief(fit, strategy, folder, rank):
    """Callbacks that write, within a fit: one file, and the training is not disturbed."""
    names = ("m.keras", "m.h5", "folder")
    weights = ("w.weights.h5", "w.h5", "w.safetensors")
    kept = [nn.callbacks.ModelCheckpoint(folder / name) for name in names]
    kept += [nn.callbacks.ModelCheckpoint(folder / n, save_weights_only=True) for n in weights]
    kept += [nn.callbacks.OrbaxCheckpoint(folder / "orbax")]
    trained = fit(strategy, 2, kept)
    expected = digest(trained)
    assert digest(fit(strategy, 2)) == expected
    alone = nn.models.load_model(folder / "m.keras")
    assert digest(alone) == expected
    for name in (*names, *weights):
        alone.set_weights([0 * w for w in alone.get_weights()])
        alone.load_weights(folder / name)
        np.testing.assert_equal(alone.get_weights(), trained.get_weights())
    other = fit(strategy, 1)
    assert nn.saving.CheckpointManager(other, folder / "orbax").restore_or_initialize()
    assert digest(other) == expected
    assert not list(folder.glob(".*")), "leftovers"
    if rank == 0:  # what two processes wrote, in one of them
        alone.set_weights([0 * w for w in alone.get_weights()])
        nn.saving.Checkpoint(alone).restore(folder / "folder")
        assert digest(alone) == expected


def a_fit_goes_on(fit, model, own):
    """Broken off at step 6, backed up at 5; only the disk of the chief is needed."""
    strategy = model.distribute_strategy
    backup = nn.callbacks.BackupAndRestore(own / "backup", save_freq=5)
    with pytest.raises(InterruptedError):
        fit(strategy, 2, [backup, Stop()])
    backup = nn.callbacks.BackupAndRestore(own / "backup", save_freq=5)
    assert digest(fit(strategy, 2, [backup])) == digest(model)


def refusals(model, folder, rank):
    """What goes wrong goes wrong on both."""
    x = np.zeros((8, 8), "float32")
    board = nn.callbacks.TensorBoard(folder / "board", histogram_freq=1, write_graph=False)
    with pytest.raises(ValueError, match="cut over several processes"):
        model.fit(x, x, verbose=0, callbacks=[board])
    (folder / "file").touch()  # it cannot be written below a file: the chief sees that
    kept = nn.callbacks.ModelCheckpoint(folder / ("file" if rank == 0 else "else") / "m.keras")
    with pytest.raises(nn.errors.SavingError):
        model.fit(x, x, verbose=0, callbacks=[kept])
    with pytest.raises(nn.errors.CheckpointError, match="got only none"):
        nn.saving.CheckpointManager(model, folder / "empty").restore()
