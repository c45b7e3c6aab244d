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
        function: of an array (or a list of them); `training` and `mask` are passed if it takes
            them.
        output_shape: without the batch axis, or a function from the input's shape to the output's
            (both with it); what comes out is compared with it. None: no check.
        mask: of the output: an array, or a function of the input and its mask; None for no mask.
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
        if output_shape is not None and not (is_shape(output_shape) or callable(output_shape)):
            raise ArgumentError(
                "Lambda: expected output_shape to be a tuple of sizes without the batch axis or a "
                f"function, got {output_shape!r}. It may be left out."
            )
        self.function = function
        self.output_shape = tuple(output_shape) if is_shape(output_shape) else output_shape
        self.mask, self.supports_masking = mask, mask is not None
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        given = {"training": training, "mask": mask}
        taken = {name: value for name, value in given.items() if _takes(self.function, name)}
        out = self.function(inputs, **(taken | self.arguments))
        if self.output_shape is not None:
            want = self._wanted_shape(inputs)
            for leaf in jax.tree.leaves(out):
                self._check_shape(want, concrete_dims(leaf.shape)[1:])
        return out

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """What `mask=` said: an array, or the result of the function."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    @property
    def passes_masks(self) -> bool:
        """Whether `mask=` was given."""
        return self.supports_masking

    def _wanted_shape(self, inputs: Any) -> tuple[int | None, ...]:
        """The sizes behind the batch that `output_shape` says."""
        if not callable(self.output_shape):
            return self.output_shape or ()
        return tuple(self.output_shape(jax.tree.map(lambda x: concrete_dims(x.shape), inputs)))[1:]

    def _check_shape(self, want: tuple[int | None, ...], got: tuple[int | None, ...]) -> None:
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
