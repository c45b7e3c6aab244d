"""The loop of `fit`."""

from typing import Any

import jax

from nnlib.core.random import fold
from nnlib.training.callback import CallbackList, Logs
from nnlib.training.evaluate import evaluate_source
from nnlib.training.history import History
from nnlib.training.interrupts import interrupts_deferred
from nnlib.training.pacer import Pacer
from nnlib.training.progress import ProgbarLogger
from nnlib.training.session import Session
from nnlib.training.source import Source, Window
from nnlib.training.trainer import Position, Trainer

BAR_SECONDS = 0.1
"""How often a progress bar wants to move."""
QUIET_SECONDS = 1.0
"""How long a dispatch may last while nobody watches: an interrupt has to wait for it."""


class FitLoop:
    """Epochs over one source of batches.

    Args:
        trainer: with a model that is compiled and built.
        source: the training data.
        validation: data to evaluate after epochs, or None.
        callbacks: what to call.
        bar: the progress display among them, or None.
        epochs: the number of the last epoch.
        shuffle: whether each epoch takes the rows in a new order.
    """

    def __init__(
        self,
        trainer: Trainer,
        source: Source,
        validation: Source | None,
        callbacks: CallbackList,
        bar: ProgbarLogger | None,
        epochs: int,
        shuffle: bool,
    ):
        self.trainer, self.source, self.validation = trainer, source, validation
        self.callbacks, self.bar = callbacks, bar
        self.epochs, self.shuffle = epochs, shuffle
        self.masked = source.ragged and trainer.pads()
        self.runner = trainer.runner("train", source.batch_size, self.masked)
        watched = bar is not None and bar.moves
        self.pacer = Pacer(BAR_SECONDS if watched else QUIET_SECONDS, self.runner.seconds_per_step)
        self._last_logs: Any = None

    @property
    def session(self) -> Session:
        """The trainer's; a new one if a callback trained another model with the same layers."""
        return self.trainer.open()

    def run(self, initial_epoch: int) -> History:
        """All epochs; returns their logs."""
        trainer = self.trainer
        history = trainer.history = next(c for c in self.callbacks.callbacks if type(c) is History)
        trainer.stop_training, trainer.fitting = False, True
        trainer.position = Position(initial_epoch, 0, int(self.session.state.step))
        logs: Logs | None = None
        try:
            self.callbacks.call("on_train_begin")
            while trainer.position.epoch < self.epochs and not trainer.stop_training:
                logs = self._epoch()
            self.callbacks.call("on_train_end", logs)
        finally:
            self.runner.seconds_per_step = self.pacer.seconds_per_step
            trainer.fitting = False
            trainer.close()
            trainer.reset_metrics()
            if self.bar is not None:
                self.bar.on_train_end()
        return history

    def _epoch(self) -> Logs:
        position = self.trainer.position
        assert self.trainer.objective is not None
        self.callbacks.call("on_epoch_begin", position.epoch)
        if position.batch == 0:
            state = self.trainer.current()
            position = Position(position.epoch, 0, int(state.step))
            self.trainer.position = position
            self.session.advance(state._replace(metrics=self.trainer.objective.zeros()))
        order = None
        if self.shuffle:
            key = fold(self.session.state.rng, "shuffle", position.epoch_step)
            order = self.source.order(key)
        self._batches(order)
        logs = self._epoch_logs()
        self.trainer.position = Position(position.epoch + 1, 0, int(self.session.state.step))
        self.trainer.show_optimizer()
        self.callbacks.call("on_epoch_end", position.epoch, logs)
        return logs

    def _batches(self, order: Any) -> None:
        short_tail = self.source.ragged and not self.masked
        stop = self.source.steps - short_tail
        while (done := self.trainer.position.batch) < stop and not self.trainer.stop_training:
            self.callbacks.batches_begin(done)
            window = self.source.window(order, done, self._count(done, stop))
            self._run(self.runner, window)
        if short_tail and self.trainer.position.batch == stop and not self.trainer.stop_training:
            self.callbacks.batches_begin(stop)
            data = self.source.tail(order)
            rows = self.source.rows - stop * self.source.batch_size
            self._run(self.trainer.runner("train", rows, False), Window(data, None, 0, 1))
        self.pacer.drain()

    def _count(self, done: int, stop: int) -> int:
        """How many steps go into the next dispatch."""
        assert self.trainer.compiled is not None
        wanted = self.trainer.compiled.steps_per_execution or self.pacer.steps
        next_stop = self.callbacks.next_stop(done)
        return min(wanted, stop - done, (next_stop or stop) - done or stop)

    def _run(self, runner: Any, window: Window) -> None:
        state = self.trainer.current()
        with interrupts_deferred():
            state, logs = runner.run(
                state, None, window.data, window.order, window.start, window.count
            )
            self.session.advance(state)
        position = self.trainer.position
        done = position.batch + window.count
        self.trainer.position = Position(position.epoch, done, position.epoch_step)
        finished = self.pacer.sent(logs, window.count)
        self._last_logs = logs
        if self.callbacks.next_stop(done - 1) == done:
            self.trainer.show_optimizer()
            assert self.trainer.objective is not None
            names = self.trainer.objective.log_names
            self.callbacks.batches_done("on_train_batch_end", done, _in_order(_floats(logs), names))
        if self.bar is not None and finished is not None:
            self.bar.show(done - window.count, _floats(finished))

    def _epoch_logs(self) -> Logs:
        trainer, sums = self.trainer, self.session.state.metrics
        assert trainer.objective is not None
        logs = self._last_logs
        if logs is None:  # resumed behind the last batch of an epoch
            logs = trainer.objective.results(sums)
        if not self.callbacks.handles_nan:
            trainer.raise_if_nan(sums, trainer.position)
        floats = _in_order(_floats(logs), trainer.objective.log_names)
        if self.validation is not None:
            self.callbacks.call("on_test_begin")
            values = evaluate_source(trainer, self.validation, trainer.current())
            self.callbacks.call("on_test_end", values)
            floats |= {f"val_{name}": value for name, value in values.items()}
        return floats


def _floats(logs: Any) -> Logs:
    return {name: float(value) for name, value in jax.device_get(logs).items()}


def _in_order(logs: Logs, names: list[str]) -> Logs:
    """A jitted step returns its dict sorted; show it in the order of `compile`."""
    known = {name: logs[name] for name in names if name in logs}
    return known | {name: value for name, value in logs.items() if name not in known}
