"""Prediction over batches."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import DataError, ShapeError
from nnlib.core.random import fold
from nnlib.training import step as steps
from nnlib.training.batch import Batch, row_count
from nnlib.training.callback import CallbackList
from nnlib.training.feed import Feed, Window
from nnlib.training.padding import keeps_rows_apart
from nnlib.training.placement import Placement
from nnlib.training.state import TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model


class Predictor:
    """Predictions batch by batch.

    Args:
        model: that predicts.
        placement: where weights and data are.
    """

    def __init__(self, model: "Model", placement: Placement):
        self.model, self.placement = model, placement
        self._calls = 0

        def step(state: TrainState, x: Any, batch: Any) -> tuple[Any, Any]:
            state = state._replace(rng=jax.random.fold_in(state.rng, batch))
            with placement.step():
                out, new = steps.predict_step(self.model, state, placement.spread(Batch(x)).x)
                return out, placement.kept(new)

        self._step = jax.jit(step)

    def predict(
        self,
        state: TrainState,
        feed: Feed,
        limit: int | None = None,
        callbacks: CallbackList | None = None,
    ) -> tuple[Any, TrainState]:
        """The outputs for all rows, as NumPy arrays, and the state behind the last batch.

        What layers draw (as `Dropout()(x, training=True)` does) differs by batch and by call.
        """
        heard, trainer = callbacks or CallbackList(), self.model.trainer
        key = fold(state.rng, "predict", self._calls)
        self._calls += 1
        constants = state._replace(opt={}, metrics={}, rng=key)
        trainer.stop_predicting = False
        parts: list[Any] = []
        batches = feed.begin(limit=limit)
        try:
            while (limit is None or len(parts) < limit) and batches.ready():
                heard.batches_begin(len(parts), "on_predict_batch_begin")
                out, model_state = self._one(constants, feed, batches.take(1), len(parts))
                constants = constants._replace(state=model_state)
                parts.append(out)
                heard.batches_done("on_predict_batch_end", len(parts), {"outputs": out})
                if trainer.stop_predicting:
                    break
            heard.batches_ended("on_predict_batch_end", len(parts), lambda: {"outputs": parts[-1]})
        finally:
            batches.close()
        if not parts:
            raise DataError("predict: expected at least one batch, got none.")
        return jax.tree.map(
            lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts
        ), constants

    def _one(
        self, constants: TrainState, feed: Feed, window: Window, batch: int
    ) -> tuple[Any, Any]:
        """The outputs of one batch, and the state behind it."""
        rows = window.batch_size
        start = window.start * rows
        x = jax.tree.map(lambda a: a[start : start + rows], window.data.x)
        rows = row_count(x)
        if rows < feed.batch_size and all(keeps_rows_apart(la) for _, la in self.model.layout()):
            x = jax.tree.map(lambda a: _filled(a, feed.batch_size), x)
        out, state = self._step(constants, x, batch)
        if any(leaf.ndim == 0 for leaf in jax.tree.leaves(out)):
            raise ShapeError(
                f"{self.model.name} ({type(self.model).__name__}): expected outputs with one "
                "row per input row, got a scalar. Call the model itself: model(x)."
            )
        return jax.tree.map(lambda a: a[:rows], self.placement.whole(out)), state


def _filled(array: Any, rows: int) -> Any:
    """`array` with its first row repeated behind it, up to `rows`: no new shape to compile for."""
    missing = rows - array.shape[0]
    return jnp.concatenate([array, jnp.repeat(array[:1], missing, axis=0)])
