"""The loop of `fit`."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from nnlib.core.random import fold
from nnlib.training.callback import CallbackList, Logs
from nnlib.training.evaluate import evaluate_feed, in_order
from nnlib.training.feed import Feed, Pass, Window
from nnlib.training.find_nonfinite import raise_if_nan
from nnlib.training.history import History
from nnlib.training.interrupts import LostInterrupts, interrupts_deferred
from nnlib.training.pacer import Pacer
from nnlib.training.position import Position
from nnlib.training.progress import ProgbarLogger
from nnlib.training.session import Session
from nnlib.training.trainer import Trainer

BAR_SECONDS = 0.1
"""How often a progress bar wants to move."""
QUIET_SECONDS = 1.0
"""How long a dispatch may last while nobody watches: an interrupt has to wait for it."""


@dataclass(frozen=True)
class Validation:
    """What is evaluated between epochs, and when."""

    feed: Feed
    steps: int | None = None
    frequency: int | Collection[int] = 1
    """After every so many epochs, or after these, counted from 1."""

    def is_due(self, epoch: int) -> bool:
        """Whether it is time after epoch number `epoch`, counted from 0."""
        if isinstance(self.frequency, int):
            return (epoch + 1) % self.frequency == 0
        return epoch + 1 in self.frequency


class FitLoop:
    """Epochs over one feed of batches.

    Args:
        trainer: with a model that is compiled and built.
        feed: the training data.
        validation: what to evaluate after epochs, or None.
        callbacks: what to call.
        bar: the progress display among them, or None.
        epochs: the number of the last epoch.
        shuffle: whether each pass takes the rows in a new order.
        steps_per_epoch: batches in an epoch; a whole pass if None.
    """

    def __init__(
        self,
        trainer: Trainer,
        feed: Feed,
        validation: Validation | None,
        callbacks: CallbackList,
        bar: ProgbarLogger | None,
        epochs: int,
        shuffle: bool,
        steps_per_epoch: int | None = None,
    ):
        self.trainer, self.feed, self.validation = trainer, feed, validation
        self.callbacks, self.bar = callbacks, bar
        self.epochs, self.shuffle, self.steps_per_epoch = epochs, shuffle, steps_per_epoch
        self.runner = trainer.runner("train", feed.batch_size, feed.masked)
        watched = bar is not None and bar.moves
        self.pacer = Pacer(
            BAR_SECONDS if watched else QUIET_SECONDS,
            self.runner.seconds_per_step,
            alone=trainer.placement.processes == 1,
        )
        self.lost_interrupts = LostInterrupts()
        self._last_logs: Any = None
        self._pass: Pass | None = None

    @property
    def session(self) -> Session:
        """The trainer's; a new one if a callback trained another model with the same layers."""
        return self.trainer.open()

    def run(self, initial_epoch: int) -> History:
        """All epochs; returns their logs."""
        trainer = self.trainer
        history = trainer.history = next(c for c in self.callbacks.callbacks if type(c) is History)
        trainer.stop_training, trainer.fitting = False, True
        step = int(self.session.state.step)
        trainer.position = Position(initial_epoch, 0, step, step)
        logs: Logs | None = None
        try:
            self.callbacks.call("on_train_begin")
            with self.lost_interrupts:
                while trainer.position.epoch < self.epochs and not trainer.stop_training:
                    logs = self._epoch()
            trainer.finish()
            self.callbacks.call("on_train_end", logs)
            trainer.placement.peers.meet()  # the files of the chief are there
        finally:
            self.runner.seconds_per_step = self.pacer.seconds_per_step
            trainer.fitting = False
            self._end_pass()
            self.feed.close()
            if self.validation is not None:
                self.validation.feed.close()
            trainer.close()
            trainer.reset_metrics()
            if self.bar is not None:
                self.bar.on_train_end()
        return history

    def _epoch(self) -> Logs | None:
        trainer = self.trainer
        assert trainer.objective is not None
        if not self._begin_epoch():
            return None
        self.callbacks.call("on_epoch_begin", trainer.position.epoch)
        if trainer.position.batch == 0:
            self.session.advance(trainer.current()._replace(metrics=trainer.zero_sums()))
        self._batches()
        if self.steps_per_epoch is None:
            self._end_pass()
        epoch = trainer.position.epoch
        logs = self._epoch_logs()
        trainer.position = trainer.position.next_epoch(int(self.session.state.step))
        trainer.show_optimizer()
        self.callbacks.call("on_epoch_end", epoch, logs)
        return logs

    # Passes ------------------------------------------------------------------------------------

    def _begin_epoch(self) -> bool:
        """Stand before the first batch of the epoch; False, with a warning, if there is none."""
        position = self.trainer.position
        if position.batch == 0:
            step = int(self.trainer.current().step)
            position = Position(position.epoch, 0, step, position.pass_step, position.pass_batch)
            if self.steps_per_epoch is None:
                position = position.next_pass(step)
            self.trainer.position = position
        if self._pass is None:
            self._begin_pass()
        if self._more() or position.batch > 0:
            return True
        self._warn_of_end()
        return False

    def _begin_pass(self) -> None:
        position = self.trainer.position
        key = None
        if self.shuffle:
            key = fold(self.session.state.rng, "shuffle", position.pass_step)
        limit = None
        if self.steps_per_epoch is not None and not self.feed.repeats:
            # Of a generator not more is taken than fit needs.
            limit = (self.epochs - position.epoch) * self.steps_per_epoch - position.batch
        self._pass = self.feed.begin(key, position.pass_batch, limit, position.pass_step)

    def _end_pass(self) -> None:
        if self._pass is not None:
            self._pass.close()
            self._pass = None

    def _more(self) -> bool:
        """Whether this epoch has another batch; with `steps_per_epoch` a new pass may begin."""
        assert self._pass is not None
        if self._pass.ready():
            return True
        if self.steps_per_epoch is None or not self.feed.repeats:
            return False
        self._end_pass()
        self.trainer.position = self.trainer.position.next_pass(int(self.session.state.step))
        self._begin_pass()
        return self._pass.ready()

    def _warn_of_end(self) -> None:
        self.trainer.stop_training = True
        epoch = self.trainer.position.epoch + 1
        warnings.warn(
            f"fit: expected batches for epoch {epoch} of {self.epochs}, got a "
            "generator that has come to its end; training ends here. Let it run forever and set "
            "steps_per_epoch=, or use nnlib.data.Dataset.from_generator.",
            stacklevel=5,
        )

    # Batches -----------------------------------------------------------------------------------

    def _batches(self) -> None:
        stop = self.steps_per_epoch
        while (
            stop is None or self.trainer.position.batch < stop
        ) and not self.trainer.stop_training:
            if not self._more():
                if stop is not None:
                    self._warn_of_end()
                break
            assert self._pass is not None
            done = self.trainer.position.batch
            self.callbacks.batches_begin(done)
            self._run(self._pass.take(self._limit(done, stop)))
        done = self.trainer.position.batch
        if self._last_logs is not None:
            self.callbacks.batches_ended("on_train_batch_end", done, self._logs_so_far)
        if stop is None and self.feed.steps is None and not self.trainer.stop_training:
            self.feed.steps = self.trainer.position.batch
            self.callbacks.set_steps(self.feed.steps)
        self.pacer.drain()

    def _limit(self, done: int, stop: int | None) -> int:
        """How many steps may go into the next dispatch."""
        assert self.trainer.compiled is not None
        wanted = self.trainer.compiled.steps_per_execution or self.pacer.steps
        next_stop = self.callbacks.next_stop(done)
        ends = [end - done for end in (stop, next_stop) if end is not None]
        return min([wanted, *ends])

    def _run(self, window: Window) -> None:
        state = self.trainer.current()
        runner = self.trainer.runner("train", window.batch_size, window.masked)
        with interrupts_deferred():
            state, logs = runner.run(
                state, None, window.data, window.order, window.start, window.count
            )
            self.session.advance(state)
        self.trainer.position = self.trainer.position.advanced(window.count)
        self.lost_interrupts.raise_any()
        done = self.trainer.position.batch
        finished = self.pacer.sent(logs, window.count)
        self._last_logs = logs
        if self.callbacks.next_stop(done - 1) == done:
            self.callbacks.batches_done("on_train_batch_end", done, self._logs_so_far())
        if self.bar is not None and finished is not None:
            self.bar.show(done - window.count, in_order(finished, []))

    def _logs_so_far(self) -> Logs:
        """The logs of the epoch up to the last step, and the optimizer where callbacks see it."""
        self.trainer.show_optimizer()
        assert self.trainer.objective is not None
        return in_order(self._last_logs, self.trainer.objective.log_names)

    def _epoch_logs(self) -> Logs:
        trainer, sums = self.trainer, self.session.state.metrics
        assert trainer.objective is not None
        logs = self._last_logs
        if logs is None:  # resumed behind the last batch of an epoch
            logs = trainer.objective.results(sums)
        if not self.callbacks.handles_nan:
            raise_if_nan(sums, trainer.position)
        floats = in_order(logs, trainer.objective.log_names)
        validation = self.validation
        if validation is not None and validation.is_due(trainer.position.epoch):
            self.callbacks.call("on_test_begin")
            values = evaluate_feed(
                trainer, validation.feed, trainer.current(), validation.steps, self.callbacks
            )
            self.callbacks.call("on_test_end", values)
            floats |= {f"val_{name}": value for name, value in values.items()}
        return floats
