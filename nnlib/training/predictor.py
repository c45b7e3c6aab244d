"""Prediction over batches."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ShapeError
from nnlib.training import step as steps
from nnlib.training.batch import Batch
from nnlib.training.padding import keeps_rows_apart
from nnlib.training.source import Source
from nnlib.training.state import TrainState

if TYPE_CHECKING:
    from nnlib.models.model import Model


class Predictor:
    """Predictions batch by batch.

    Args:
        model: that predicts.
    """

    def __init__(self, model: "Model"):
        self.model = model
        self._step = jax.jit(lambda state, x: steps.predict_step(self.model, state, x))

    def predict(self, state: TrainState, x: Any, batch_size: int) -> Any:
        """The outputs for all rows, as NumPy arrays."""
        source = Source(Batch(x), batch_size)
        apart = all(keeps_rows_apart(layer) for _, layer in self.model.layout())
        constants = state._replace(opt={}, metrics={})
        parts = []
        for index in range(source.steps):
            rows = min(batch_size, source.rows - index * batch_size)
            window = source.window(None, index, 1)
            start = window.start * batch_size
            batch = jax.tree.map(lambda a, s=start, n=rows: a[s : s + n], window.data.x)
            if rows < batch_size and apart and source.rows > batch_size:
                batch = jax.tree.map(lambda a: _filled(a, batch_size), batch)
            out = self._step(constants, batch)
            if any(leaf.ndim == 0 for leaf in jax.tree.leaves(out)):
                raise ShapeError(
                    f"{self.model.name} ({type(self.model).__name__}): expected outputs with one "
                    "row per input row, got a scalar. Call the model itself: model(x)."
                )
            parts.append(jax.tree.map(lambda a, n=rows: a[:n], out))
        return jax.tree.map(lambda *p: np.concatenate([np.asarray(a) for a in p]), *parts)


def _filled(array: Any, rows: int) -> Any:
    """`array` with its first row repeated behind it, up to `rows`: no new shape to compile for."""
    missing = rows - array.shape[0]
    return jnp.concatenate([array, jnp.repeat(array[:1], missing, axis=0)])
