"""What a worker does for a step of `fit`: pull weights, compute gradients, push them."""

import functools
import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.training.state import TrainState
from nnlib.training.step import compute_loss

from .engine import dumped_without
from .layout import flat, refilled
from .parameters import Parameters, changes_between
from .row_reads import RowReads
from .rows import Rows

if TYPE_CHECKING:
    from nnlib.training.trainer import Trainer


class Report(NamedTuple):
    """What the coordinator needs for its metrics."""

    outputs: Any
    loss: Any
    parts: Any
    masks: Any


class GradientStep:
    """A function to schedule; each process of a worker compiles it once.

    Of tables that a batch only looks up rows of, these rows alone travel.

    Args:
        model: compiled and built.
        parameters: where its weights are.
    """

    def __init__(self, model: Any, parameters: Parameters):
        self._model = dumped_without(model, jax.tree.leaves(model.variables[0]))
        self._parameters = parameters
        self._trainer: Trainer | None = None
        self._compiled: dict[Any, tuple[RowReads, Any]] = {}

    def __call__(self, number: int, update: Any, frozen: Any, rng: Any, batch: Any) -> Report:
        """The step itself.

        Args:
            number: of the step.
            update: the name of its update, which is applied once even if the step is run again.
            frozen: weights that are not trained at all.
            rng: the data of the key of the training, and its implementation.
            batch: arrays of NumPy, as a Batch.
        """
        rest = frozen, rng[0], np.int32(number), batch
        reads, gradients = self._program(rest, rng[1])
        rows, places = reads.places(rest)
        weights, state = self._parameters.pull_all(rows)
        trainable = refilled(self._parameters.structure, reads.padded(weights))
        found, after, report = jax.device_get(gradients(trainable, places, state, rest))
        pushed = flat(found)
        for path, ids in rows.items():
            pushed[path] = Rows(ids, pushed[path][: len(ids)])
        tree = refilled(self._parameters.structure, pushed)
        self._parameters.push(tree, changes_between(state, after), update)
        return report

    def _program(self, rest: Any, implementation: Any) -> tuple[RowReads, Any]:
        """What is read by rows, and the compiled gradients, for batches of these shapes."""
        leaves, structure = jax.tree.flatten(rest[-1])
        key = structure, implementation, *((leaf.shape, leaf.dtype) for leaf in leaves)
        if key not in self._compiled:
            trainer = self._prepared(rest[-1])
            state = trainer.current()
            loss = functools.partial(_loss, trainer, implementation)
            reads = RowReads(loss, *map(_specs, (state.trainable, state.state, rest)))
            self._compiled[key] = reads, jax.jit(functools.partial(_gradients, reads))
        return self._compiled[key]

    def _prepared(self, batch: Any) -> "Trainer":
        if self._trainer is None:
            self._trainer = pickle.loads(self._model).trainer
            self._trainer.prepare_for(batch)
        return self._trainer


def _gradients(
    reads: RowReads, trainable: Any, places: Any, state: Any, rest: Any
) -> tuple[Any, Any, Report]:
    found, (after, report) = jax.grad(reads.loss, has_aux=True)(trainable, places, state, rest)
    return found, after, report


def _loss(
    trainer: "Trainer", implementation: Any, trainable: Any, state: Any, rest: Any
) -> tuple[jax.Array, tuple[Any, Report]]:
    """The loss as it is differentiated, the next state, and what is reported."""
    frozen, key, number, batch = rest
    rng = jax.random.wrap_key_data(key, impl=implementation)
    before = TrainState({}, frozen, state, {}, {}, rng, number)
    assert trainer.objective is not None
    with trainer.trained.in_force():
        loss, applied, parts = compute_loss(
            trainer.model, trainer.objective, before, batch, trainable
        )
    scaled = trainer.optimizer.scale_loss(loss, before.opt)
    return scaled, (applied.state, Report(applied.outputs, loss, parts, applied.masks))


def _specs(tree: Any) -> Any:
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(jnp.shape(a), jnp.result_type(a)), tree)
