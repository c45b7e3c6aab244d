"""One row of the contract: how to make a layer, what to feed it, and what it must refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib import layers
from nnlib.core.specs import ShapeSpec

Shape = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """A layer and its inputs; shapes are without the batch axis."""

    name: str
    make: Callable[..., layers.Layer]
    inputs: tuple[Shape, ...]
    wrong: tuple[Shape, ...] | None = None
    """Inputs that must give a ShapeError; None if any input is fine."""
    free: tuple[Shape, ...] | None = None
    """The inputs with None for sizes that may stay free."""
    dtype: str = "float32"
    listed: bool = False
    """Called on a list of arrays."""
    random: bool = False
    """Draws random numbers while training."""
    smooth: bool = True
    """Finite differences make sense."""
    json: bool = True
    """Its configuration is plain data."""
    follows_policy: bool = True
    """Computes in the dtype of its policy."""

    def arrays(self, batch: int = 3, seed: int = 0, dtype: Any = None) -> tuple[Any, ...]:
        """The arguments of a call."""
        generator = np.random.default_rng(seed)
        shapes = [(batch, *shape) for shape in self.inputs]
        return self._arguments([self._array(generator, shape, dtype) for shape in shapes])

    def _array(self, generator: np.random.Generator, shape: Any, dtype: Any) -> jax.Array:
        if np.issubdtype(np.dtype(self.dtype), np.integer):
            return jnp.asarray(generator.integers(0, 5, shape), self.dtype)
        return jnp.asarray(generator.normal(size=shape), dtype or self.dtype)

    def specs(self, shapes: Sequence[Shape], batch: int | None = None) -> tuple[Any, ...]:
        """The arguments of `declare`."""
        return self._arguments([ShapeSpec((batch, *shape), self.dtype) for shape in shapes])

    def _arguments(self, items: list[Any]) -> tuple[Any, ...]:
        return (items,) if self.listed else tuple(items)


def case(
    layer: type[layers.Layer],
    *args: Any,
    inputs: Sequence[Shape],
    note: str = "",
    options: dict[str, Any] | None = None,
    **flags: Any,
) -> Case:
    """A row: the layer's arguments, its inputs, and flags of `Case`."""

    def make(**common: Any) -> layers.Layer:
        return layer(*args, **(options or {}), **common)

    return Case(f"{layer.__name__}{note and '-' + note}", make, tuple(inputs), **flags)
