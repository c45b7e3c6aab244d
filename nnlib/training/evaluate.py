"""Evaluation over batches."""

import jax

from nnlib.training.pacer import Pacer
from nnlib.training.source import Source
from nnlib.training.state import TrainState
from nnlib.training.trainer import Trainer


def evaluate_source(trainer: Trainer, source: Source, state: TrainState) -> dict[str, float]:
    """The logs over all batches, in the order of `compile`."""
    objective = trainer.objective
    assert objective is not None
    masked = source.ragged and trainer.pads()
    runner = trainer.runner("test", source.batch_size, masked)
    constants = state._replace(opt={}, metrics={})
    sums, logs = objective.zeros(), None
    pacer = Pacer(1.0)
    done, stop = 0, source.steps - (source.ragged and not masked)
    while done < stop:
        window = source.window(None, done, min(pacer.steps, stop - done))
        sums, logs = runner.run(
            sums, constants, window.data, window.order, window.start, window.count
        )
        pacer.sent(logs, window.count)
        done += window.count
    if stop < source.steps:
        tail = source.tail(None)
        rows = source.rows - stop * source.batch_size
        sums, logs = trainer.runner("test", rows, False).run(sums, constants, tail, None, 0, 1)
    values = jax.device_get(logs)
    names = [name for name in objective.log_names if name in values]
    names += [name for name in values if name not in names]
    return {name: float(values[name]) for name in names}
