"""Lambda: any function of arrays as a layer."""

import inspect
from collections.abc import Callable
from typing import Any

import jax

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import concrete_dims, is_shape
from nnlib.layers.checks import place_of


class Lambda(Layer):
    """`function(x, **arguments)`.

    The function may look across the batch: `fit` never fills up a batch that it sees.

    Args:
        function: of an array (or a list of them); `training` is passed if it takes that.
        output_shape: without the batch axis; what comes out is compared with it. None: no check.
        mask: only None: masks are not available yet.
        arguments: keywords for the function.

    Input shape:
        What the function takes.

    Output shape:
        What it returns.

    Raises:
        ShapeError: if the output is not of `output_shape`.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> scale = nn.layers.Lambda(lambda x, factor: factor * x, arguments={"factor": 3})
    >>> scale(jnp.ones(2)).tolist()
    [3.0, 3.0]
    """

    mixes_rows = True  # it may: nobody knows what the function does

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError(f"Lambda: expected function to be callable, got {function!r}.")
        if mask is not None:
            raise ArgumentError(
                f"Lambda: expected mask=None, got {mask!r}. Masks are not available yet."
            )
        if output_shape is not None and not is_shape(output_shape):
            raise ArgumentError(
                "Lambda: expected output_shape to be a tuple of sizes without the batch axis, "
                f"got {output_shape!r}. It may be left out: shapes are found by themselves."
            )
        self.function = function
        self.output_shape = None if output_shape is None else tuple(output_shape)
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any, training: bool = False) -> Any:
        arguments = dict(self.arguments)
        if "training" not in arguments and _takes(self.function, "training"):
            arguments["training"] = training
        out = self.function(inputs, **arguments)
        if self.output_shape is not None:
            for leaf in jax.tree.leaves(out):
                self._check_shape(concrete_dims(leaf.shape)[1:])
        return out

    def _check_shape(self, got: tuple[int | None, ...]) -> None:
        want = self.output_shape or ()
        pairs = list(zip(want, got, strict=False))
        if len(want) != len(got) or any(None not in pair and len(set(pair)) > 1 for pair in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected an output of shape (batch, *{want}) as output_shape "
                f"says, got (batch, *{got})."
            )


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except ValueError:  # functions written in C may not tell
        return False
