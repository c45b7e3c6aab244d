"""Signatures: functions with named inputs that a saved model can run without its code."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nnlib.core import host
from nnlib.core.errors import ArgumentError
from nnlib.core.specs import ShapeSpec, concrete_dims, is_arraylike
from nnlib.core.tree import Tree

if TYPE_CHECKING:
    from nnlib.models.model import Model


class Signature:
    """A function over a model, and what goes into it.

    Args:
        function: of arrays by name; returns an array, a list, a tuple or a dict of arrays. It may
            call the model: the weights are stored apart, not in the program.
        inputs: for each argument something with a shape and a dtype, as `jax.ShapeDtypeStruct`,
            `nnlib.Input(...)` or an example array; or a shape (float32). None is an axis of any
            size; the first axis is the batch.

    Raises:
        ArgumentError: for inputs without a shape.

    >>> import nnlib as nn
    >>> def classify(image): return {"label": image.argmax(-1)}
    >>> nn.saving.Signature(classify, image=(None, 3)).inputs["image"].shape
    (None, 3)
    """

    def __init__(self, function: Callable[..., Any], **inputs: Any):
        if not callable(function) or not inputs:
            raise ArgumentError(
                f"Signature: expected a function and its inputs by name, got {function!r} and "
                f"{sorted(inputs) or 'none'}. Write Signature(f, x=(None, 28, 28))."
            )
        self.function = function
        self.inputs = {name: _spec(name, given) for name, given in inputs.items()}

    def __repr__(self) -> str:
        return f"Signature({self.function!r}, {self.inputs})"

    def run(self, model: "Model", weights: Tree, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs by name, with these weights in place of the model's own."""
        with model.bound(weights.get("params", {}), weights.get("state", {})):
            out = self.function(**inputs)
        return named_outputs(out)

    @property
    def takes_strings(self) -> bool:
        """Whether there are strings among its inputs, which no compiled program takes."""
        return any(host.is_string(spec) for spec in self.inputs.values())


def serving_default(model: "Model") -> Signature:
    """The model itself in inference mode, with the names of its inputs and outputs."""
    leaves, structure = jax.tree.flatten(model.input_specs, is_leaf=is_arraylike)
    names = _input_names(leaves)

    def serve(**inputs: Any) -> Any:
        args = jax.tree.unflatten(structure, [inputs[name] for name in names])
        out = model(*args)
        return dict(zip(model.name_outputs(out), jax.tree.leaves(out), strict=True))

    specs = {name: _any_batch(leaf) for name, leaf in zip(names, leaves, strict=True)}
    return Signature(serve, **specs)


def as_signatures(model: "Model", given: Any) -> dict[str, Signature]:
    """The signatures of `model.save(signatures=...)`; `serving_default` where none are given.

    Raises:
        ArgumentError: for anything but a Signature, or a dict of some.
    """
    if given is None:
        return {"serving_default": serving_default(model)}
    if isinstance(given, Signature):
        given = {"serving_default": given}
    if not isinstance(given, Mapping) or not given:
        raise ArgumentError(
            f"save: expected signatures to be a dict of nnlib.saving.Signature, got {given!r}."
        )
    for name, one in given.items():
        if not isinstance(one, Signature) or not isinstance(name, str) or not name.isidentifier():
            raise ArgumentError(
                "save: expected signatures by names such as 'serving_default', each an "
                f"nnlib.saving.Signature(function, x=(None, ...)), got {name!r}: {one!r}."
            )
        if one.takes_strings:
            raise ArgumentError(
                f"save: expected signature {name!r} to take numbers, got {one!r}. Strings are "
                "looked up on the host: save the model without signatures=, it takes them."
            )
    return dict(given)


def named_outputs(out: Any) -> dict[str, Any]:
    """Arrays by name: those of a dict, or output_0, output_1, ... in order."""
    if isinstance(out, Mapping) and all(map(is_arraylike, out.values())):
        return {str(name): jnp.asarray(array) for name, array in out.items()}
    leaves = jax.tree.leaves(out)
    return {f"output_{index}": jnp.asarray(leaf) for index, leaf in enumerate(leaves)}


def _spec(name: str, given: Any) -> ShapeSpec:
    if isinstance(given, ShapeSpec):
        return given
    if isinstance(given, tuple | list):
        return ShapeSpec(tuple(given))
    if is_arraylike(given) or (hasattr(given, "shape") and hasattr(given, "dtype")):
        return ShapeSpec(concrete_dims(given.shape), given.dtype)
    raise ArgumentError(
        f"Signature: expected input {name!r} to have a shape and a dtype, got {given!r}. Give a "
        "shape such as (None, 28, 28), or jax.ShapeDtypeStruct(shape, dtype)."
    )


def _any_batch(leaf: Any) -> ShapeSpec:
    shape = concrete_dims(leaf.shape)
    return ShapeSpec((None, *shape[1:]) if shape else shape, leaf.dtype)


def _input_names(leaves: list[Any]) -> list[str]:
    """What Inputs are called; else `inputs`, or input_1, input_2, ..."""
    names = [getattr(leaf, "name", None) for leaf in leaves]
    if all(name and name.isidentifier() for name in names) and len(set(names)) == len(names):
        return [str(name) for name in names]
    return ["inputs"] if len(leaves) == 1 else [f"input_{i + 1}" for i in range(len(leaves))]
