"""OrbaxCheckpoint: numbered checkpoints of a run, the newest or the best."""

from pathlib import Path
from typing import Any

from nnlib.callbacks.monitor import Monitor
from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import show_line
from nnlib.saving import CheckpointManager
from nnlib.training.callback import Callback, Logs


class OrbaxCheckpoint(Callback):
    """Saves into `directory`, under the number of the epoch or of the batch, and keeps the last.

    `nnlib.saving.CheckpointManager(model, directory).restore()` reads the newest.

    Args:
        directory: a folder for this run.
        monitor: the log by which the best is told.
        verbose: 1 to print what is saved.
        save_best_only: whether only a better value is saved.
        mode: "min", "max", or "auto" by the name of the log.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: only values better than this are saved.
        max_to_keep: how many stay; None for all.
        save_on_background: whether training goes on while files are written.
        save_weights_only: whether optimizer, key and step are left out.
    """

    def __init__(
        self,
        directory: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ):
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                "OrbaxCheckpoint: expected save_freq to be 'epoch' or a number of batches, got "
                f"{save_freq!r}."
            )
        self.directory, self.verbose, self.save_freq = Path(directory), verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self.batch_interval = None if save_freq == "epoch" else save_freq
        self._monitor = Monitor("OrbaxCheckpoint", monitor, mode)
        self._monitor.best = initial_value_threshold
        self._manager: CheckpointManager | None = None
        self._batches = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the folder."""
        self._manager = CheckpointManager(
            self.model,
            self.directory,
            max_to_keep=self.max_to_keep,
            asynchronous=self.save_on_background,
        )
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, if `save_freq` is a number."""
        self._batches += self.save_freq
        self._save(self._batches, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if `save_freq` is "epoch"."""
        if self.save_freq == "epoch":
            self._save(epoch, logs)

    def _save(self, number: int, logs: Logs | None) -> None:
        if self.save_best_only:
            value = self._monitor.value(logs)
            if value is None or not self._monitor.improves(value, self._monitor.best):
                return
            self._monitor.best = value
        assert self._manager is not None
        self._manager.save(number, weights_only=self.save_weights_only)
        if self.verbose and self.model.trainer.placement.peers.chief:
            show_line(f"Saved {self.directory / str(number)}")

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Wait until everything is written."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None
