"""Input: where a graph of layers begins."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.arguments import legacy_input_shape
from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import STRING, ShapeSpec, is_shape
from nnlib.core.symbol import Node, Symbol, is_symbol


class InputLayer(Layer):
    """Holds the shape of an input; `Input` is the short way to make one.

    Args:
        shape: without the batch axis; None where free.
        batch_size: a fixed batch size, or None.
        dtype: of the arrays that come in; "string" for layers such as TextVectorization.
        sparse: only False: JAX arrays are dense.
        ragged: only False, likewise.
        batch_shape: the shape with the batch axis, instead of the first two.
        input_tensor: a Symbol to stand for this input, instead of a shape.
        optional: only False: a graph is made for arrays that are there.
        **legacy: `input_shape` or `batch_input_shape`, as older Keras spells the shape.

    Raises:
        ArgumentError: for anything but exactly one shape, and for sparse, ragged or optional.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = "float32",
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Symbol | None = None,
        optional: bool = False,
        name: str | None = None,
        **legacy: Any,
    ):
        super().__init__(name=name, autocast=False)
        if (old := legacy_input_shape(type(self), legacy)) is not None:
            shape, batch_shape = _of_old_spelling(old, shape, batch_shape)
        flags = {"sparse": sparse, "ragged": ragged, "optional": optional}
        if asked := [flag for flag, value in flags.items() if value]:
            raise ArgumentError(
                f"Input: expected {asked[0]}=False, got {flags[asked[0]]!r}. Arrays here are "
                "dense, and every input is there."
            )
        if input_tensor is not None:
            batch_shape, dtype = _shape_and_dtype(input_tensor, shape, batch_size, batch_shape)
        else:
            batch_shape = _with_batch(shape, batch_size, batch_shape)
        if not is_shape(batch_shape):
            raise ArgumentError(f"Input: expected dims of integers or None, got {shape!r}.")
        self.batch_shape = tuple(batch_shape)
        kind = ShapeSpec((), dtype or "float32").dtype
        self.input_dtype = "string" if kind == STRING else kind.name
        self.input_tensor = input_tensor
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype of the arrays (no policy) and name, as Keras writes them."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.input_dtype,
            "sparse": False,
            "ragged": False,
            "name": self.name,
            "optional": False,
        }

    @property
    def spec(self) -> ShapeSpec:
        """Shape and dtype of the input."""
        return ShapeSpec(self.batch_shape, self.input_dtype)

    @property
    def symbol(self) -> Symbol:
        """The symbol that stands for this input."""
        if self.input_tensor is not None:
            return self.input_tensor
        node = self.nodes[0] if self.nodes else Node(self, (self.spec,), {})
        return node.outputs

    def host_output_spec(self, spec: ShapeSpec) -> ShapeSpec:
        """Strings come in as they are."""
        return spec

    def call(self, x: Any) -> jax.Array:
        return jnp.asarray(x, self.input_dtype)


def Input(  # noqa: N802 - the name that every Keras user knows
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = "float32",
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Symbol | None = None,
    optional: bool = False,
) -> Symbol:
    """A symbol to call layers on: where a functional model begins.

    Args:
        shape: without the batch axis; None where free, `(28, 28, 1)`.
        batch_size: a fixed batch size; None for any of at least 1.
        dtype: of the arrays that come in.
        sparse: only False: JAX arrays are dense.
        ragged: only False, likewise.
        batch_shape: the shape with the batch axis, instead of the first two.
        name: of the input; dicts of data are matched by it.
        tensor: a Symbol to begin from instead, as `Model(inputs=...)` accepts.
        optional: only False: a graph is made for arrays that are there.

    Returns:
        A Symbol of shape (batch_size, *shape).

    >>> import nnlib as nn
    >>> x = nn.Input((4,))
    >>> x.shape, nn.layers.Dense(2)(x).shape
    ((None, 4), (None, 2))
    """
    layer = InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    )
    return layer.symbol


def _of_old_spelling(old: Any, shape: Any, batch_shape: Any) -> tuple[Any, Any]:
    """`shape` and `batch_shape` from `input_shape=` and its like, batch axis included."""
    if shape is not None or batch_shape is not None:
        raise ArgumentError(
            f"Input: expected one shape, got shape={shape!r}, batch_shape={batch_shape!r} and "
            f"input_shape={old[1:]} as well. Leave the last out."
        )
    return (old[1:], None) if old[0] is None else (None, old)


def _with_batch(shape: Any, batch_size: int | None, batch_shape: Any) -> Any:
    """The shape with the batch axis, whichever way it was given."""
    if (shape is None) == (batch_shape is None):
        raise ArgumentError(
            "Input: expected shape (without the batch axis) or batch_shape (with it), "
            f"got shape={shape!r} and batch_shape={batch_shape!r}."
        )
    if batch_shape is not None and batch_size is not None:
        raise ArgumentError(
            "Input: expected the batch size in batch_shape alone, got "
            f"batch_size={batch_size!r} as well. Leave it out, or give shape instead."
        )
    if batch_shape is not None:
        return batch_shape
    return (batch_size, *(shape if isinstance(shape, tuple | list) else (shape,)))


def _shape_and_dtype(symbol: Any, *given: Any) -> tuple[Any, Any]:
    """Those of the symbol that stands for an input, if nothing else was said."""
    if not is_symbol(symbol) or any(value is not None for value in given):
        raise ArgumentError(
            "Input: expected a Symbol as the only word on the shape, got "
            f"tensor={symbol!r} with shape, batch_size, batch_shape = {given!r}."
        )
    return symbol.shape, "string" if symbol.dtype.kind == "U" else symbol.dtype
