"""What files hold of a single layer: its arrays by number, as Keras numbers them."""

import contextlib
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ShapeError
from nnlib.core.keeping import kept

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


class Stored:
    """The part of `Layer` that weights files use. Layers may override both public methods."""

    def save_own_variables(self: "Layer", store: Any) -> None:  # type: ignore[misc]
        """Put the arrays of this layer alone into `store`, a dict from strings to arrays."""
        for index, name in enumerate(self.stored_names()):
            store[str(index)] = self.stored_array(name)

    def load_own_variables(self: "Layer", store: Any) -> None:  # type: ignore[misc]
        """Take the arrays that `save_own_variables` put there.

        Raises:
            ShapeError: if their number, a shape or a dtype does not fit; then nothing is changed.
        """
        self.check_own_variables(store)
        for index, name in enumerate(self.stored_names()):
            self.take_array(name, store[str(index)])

    def check_own_variables(self: "Layer", store: Any) -> None:  # type: ignore[misc]
        """Raise ShapeError unless `store` has what `load_own_variables` takes. Reads no array."""
        names, place = self.stored_names(), f"{self.name} ({type(self).__name__})"
        if len(store) != len(names):
            raise ShapeError(
                f"{place}: expected {len(names)} stored arrays ({', '.join(names) or 'none'}), got "
                f"{len(store)}. {self._why_other_number(len(store))}"
            )
        for index, name in enumerate(names):
            key, weight = str(index), self.own_weights[name]
            if key not in store:
                raise ShapeError(f"{place}/{name}: expected the stored array {key!r}, got none.")
            shape, dtype = _spec_of(store, key)
            if shape != weight.shape or not fits_dtype(dtype, weight.dtype):
                raise ShapeError(
                    f"{place}/{name}: expected a stored array of shape {weight.shape} for "
                    f"{weight.dtype}, got shape {shape} of {dtype}. Load a file of the same model, "
                    "or set skip_mismatch=True."
                )

    def _why_other_number(self: "Layer", count: int) -> str:  # type: ignore[misc]
        if not count:
            return "The file is of another model, or the layer was not built when it was saved."
        if not self.built:
            return "The layer is not built: build the model, or call it on data, before loading."
        return "Load a file of the same model, or set skip_mismatch=True."

    def stored_names(self: "Layer") -> list[str]:  # type: ignore[misc]
        """The names of its own weights in the order of the numbers: trained ones first."""
        weights = self.own_weights.items()
        return [name for flag in (True, False) for name, w in weights if w.trainable is flag]

    def stored_array(self: "Layer", name: str) -> Any:  # type: ignore[misc]
        """What is stored of a weight."""
        return self.own_arrays()[name]

    def as_stored(self: "Layer") -> contextlib.AbstractContextManager[None]:  # type: ignore[misc]
        """Within it layers below hold what is stored of them, where that is something else."""
        return contextlib.nullcontext()

    def beside_stored(self: "Layer") -> list[tuple["Layer", str]]:  # type: ignore[misc]
        """The weights that the stored arrays do not tell exactly, for files of whole models."""
        return []

    def take_array(self: "Layer", name: str, value: Any) -> None:  # type: ignore[misc]
        """Replace one array of its own by one of a file, in the dtype of the weight."""
        self.write_cell(name, kept(self, name, value))


def fits_dtype(stored: Any, wanted: Any) -> bool:
    """Whether arrays of the dtype `stored` may become weights of the dtype `wanted`."""
    stored, wanted = jnp.dtype(stored), jnp.dtype(wanted)
    for kind in (jnp.bool_, jnp.integer, jnp.floating, jnp.complexfloating):
        if jnp.issubdtype(stored, kind):
            number = jnp.issubdtype(stored, jnp.integer) and jnp.issubdtype(wanted, jnp.floating)
            return number or jnp.issubdtype(wanted, kind)
    return False


def _spec_of(store: Any, key: str) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of a stored array; files tell them without reading it."""
    if hasattr(store, "spec"):
        return store.spec(key)
    array = np.asarray(store[key])
    return array.shape, array.dtype
