"""Programs: compiled functions of weights and inputs as StableHLO, for every kind of device."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.errors import CorruptFileError, SavingError
from nnlib.core.specs import ShapeSpec
from nnlib.core.tree import flatten, unflatten
from nnlib.saving.signature import Signature

if TYPE_CHECKING:
    from nnlib.models.model import Model

PLATFORMS = ("cpu", "cuda", "tpu")


def export_program(model: "Model", signature: Signature, name: str) -> Any:
    """A `jax.export.Exported` of (weights by path, inputs by name) -> outputs by name.

    Axes that are None may have any size of at least 1; those of one number in several inputs, as
    the batch, have the same.

    Raises:
        SavingError: if the function cannot be compiled without knowing these sizes, or not for all
            of `PLATFORMS`.
    """

    def program(weights: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        return signature.run(model, unflatten(weights), inputs)

    params, state = model.variables
    weights = {
        path: _struct(array) for path, array in flatten({"params": params, "state": state}).items()
    }
    try:
        return jax.export.export(jax.jit(program), platforms=PLATFORMS)(
            weights, symbolic_structs(signature.inputs)
        )
    except (jax.errors.InconclusiveDimensionOperation, jax.errors.ConcretizationTypeError) as error:
        raise SavingError(
            f"{model.name}, signature {name!r}: expected a function of any size along the axes "
            f"that are None, got one that must know it: {str(error).splitlines()[0]} Give a "
            "Signature with that size."
        ) from error


def symbolic_structs(specs: Mapping[str, ShapeSpec]) -> dict[str, jax.ShapeDtypeStruct]:
    """Structs with one symbol for each open axis: `b` for the batch, `d1`, `d2`, ... behind it."""
    scope = jax.export.SymbolicScope()
    structs = {}
    for name, spec in specs.items():
        text = ", ".join(
            str(size) if size is not None else f"d{axis}" if axis else "b"
            for axis, size in enumerate(spec.shape)
        )
        shape = jax.export.symbolic_shape(text, scope=scope) if text else ()
        structs[name] = jax.ShapeDtypeStruct(shape, spec.dtype)
    return structs


def load_program(data: bytes, place: str) -> Any:
    """The `jax.export.Exported` of `Exported.serialize`.

    Raises:
        CorruptFileError: for anything else.
    """
    try:
        return jax.export.deserialize(bytearray(data))
    except Exception as error:
        raise CorruptFileError(
            f"{place}: expected a program of jax.export, got: {error}. Take it from a backup."
        ) from error


def _struct(array: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
