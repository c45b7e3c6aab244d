"""Python values that travel through a compiled call as they are."""

from typing import Any

import jax

from nnlib.core.errors import ArgumentError


@jax.tree_util.register_pytree_node_class
class Static:
    """A Python value as a tree without arrays: part of what a call is compiled for.

    Args:
        value: any.
    """

    __slots__ = ("key", "value")

    def __init__(self, value: Any):
        self.value = value
        # 1, 1.0 and True are equal, and so are 0.0 and -0.0, but functions tell them apart.
        number = isinstance(value, int | float | complex)
        self.key = (type(value), repr(value) if number else value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static):
            return NotImplemented
        return self.value is other.value or bool(self.key == other.key)

    def __hash__(self) -> int:
        return hash(self.key)

    def tree_flatten(self) -> tuple[tuple[()], "Static"]:
        """For `jax.tree`."""
        return (), self

    @classmethod
    def tree_unflatten(cls, static: "Static", _: Any) -> "Static":
        """For `jax.tree`."""
        return static


def static(place: str, value: Any) -> Static:
    """A Static of an argument.

    Raises:
        ArgumentError: if it cannot be hashed, and so could change unseen.
    """
    made = Static(value)
    try:
        hash(made)
    except TypeError:
        raise ArgumentError(
            f"{place}: expected arrays, PerReplica values or Python constants in arguments, got a "
            f"{type(value).__name__} that cannot be hashed. Pass its arrays in a dict or list."
        ) from None
    return made
