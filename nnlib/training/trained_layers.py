"""Which layers a training changes: `compile` notes it, and later changes wait for the next one."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlib.models.model import Model


class TrainedLayers:
    """The `trainable` flags of a model's layers as they were at `compile`.

    Args:
        model: whose layers they are.
    """

    def __init__(self, model: "Model"):
        self.model = model
        self._flags: dict[int, bool] = {}

    def note(self) -> None:
        """Take the flags as they are now."""
        self._flags = {id(layer): layer.trainable for _, layer in self.model.layout()}

    def holds(self, layer: Any) -> bool:
        """Whether it was trainable; a layer that came later is what it is."""
        return self._flags.get(id(layer), layer.trainable)

    def warn_of_changes(self) -> None:
        """Warn of layers whose flag is another one now."""
        changed = [
            "/".join(path) or layer.name
            for path, layer in self.model.layout()
            if self.holds(layer) != layer.trainable
        ]
        if changed:
            warnings.warn(
                f"{self.model.trainer.place}: trainable changed after compile() for "
                f"{', '.join(changed[:3])}{' and others' if len(changed) > 3 else ''}, and "
                "compile() decides what is trained. Call compile() again to train by the new "
                "flags.",
                stacklevel=4,
            )

    @contextlib.contextmanager
    def in_force(self) -> Iterator[None]:
        """Layers within are as trainable as was noted, whenever a step is traced."""
        layers = [layer for _, layer in self.model.layout()]
        now = [layer._core.trainable for layer in layers]
        for layer in layers:
            layer._core.trainable = self.holds(layer)
        try:
            yield
        finally:
            for layer, flag in zip(layers, now, strict=True):
                layer._core.trainable = flag
