"""The loop of `fit` under a ParameterServerStrategy: steps are scheduled, epochs are waited for."""

import collections
import functools
import time
import uuid
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.models.trainable import overrides
from nnlib.training.batch import Batch, row_count
from nnlib.training.callback import Logs
from nnlib.training.evaluate import in_order
from nnlib.training.feed import Window
from nnlib.training.fit import BAR_SECONDS, FitLoop
from nnlib.training.history import History
from nnlib.training.state import TrainState

from ..errors import StrategyError
from .cluster_coordinator import ClusterCoordinator, RemoteValue
from .dispatcher import CancelledError
from .gradient_step import GradientStep, Report
from .parameters import Parameters, constraints_of

if TYPE_CHECKING:
    from .strategy import ParameterServerStrategy

AHEAD = 8
"""So many steps for each worker may be under way."""


class AsynchronousFitLoop(FitLoop):
    """Epochs whose steps are run by workers, at their own pace and on weights that others move.

    Between epochs, and where a callback looks at single batches, all steps have come to their
    end, and the model has the weights of the parameter servers.
    """

    strategy: "ParameterServerStrategy"

    def run(self, initial_epoch: int) -> History:
        """See `FitLoop.run`."""
        self.strategy = self.trainer.model.distribute_strategy
        _check(self.trainer)
        self._coordinator = ClusterCoordinator(self.strategy)
        sent = self.strategy.cluster()
        self._steps: collections.deque[tuple[RemoteValue, Batch]] = collections.deque()
        self._loaded: TrainState | None = None
        self._shown = 0.0
        try:
            return super().run(initial_epoch)
        finally:
            sent.cancel()

    # The state ---------------------------------------------------------------------------------

    def _batches(self) -> None:
        self._load()
        super()._batches()
        self._settle()

    def _load(self) -> None:
        """Give the parameter servers the weights, where they are not those they have."""
        state = self.trainer.current()
        if self._loaded is not None and _same(self._loaded, state):
            return
        model, trainable = self.trainer.model, state.trainable
        constraints = constraints_of(model)
        if self._loaded is None:
            self._parameters, self._step, self._update = self._compiled(trainable, constraints)
        self._parameters.load(
            self.trainer.optimizer, trainable, state.opt, state.state, constraints
        )
        if self._loaded is None or not _is(self._loaded.frozen, state.frozen):
            frozen = jax.device_get(state.frozen)
            self._frozen = self._coordinator.create_per_worker_resource(lambda: frozen)
        self._rng = np.asarray(jax.random.key_data(state.rng)), jax.random.key_impl(state.rng)
        self._name = uuid.uuid4().hex
        self._number = int(state.step)
        self._loaded = state

    def _compiled(self, trainable: Any, constraints: Any) -> tuple[Parameters, GradientStep, Any]:
        """What is compiled already, here and by workers, if it was trained before as it is now."""
        trainer, kept = self.trainer, self.trainer._runners
        made = self.strategy.make_parameters(trainable, trainer.optimizer, constraints)
        known = kept.get("asynchronous")
        if known is None or not known[0].like(made):
            update = jax.jit(functools.partial(_with_report, trainer.objective))
            known = kept["asynchronous"] = made, GradientStep(trainer.model, made), update
        return known

    def _settle(self) -> None:
        """Wait for all steps; then the trainer has their weights and logs."""
        if not self._steps:
            return
        while self._steps:
            self._take_report()
        self._coordinator.join()
        state = self.trainer.current()
        weights, opt, kept = self._parameters.everything(state.opt)
        trainable, opt, kept = jax.tree.map(jnp.asarray, (weights, opt, kept))
        step = jnp.int32(self._number)
        self._loaded = state._replace(trainable=trainable, opt=opt, state=kept, step=step)
        self.session.advance(self._loaded)

    # Steps -------------------------------------------------------------------------------------

    def _run(self, window: Window) -> None:
        for index in range(window.start, window.start + window.count):
            batch = _rows(window, index)
            call = self._coordinator.schedule(
                self._step,
                (self._number, (self._name, self._number), self._frozen, self._rng, batch),
            )
            self._number += 1
            self._steps.append((call, batch))
            while self._steps[0][0].finished() or len(self._steps) > AHEAD * self.strategy.workers:
                self._take_report()
                if not self._steps:
                    break
        self.trainer.position = self.trainer.position.advanced(window.count)
        self.lost_interrupts.raise_any()
        done = self.trainer.position.batch
        if self.callbacks.next_stop(done - 1) == done:
            self.callbacks.batches_done("on_train_batch_end", done, self._logs_so_far())
        self._show(done)

    def _take_report(self) -> None:
        """Add the step that was scheduled first to the sums behind the logs."""
        call, batch = self._steps.popleft()
        try:
            report = call.fetch()
        except CancelledError:
            self._coordinator.join()  # raises why
            raise
        session = self.session  # looked up once: that closes those of other models
        state = session.state
        sums, self._last_logs = self._update(state.metrics, batch, report, state.step)
        session.state = state._replace(metrics=sums)

    def _logs_so_far(self) -> Logs:
        self._settle()
        return super()._logs_so_far()

    def _show(self, done: int) -> None:
        now = time.monotonic()
        if self.bar is not None and self._last_logs and now - self._shown > BAR_SECONDS:
            self._shown = now
            self.bar.show(done - len(self._steps), in_order(self._last_logs, []))


def _with_report(objective: Any, sums: Any, batch: Batch, report: Report, step: Any) -> Any:
    outputs, loss, parts, masks = report
    sums = objective.update_metrics(sums, outputs, batch, loss, parts, step, masks)
    return sums, objective.results(sums)


def _rows(window: Window, index: int) -> Batch:
    """Batch number `index` on the host; one that is short is filled up, as `Runner` does."""
    rows, size = row_count(window.data.x), window.batch_size
    if window.order is None and not window.masked:
        part = slice(index * size, (index + 1) * size)
        whole: Batch = jax.tree.map(lambda a: np.asarray(a)[part], window.data)
        return whole
    positions = index * size + np.arange(size)
    chosen = positions % rows
    if window.order is not None:
        chosen = np.asarray(window.order)[chosen]
    batch: Batch = jax.tree.map(lambda a: np.asarray(a)[chosen], window.data)
    if window.masked:
        return batch._replace(row_mask=jnp.asarray(positions < rows, jnp.float32))
    return batch


def _same(loaded: TrainState, state: TrainState) -> bool:
    """Whether nothing but sums and the count of steps is another."""
    return _is(loaded[:4], state[:4])


def _is(one: Any, other: Any) -> bool:
    first, second = jax.tree.leaves(one), jax.tree.leaves(other)
    return len(first) == len(second) and all(a is b for a, b in zip(first, second, strict=True))


def _check(trainer: Any) -> None:
    model = trainer.model
    refused = {
        "its own train_step": overrides(model, "train_step"),
        "run_eagerly=True": trainer.compiled.eager,
        "layers that carry state from batch to batch": trainer.stateful,
    }
    if wrong := [what for what, is_so in refused.items() if is_so]:
        raise StrategyError(
            f"fit: expected a model that ParameterServerStrategy can train, got one with "
            f"{' and '.join(wrong)}. Use another strategy, or ClusterCoordinator.schedule() with a "
            "step of your own."
        )
