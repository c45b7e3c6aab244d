"""ReduceLROnPlateau: a smaller learning rate when progress ends."""

from nnlib.callbacks.learning_rates import log_rates, optimizers_of
from nnlib.callbacks.monitor import Monitor
from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import show_line
from nnlib.training.callback import Callback, Logs


class ReduceLROnPlateau(Callback):
    """Multiplies the learning rate by `factor` when a log has not become better for some epochs.

    The learning rate is put into the logs.

    Args:
        monitor: the log to watch.
        factor: below 1.
        patience: how many epochs without a better value are borne.
        verbose: 1 to print every change.
        mode: "min", "max", or "auto" by the name of the log.
        min_delta: by how much the log has to change to count as better.
        cooldown: epochs after a change that do not count.
        min_lr: the learning rate does not go below it.

    Raises:
        ArgumentError: for a factor of 1 or more.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ):
        if not factor < 1.0:
            raise ArgumentError(
                f"ReduceLROnPlateau: expected a factor below 1, got {factor!r}: the learning rate "
                "would not become smaller."
            )
        self.monitor, self.mode, self.min_delta = monitor, mode, min_delta
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._begin()

    def _begin(self) -> None:
        self._monitor = Monitor("ReduceLROnPlateau", self.monitor, self.mode, self.min_delta)
        self.cooldown_counter = self.wait = 0

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
        """Compare, and make the learning rate smaller if patience is over."""
        log_rates(self.model, logs)
        value = self._monitor.value(logs)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._monitor.improves(value, self.best):
            self._monitor.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        """Whether any learning rate could still be made smaller."""
        reduced = False
        for optimizer in optimizers_of(self.model).values():
            old = float(optimizer.learning_rate)
            if old > self.min_lr:
                reduced = True
                optimizer.learning_rate = max(old * self.factor, self.min_lr)
                if self.verbose:
                    show_line(
                        f"Epoch {epoch + 1}: learning rate {float(optimizer.learning_rate):.3g}"
                    )
        return reduced
