"""ModelCheckpoint: save the model while it trains."""

import contextlib
import math
from pathlib import Path
from typing import Any

from nnlib.callbacks.monitor import better
from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import show_line
from nnlib.saving import Checkpoint
from nnlib.training.callback import Callback, Logs

_MODELS = (".keras", ".h5", ".hdf5")
_WEIGHTS = (".h5", ".hdf5", ".safetensors")


class ModelCheckpoint(Callback):
    """Writes the model after epochs, or after a number of batches.

    Args:
        filepath: a folder, for a checkpoint of all that training depends on; or a file that ends in
            `.keras` or `.h5` for the whole model, in `.weights.h5` for its weights. May hold
            `{epoch:02d}` and the names of logs, `{val_loss:.2f}`.
        monitor: the log by which the best is told.
        verbose: 1 to print what is saved.
        save_best_only: whether only a better value is saved.
        save_weights_only: whether optimizer, key and step are left out; a file holds the weights
            alone then, and is called `.weights.h5` or `.h5`.
        mode: "min", "max", or "auto" by the name of the log.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: only values better than this are saved.
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: Any = "epoch",
        initial_value_threshold: float | None = None,
    ):
        self.filepath = str(filepath)
        _check_ending(self.filepath, save_weights_only)
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ArgumentError(
                "ModelCheckpoint: expected save_freq to be 'epoch' or a number of batches, got "
                f"{save_freq!r}."
            )
        self.monitor, self.verbose = monitor, verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.is_better = better(monitor, mode)
        self.best = initial_value_threshold
        self.save_freq = save_freq
        self.batch_interval = None if save_freq == "epoch" else save_freq
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, if `save_freq` is a number."""
        self._save(self._epoch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if `save_freq` is "epoch"."""
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only and not self._is_best(logs):
            return
        path = self._path(epoch, logs)
        self._write(path)
        if self.verbose and self.model.trainer.placement.peers.chief:
            show_line(f"Epoch {epoch + 1}: saved {path}")

    def _write(self, path: str) -> None:
        trainer, suffix = self.model.trainer, Path(path).suffix
        if suffix not in (*_MODELS, *_WEIGHTS):
            Checkpoint(self.model).write(path, weights_only=self.save_weights_only)
            return
        weights = self.save_weights_only and suffix in _WEIGHTS
        write = self.model.save_weights if weights else self.model.save
        with contextlib.nullcontext() if trainer.session is None else trainer.session.for_chief():
            trainer.placement.peers.from_first(lambda: write(path))

    def _is_best(self, logs: Logs) -> bool:
        if self.monitor not in logs:
            raise ArgumentError(
                f"ModelCheckpoint: expected the log {self.monitor!r}, got only "
                f"{', '.join(logs) or 'none'}. Pass validation_data, or monitor one of these."
            )
        value = logs[self.monitor]
        if math.isnan(value) or (self.best is not None and not self.is_better(value, self.best)):
            return False
        self.best = value
        return True

    def _path(self, epoch: int, logs: Logs) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise ArgumentError(
                f"ModelCheckpoint: expected the names in {self.filepath!r} to be logs, got "
                f"{error.args[0]!r}; logs are {', '.join(logs)}."
            ) from error


def _check_ending(path: str, save_weights_only: bool) -> None:
    """Refuse files of whole models for weights alone, and the other way round."""
    whole = path.endswith(".keras")
    weights = path.endswith((".weights.h5", ".safetensors"))
    if save_weights_only and whole:
        raise ArgumentError(
            f"ModelCheckpoint: expected a path that ends in .weights.h5 with "
            f"save_weights_only=True, got {path!r}."
        )
    if weights and not save_weights_only:
        raise ArgumentError(
            f"ModelCheckpoint: expected save_weights_only=True for {path!r}, got False. Write a "
            "path that ends in .keras for the whole model."
        )
