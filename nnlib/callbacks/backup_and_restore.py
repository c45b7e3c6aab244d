"""BackupAndRestore: a killed fit goes on where it was, to the bit."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.saving import CheckpointManager
from nnlib.training.callback import Callback, Logs


class BackupAndRestore(Callback):
    """Backs training up; the same `fit`, started again in a new process, goes on from there.

    The backup holds weights, state, optimizer, key, step, and the position in the epoch, so the
    weights at the end are those of a run that was never interrupted, bit for bit.

    Args:
        backup_dir: a folder for this run alone.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: whether the backup before the last is kept too.
        delete_checkpoint: whether the backup is deleted when training is complete.
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: Any = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ):
        if not backup_dir:
            raise ArgumentError(
                f"BackupAndRestore: expected backup_dir to be a folder, got {backup_dir!r}."
            )
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                "BackupAndRestore: expected save_freq to be 'epoch' or a number of batches, got "
                f"{save_freq!r}."
            )
        self.backup_dir = Path(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.batch_interval = None if save_freq == "epoch" else save_freq
        self._manager: CheckpointManager | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Go on from the backup, if there is one."""
        keep = 2 if self.double_checkpoint else 1
        self._manager = CheckpointManager(self.model, self.backup_dir, max_to_keep=keep)
        self._manager.restore_or_initialize()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Back up, if `save_freq` is a number."""
        self._back_up()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Back up, if `save_freq` is "epoch"."""
        if self.save_freq == "epoch":
            self._back_up()

    def _back_up(self) -> None:
        assert self._manager is not None
        self._manager.save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The run is complete: there is nothing to go back to."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None
        if self.delete_checkpoint and self.model.trainer.placement.peers.chief:
            self._delete()

    def _delete(self) -> None:
        """Under another name: who is killed meanwhile leaves no half of a backup to go on from."""
        folder = self.backup_dir.resolve()
        deleted = folder.with_name(f"{folder.name}.deleted")
        shutil.rmtree(deleted, ignore_errors=True)
        with contextlib.suppress(OSError):  # a disk of its own has no other name
            folder.rename(deleted)
        for rest in (deleted, folder):
            shutil.rmtree(rest, ignore_errors=True)
