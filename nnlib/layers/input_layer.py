"""Input: where a graph of layers begins."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import STRING, ShapeSpec, is_shape
from nnlib.core.symbol import Node, Symbol


class InputLayer(Layer):
    """Holds the shape of an input; `Input` is the short way to make one.

    Args:
        shape: without the batch axis; None where free.
        batch_size: a fixed batch size, or None.
        dtype: of the arrays that come in; "string" for layers such as TextVectorization.
        batch_shape: the shape with the batch axis, instead of the first two.
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = "float32",
        batch_shape: Any = None,
        name: str | None = None,
    ):
        super().__init__(name=name, autocast=False)
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
        if batch_shape is None:
            shape = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
            batch_shape = (batch_size, *shape)
        if not is_shape(batch_shape):
            raise ArgumentError(f"Input: expected dims of integers or None, got {shape!r}.")
        self.batch_shape = tuple(batch_shape)
        kind = ShapeSpec((), dtype or "float32").dtype
        self.input_dtype = "string" if kind == STRING else kind.name
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """The arguments; `dtype` is that of the arrays, not a policy."""
        return {**super().get_config(), "dtype": self.input_dtype}

    @property
    def spec(self) -> ShapeSpec:
        """Shape and dtype of the input."""
        return ShapeSpec(self.batch_shape, self.input_dtype)

    @property
    def symbol(self) -> Symbol:
        """The symbol that stands for this input."""
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
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Symbol | None = None,
) -> Symbol:
    """A symbol to call layers on: where a functional model begins.

    Args:
        shape: without the batch axis; None where free, `(28, 28, 1)`.
        batch_size: a fixed batch size; None for any of at least 1.
        dtype: of the arrays that come in.
        sparse: only False: JAX arrays are dense.
        batch_shape: the shape with the batch axis, instead of the first two.
        name: of the input; dicts of data are matched by it.
        tensor: a Symbol to begin from instead, as `Model(inputs=...)` accepts.

    Returns:
        A Symbol of shape (batch_size, *shape).

    >>> import nnlib as nn
    >>> x = nn.Input((4,))
    >>> x.shape, nn.layers.Dense(2)(x).shape
    ((None, 4), (None, 2))
    """
    if sparse:
        raise ArgumentError("Input: expected sparse=False, got True. JAX arrays are dense here.")
    if tensor is not None:
        return tensor
    return InputLayer(shape, batch_size, dtype, batch_shape, name).symbol
