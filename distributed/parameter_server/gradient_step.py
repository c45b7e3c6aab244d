"""What a worker does for a step of `fit`: pull weights, compute gradients, push them."""

import pickle
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib.training.batch import Batch
from nnlib.training.state import TrainState
from nnlib.training.step import gradients

from .engine import dumped
from .layout import refilled
from .parameters import Parameters, changes_between

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

    Args:
        model: compiled and built.
        parameters: where its weights are.
    """

    def __init__(self, model: Any, parameters: Parameters):
        self._model = dumped(model)
        self._parameters = parameters
        self._trainer: Trainer | None = None

    def __call__(self, number: int, update: Any, frozen: Any, rng: Any, batch: Any) -> Report:
        """The step itself.

        Args:
            number: of the step.
            update: the name of its update, which is applied once even if the step is run again.
            frozen: weights that are not trained at all.
            rng: the data of the key of the training, and its implementation.
            batch: arrays of NumPy, as a Batch.
        """
        if self._trainer is None:
            self._trainer = pickle.loads(self._model).trainer
            self._trainer.prepare_for(batch)
            self._compiled = jax.jit(self._gradients)
        weights, state = self._parameters.pull_all({})
        trainable = refilled(self._parameters.structure, weights)
        key = jax.random.wrap_key_data(rng[0], impl=rng[1])
        before = TrainState(trainable, frozen, state, {}, {}, key, jnp.int32(number))
        found, after, report = jax.device_get(self._compiled(before, batch))
        self._parameters.push(found, changes_between(state, after), update)
        return report

    def _gradients(self, state: TrainState, batch: Batch) -> tuple[Any, Any, Report]:
        trainer = self._trainer
        assert trainer is not None
        assert trainer.objective is not None
        with trainer.trained.in_force():
            found, (loss, applied, parts) = gradients(
                trainer.model, trainer.objective, trainer.optimizer, state, batch
            )
        return found, applied.state, Report(applied.outputs, loss, parts, applied.masks)
