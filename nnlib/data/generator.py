"""Elements from a Python generator."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.data.constants import UNKNOWN_CARDINALITY
from nnlib.data.node import Node, Pass, look
from nnlib.data.spec import TensorSpec, conform
from nnlib.data.structure import as_leaf, map_structure


class Generated(Node):
    """What a fresh call of `function` yields.

    Args:
        signature: specs that elements must fit; None for any.
    """

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], signature: Any):
        self.function, self.arguments, self.signature = function, arguments, signature

    @cached_property
    def spec(self) -> Any:
        """The signature, else the specs of the first element."""
        return look(self) if self.signature is None else self.signature

    def iterate(self, run: Pass) -> Iterator[Any]:
        """The elements of a new generator."""
        source = self.function(*self.arguments)
        try:
            for element in source:
                known = self.signature is not None
                yield conform(element, self.signature) if known else map_structure(as_leaf, element)
        finally:
            if hasattr(source, "close"):
                source.close()

    def cardinality(self) -> int:
        """Nobody knows before."""
        return UNKNOWN_CARDINALITY


def signature_of(output_types: Any, output_shapes: Any, output_signature: Any) -> Any:
    """One structure of TensorSpec from either way of giving it; None if neither was used."""
    if output_signature is not None:
        if output_types is not None or output_shapes is not None:
            raise ArgumentError(
                "from_generator: expected output_signature or output_types, got both."
            )
        listed = isinstance(output_signature, list)
        return map_structure(_spec, tuple(output_signature) if listed else output_signature)
    if output_types is None:
        if output_shapes is not None:
            raise ArgumentError("from_generator: expected output_types with output_shapes.")
        return None
    if output_shapes is None:
        return map_structure(lambda dtype: TensorSpec(None, dtype), output_types)
    return map_structure(
        lambda dtype, shape: TensorSpec(shape if shape is None else tuple(shape), dtype),
        output_types,
        output_shapes,
    )


def _spec(leaf: Any) -> TensorSpec:
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise ArgumentError(
            f"from_generator: expected output_signature to be made of TensorSpec, got {leaf!r}."
        )
    shape = leaf.shape
    return TensorSpec(shape if shape is None else tuple(shape), leaf.dtype)
