"""Lambda: any function of arrays as a layer."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Self

import jax

from nnlib.core.custom_objects import custom_object
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.object_data import function_called, made, reading
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

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """A layer with the function that the config names.

        Code that Keras wrote for a lambda is never run: the function is then taken from
        custom_objects under the name of the layer.

        Args:
            config: from `get_config`, here or in Keras.
            custom_objects: functions by name.
            safe_mode: None or True; nnlib runs no code from a config.

        Raises:
            ArgumentError: for code without a function in its place.
            UnknownNameError: for the name of a function that is not known.

        >>> import jax.numpy as jnp, nnlib as nn
        >>> code = {"class_name": "__lambda__", "config": {"code": "4wEA..."}}
        >>> config = {"name": "twice", "function": code}
        >>> layer = nn.layers.Lambda.from_config(config, {"twice": lambda x: 2 * x})
        >>> layer(jnp.ones(2)).tolist()
        [2.0, 2.0]
        """
        with reading("Lambda.from_config", custom_objects, safe_mode is not False):
            known = {key: value for key, value in config.items() if key not in _OF_KERAS_2}
            functions = {key: _read_function(known, key) for key in _FUNCTIONS if key in known}
            if isinstance(functions.get("output_shape"), list):
                functions["output_shape"] = tuple(functions["output_shape"])
            return super().from_config({**known, **functions})

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


_FUNCTIONS = ("function", "output_shape", "mask")
_OF_KERAS_2 = ("module", "function_type", "output_shape_type", "output_shape_module")


def _is_code(data: Any) -> bool:
    """Whether this is what Keras writes for a lambda: its code, or Keras 2's list of three."""
    marked = isinstance(data, Mapping) and data.get("class_name") == "__lambda__"
    listed = isinstance(data, list | tuple) and len(data) == 3 and isinstance(data[0], str)
    return marked or listed


def _read_function(config: Mapping[str, Any], key: str) -> Any:
    data, name = config[key], str(config.get("name", "lambda"))
    if _is_code(data):
        if (given := custom_object(name)) is None:
            raise ArgumentError(
                f"{name} (Lambda): expected {key} by name, got the code of a lambda, which nnlib "
                f"does not run. Pass custom_objects={{{name!r}: function}}, or write the function "
                "out, with a name, and save again."
            )
        return given if key == "function" else None
    if isinstance(data, str):
        return function_called(data)
    return made(data)
