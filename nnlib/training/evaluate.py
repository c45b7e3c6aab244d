"""Evaluation over batches."""

from typing import Any

import jax
import numpy as np

from nnlib.training.callback import CallbackList
from nnlib.training.feed import Feed
from nnlib.training.pacer import Pacer
from nnlib.training.state import TrainState
from nnlib.training.trainer import Trainer


def evaluate_feed(
    trainer: Trainer,
    feed: Feed,
    state: TrainState,
    steps: int | None = None,
    callbacks: CallbackList | None = None,
) -> dict[str, float]:
    """The logs over a pass, or over its first `steps` batches, in the order of `compile`."""
    objective = trainer.objective
    assert objective is not None
    heard = callbacks or CallbackList()
    constants = state._replace(opt={}, metrics={})
    sums: Any = trainer.test_sums(state)
    logs: Any = None
    pacer, done = Pacer(1.0, alone=trainer.placement.processes == 1), 0
    trainer.stop_evaluating = False
    batches = feed.begin(limit=steps)
    try:
        while (steps is None or done < steps) and not trainer.stop_evaluating and batches.ready():
            heard.batches_begin(done, "on_test_batch_begin")
            window = batches.take(_limit(heard, done, steps, pacer.steps))
            runner = trainer.runner("test", window.batch_size, window.masked)
            sums, logs = runner.run(
                sums, constants, window.data, window.order, window.start, window.count
            )
            done += window.count
            pacer.sent(logs, window.count)
            if heard.next_stop(done - 1, "on_test_batch_end") == done:
                heard.batches_done("on_test_batch_end", done, in_order(logs, objective.log_names))
        heard.batches_ended("on_test_batch_end", done, lambda: in_order(logs, objective.log_names))
    finally:
        batches.close()
    trainer.keep_test_state(sums)
    if logs is None:
        logs = objective.results(sums)
    return in_order(logs, objective.log_names)


def _limit(heard: CallbackList, done: int, steps: int | None, wanted: int) -> int:
    ends = [heard.next_stop(done, "on_test_batch_end"), steps]
    return min([wanted, *(end - done for end in ends if end is not None)])


def as_number(value: Any) -> Any:
    """A float; the array itself where a metric has several values."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)


def in_order(logs: Any, names: list[str]) -> dict[str, Any]:
    """Floats in the order of `compile`; a jitted step returns its dict sorted."""
    values = {name: as_number(value) for name, value in jax.device_get(logs).items()}
    known = {name: values[name] for name in names if name in values}
    return known | {name: value for name, value in values.items() if name not in known}
