"""TimeDistributed: one layer for every time step."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.masks import call_parameters
from nnlib.core.rows import keeps_rows_apart
from nnlib.core.specs import InputSpec, ShapeSpec, concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.wrapper import Wrapper
from nnlib.ops.recurrence import each_step


class TimeDistributed(Wrapper):
    """`y[:, t] = layer(x[:, t])`, with the same weights for every t.

    Layers that treat every row on its own get all steps at once, as rows of one batch. Those that
    look across the batch, or write state while training as BatchNormalization does, are called step
    by step.

    Args:
        layer: the layer for one step.

    Call arguments:
        mask: (batch, time, ...) of booleans; `mask[:, t]` is handed to a layer that takes a mask.

    Input shape:
        (batch, time, ...), where (batch, ...) is what the layer takes.

    Output shape:
        (batch, time, ...), where (batch, ...) is what the layer gives.

    Raises:
        ShapeError: if the input has fewer than 3 axes, or the mask does not fit.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.TimeDistributed(nn.layers.Conv2D(4, 3))(jnp.ones((2, 5, 8, 8, 3))).shape
    (2, 5, 6, 6, 4)
    """

    supports_masking = True

    def build(self, inputs: Any) -> None:
        InputSpec(min_ndim=3).check(inputs, place_of(self))
        if not self.layer.built:
            self.layer.build(ShapeSpec((inputs.shape[0], *inputs.shape[2:]), inputs.dtype))

    def call(self, inputs: jax.Array, mask: Any = None) -> Any:
        self._check(inputs, mask)
        kind: Any = type(self.layer)
        masks = mask if "mask" in call_parameters(kind) else None
        frame = current_frame()
        assert frame is not None
        time = concrete_dims(inputs.shape)[1]
        if self._takes_all_steps_at_once(frame.training) or (time is None and frame.declaring):
            return self._all_at_once(inputs, masks)
        if time is None:
            raise ShapeError(
                f"{place_of(self)}: expected a known number of steps for a layer that looks across "
                f"the batch, got shape {concrete_dims(inputs.shape)}. Give Input() that size, or "
                "say mixes_rows = False in its class."
            )
        steps = [
            self.layer(inputs[:, t], **({} if masks is None else {"mask": masks[:, t]}))
            for t in range(time)
        ]
        return jax.tree.map(lambda *parts: jnp.stack(parts, 1), *steps)

    def _takes_all_steps_at_once(self, training: bool | None) -> bool:
        layers = [layer for _, layer in self.layer.layout()]
        writes = training and any(not w.trainable for x in layers for w in x.own_weights.values())
        return all(map(keeps_rows_apart, layers)) and not writes

    def _all_at_once(self, inputs: jax.Array, mask: Any) -> Any:
        frame = current_frame()
        assert frame is not None
        time, given = inputs.shape[1], {}
        if mask is not None:
            given["mask"] = jnp.reshape(mask, (-1, *mask.shape[2:]))
        rows = None if frame.row_mask is None else jnp.repeat(frame.row_mask, time)
        with frame.rows_as(rows):
            return each_step(lambda steps: self.layer(steps, **given), inputs)

    def _check(self, inputs: jax.Array, mask: Any) -> None:
        shape = concrete_dims(inputs.shape)
        self.layer.check_inputs(
            jax.ShapeDtypeStruct((inputs.shape[0], *inputs.shape[2:]), inputs.dtype), place_of(self)
        )
        if mask is None:
            return
        have = concrete_dims(mask.shape)[:2]
        pairs = zip(have, shape[:2], strict=False)
        if len(have) < 2 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected a mask whose shape begins with {shape[:2]}, one entry "
                f"for each step, got shape {concrete_dims(mask.shape)}."
            )
