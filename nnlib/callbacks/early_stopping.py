"""EarlyStopping: end training when it no longer helps."""

from typing import Any

from nnlib.callbacks.monitor import Monitor
from nnlib.core.show_line import show_line
from nnlib.training.callback import Callback, Logs


class EarlyStopping(Callback):
    """Stops training once a log has not become better for some epochs.

    Args:
        monitor: the log to watch.
        min_delta: by how much it has to change to count as better.
        patience: how many epochs without a better value are borne.
        verbose: 1 to print when it stops.
        mode: "min", "max", or "auto" by the name of the log.
        baseline: a value to beat; until then every epoch counts against `patience`.
        restore_best_weights: whether the weights of the best epoch are put back at the end.
        start_from_epoch: epochs before this one are not looked at.

    >>> import numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> stop = EarlyStopping("loss", min_delta=10.0, patience=2)
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=9, verbose=0, callbacks=[stop])
    >>> len(history.epoch)
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ):
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._begin()

    def _begin(self) -> None:
        self._monitor = Monitor("EarlyStopping", self.monitor, self.mode, self.min_delta)
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    @property
    def best(self) -> float | None:
        """The best value so far."""
        return self._monitor.best

    @best.setter
    def best(self, value: float | None) -> None:
        self._monitor.best = value

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew: one object may serve several fits."""
        self._begin()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and stop if patience is over."""
        value = self._monitor.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)  # also where no value ever is better, all of them being NaN
        self.wait += 1
        if self._monitor.improves(value, self.best):
            self._monitor.best = value
            self._keep(epoch)
            if self.baseline is None or self._monitor.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Say where it stopped, and put the best weights back."""
        if self.verbose and self.stopped_epoch:
            show_line(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                show_line(f"Back to the weights of epoch {self.best_epoch + 1}, the best one")
            self.model.set_weights(self.best_weights)
