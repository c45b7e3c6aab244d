"""LearningRateScheduler: the learning rate as a function of the epoch."""

import inspect
from collections.abc import Callable

from nnlib.callbacks.learning_rates import log_rates, optimizers_of
from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import show_line
from nnlib.training.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch, and puts it into the logs.

    Args:
        schedule: `f(epoch, learning_rate) -> learning_rate`, or `f(epoch)`.
        verbose: 1 to print it.

    Raises:
        ArgumentError: if the function returns anything but a number.

    >>> import numpy as np, nnlib as nn
    >>> model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0, callbacks=halve)
    >>> [round(rate, 5) for rate in history.history["learning_rate"]]
    [0.005, 0.0025]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0):
        if not callable(schedule):
            raise ArgumentError(
                f"LearningRateScheduler: expected a function of the epoch, got {schedule!r}."
            )
        self.schedule, self.verbose = schedule, verbose
        try:
            self._takes_rate = len(inspect.signature(schedule).parameters) > 1
        except ValueError:  # functions written in C may not tell
            self._takes_rate = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set it."""
        for optimizer in optimizers_of(self.model).values():
            arguments = (epoch, float(optimizer.learning_rate))[: 2 if self._takes_rate else 1]
            rate = self.schedule(*arguments)
            try:
                optimizer.learning_rate = float(rate)
            except TypeError:
                raise ArgumentError(
                    "LearningRateScheduler: expected the schedule to return a number, got "
                    f"{rate!r}."
                ) from None
            if self.verbose:
                show_line(f"Epoch {epoch + 1}: learning rate {float(rate):.3g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Put it into the logs."""
        log_rates(self.model, logs)
