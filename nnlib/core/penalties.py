"""What is added to the loss besides targets: regularisers, activity penalties, `add_loss`."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nnlib.core.frame import current_frame

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_shown: contextvars.ContextVar[list[Any] | None] = contextvars.ContextVar(
    "nnlib_penalties", default=None
)


@contextlib.contextmanager
def penalties_shown(penalty: Any) -> Iterator[None]:
    """Within, `model.losses` is what the call of a training step has added up."""
    token = _shown.set([penalty])
    try:
        yield
    finally:
        _shown.reset(token)


def losses_of(layer: "Layer") -> list[Any]:
    """See `Layer.losses`."""
    if (shown := _shown.get()) is not None:
        return shown
    frame = current_frame()
    terms = [
        weight.regularizer(getattr(owner, name))
        for _, owner in layer.layout()
        if owner.trainable
        for name, weight in owner.own_weights.items()
        if weight.regularizer is not None
    ]
    return terms + (layer._core.losses if frame is None else list(frame.losses))
