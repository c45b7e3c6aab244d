"""Callbacks: what happens at the edges of training."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import ArgumentError

if TYPE_CHECKING:
    from nnlib.models.model import Model

Logs = dict[str, Any]


class Callback:
    """A base whose methods do nothing; override those you need.

    `self.model` is the model; reading its weights is always allowed and costs a copy. `logs` holds
    floats. Training stops after the epoch (or the batch) in which `self.model.stop_training = True`
    was set.

    Batch methods are called for every batch, unless `batch_interval` is set to more: then only for
    every that many; with None never. Fewer calls let more steps run in one dispatch. Of a model
    compiled with `steps_per_execution=n` they hear the first and the last batch of every n.
    """

    batch_interval: int | None = 1
    chief_only = False
    """True: of several processes that train together only the chief calls it; it must not change
    how training goes on."""
    handles_nan = False
    """True: `fit` does not raise when the loss turns NaN, because this callback deals with it."""
    model: "Model"
    params: dict[str, Any]

    def set_model(self, model: "Model") -> None:
        """Called once before training."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called once before training, with `epochs`, `steps` and `verbose`."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before epoch number `epoch`, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch; logs hold `val_...` too."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before batch number `batch` of the epoch."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After it; logs are the epoch's so far."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After it; logs are those so far."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After it; `logs["outputs"]` are its outputs."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before an evaluation, also the one on validation data."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After it."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before predictions."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After them."""

    def listens_every(self, method: str = "on_train_batch_end") -> int | None:
        """For every how many batches `method` or its other half is called; None for never."""
        stem = method.rpartition("_")[0]
        names = [f"{stem}_begin", f"{stem}_end"]
        if stem == "on_train_batch":
            names += ["on_batch_begin", "on_batch_end"]
        own = [getattr(getattr(self, name), "__func__", None) for name in names]
        base = [getattr(Callback, name) for name in names]
        listens = any(mine is not plain for mine, plain in zip(own, base, strict=True))
        return self.batch_interval if listens else None


class CallbackList:
    """Calls the same method of many callbacks.

    Args:
        callbacks: one or many.
        model: handed to each.
        params: likewise.
    """

    def __init__(
        self,
        callbacks: Any = None,
        model: "Model | None" = None,
        params: dict[str, Any] | None = None,
    ):
        self.callbacks = list(_flat(callbacks))
        self.chief = model is None or model.trainer.placement.peers.chief
        compiled = model.trainer.compiled if model is not None else None
        self.group = (compiled and compiled.steps_per_execution) or 1
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise ArgumentError(
                    f"callbacks: expected Callback objects, got {callback!r}. Derive from "
                    "nnlib.callbacks.Callback and pass an instance."
                )
            if model is not None:
                callback.set_model(model)
            callback.set_params(params or {})

    def append(self, callback: Callback) -> None:
        """Add one at the end."""
        self.callbacks.append(callback)

    def call(self, method: str, *args: Any) -> None:
        """Call `method` of each, in order; logs that are not given are empty."""
        numbered = "_epoch_" in method or "batch_" in method
        if len(args) == numbered:
            args = (*args, {})
        for callback in self.callbacks:
            self._tell(callback, method, *args)

    def _tell(self, callback: Callback, method: str, *args: Any) -> None:
        if self.chief or not callback.chief_only:
            getattr(callback, method)(*args)

    def __getattr__(self, name: str) -> Any:
        """Every method of Callback: `callbacks.on_epoch_end(epoch, logs)` calls that of each."""
        if name.startswith("on_") and hasattr(Callback, name):
            return partial(self.call, name)
        raise AttributeError(f"CallbackList has no attribute {name!r}")

    @property
    def handles_nan(self) -> bool:
        """Whether one of them deals with NaN."""
        return any(callback.handles_nan for callback in self.callbacks)

    def set_steps(self, steps: int | None) -> None:
        """Tell them how many batches an epoch has, once that is known."""
        for callback in self.callbacks:
            callback.set_params({**getattr(callback, "params", {}), "steps": steps})

    def listeners(self, method: str) -> list[tuple[Callback, int]]:
        """(callback, interval) of those that want to hear of batches by `method`."""
        found = [(callback, callback.listens_every(method)) for callback in self.callbacks]
        return [(one, math.lcm(every, self.group)) for one, every in found if every is not None]

    def next_stop(self, batch: int, method: str = "on_train_batch_end") -> int | None:
        """The number of batches after which somebody wants to hear of one, or None."""
        stops = [batch + every - batch % every for _, every in self.listeners(method)]
        return min(stops, default=None)

    def batches_done(self, method: str, done: int, logs: Logs | None = None) -> None:
        """Tell those whose interval has just been completed by `done` batches."""
        for callback, every in self.listeners(method):
            if done % every == 0:
                self._tell(callback, method, done - 1, logs or {})

    def batches_ended(self, method: str, done: int, logs: Callable[[], Logs]) -> None:
        """Tell those that wait for the end of an execution which the data cut short."""
        waiting = [one for one, every in self.listeners(method) if every == self.group]
        if done % self.group and waiting:
            found = logs()
            for callback in waiting:
                self._tell(callback, method, done - 1, found)

    def batches_begin(self, done: int, method: str = "on_train_batch_begin") -> None:
        """Tell those for whom an interval begins."""
        for callback, every in self.listeners(method):
            if done % every == 0:
                self._tell(callback, method, done, {})


def _flat(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return ()
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    return callbacks if isinstance(callbacks, list | tuple) else (callbacks,)
