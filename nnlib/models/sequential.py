"""Sequential: layers one after the other."""

from collections.abc import Mapping
from typing import Any, Self

import jax
import numpy as np

from nnlib.core import host
from nnlib.core.config_capture import deserialize
from nnlib.core.declare import children_in, claim
from nnlib.core.errors import ArgumentError, NamingError, NotBuiltError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.masks import set_masks
from nnlib.core.naming import unique_names
from nnlib.core.object_data import made_object, reading
from nnlib.core.plain_data import data_of
from nnlib.core.specs import ShapeSpec, concrete_dims, is_arraylike, shape_spec
from nnlib.core.symbol import Symbol, is_symbol
from nnlib.layers.input_layer import Input, InputLayer
from nnlib.models.functional_config import with_name
from nnlib.models.graph import fit_input
from nnlib.models.legacy_config import modern_stack
from nnlib.models.model import Model, assign_names


class Sequential(Model):
    """A stack of layers.

    The input shape may be given by `Input` in front, by `input_shape=` in the first layer, or is
    taken from the first data.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.layers.Dense(8, activation="relu", input_shape=(4,))])
    >>> model.add(nn.layers.Dense(3))
    >>> model.output_shape
    (None, 3)

    Args:
        layers: the stack.
        trainable: whether its weights are trained.
        name: of the model.
        dtype: a dtype policy or its name.
    """

    def __init__(
        self,
        layers: Any = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._stack: list[Layer] = []
        self._symbols: list[Symbol] = []  # the input, then the output of each layer
        self._shaped_by_data = False  # nobody said which shape the input has
        if isinstance(layers, Layer):
            raise ArgumentError(f"Sequential: expected a list of layers, got {layers!r}.")
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any) -> None:
        """Put a layer on top.

        Raises:
            ArgumentError: for anything but a layer or an Input.
            NamingError: if a layer of that name is there already.
        """
        if is_symbol(layer) and isinstance(layer.node.layer, InputLayer):
            return self._begin(layer)
        if isinstance(layer, InputLayer):
            return self._begin(layer.symbol)
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{self.name} (Sequential): expected a layer, got {layer!r}. Functions go into "
                "nnlib.layers.Lambda(function)."
            )
        if layer in self._stack:
            raise NamingError(
                f"{self.name} (Sequential): expected every layer once, got {layer!r} twice. Use "
                "the functional API to share a layer."
            )
        shape = layer._core.input_shape
        if shape is not None and not self._stack and not self._symbols:
            self._begin(Input(batch_shape=shape))
        elif isinstance(layer, Model) and layer.built and not self._stack and not self._symbols:
            leaves = jax.tree.leaves(layer.input_specs, is_leaf=is_arraylike)
            if len(leaves) == 1:
                self._begin(Input(batch_shape=leaves[0].shape, dtype=leaves[0].dtype.name))
        self._stack.append(layer)
        try:
            assign_names(self.children())
            if self._symbols:
                self._symbols.append(layer(self._symbols[-1]))
        except Exception:
            self._stack.pop()
            raise
        self._refresh()

    def pop(self) -> Layer:
        """Take the top layer off and return it."""
        if not self._stack:
            raise ArgumentError(f"{self.name} (Sequential): expected a layer to pop, it has none.")
        layer = self._stack.pop()
        if len(self._symbols) > len(self._stack) + 1:
            self._symbols.pop()
        self._refresh()
        return layer

    def _begin(self, symbol: Symbol) -> None:
        if self._symbols:
            raise ArgumentError(f"{self.name} (Sequential): expected one Input, got a second one.")
        if self._stack:
            raise ArgumentError(
                f"{self.name} (Sequential): expected the Input in front of all layers, got it "
                f"behind {len(self._stack)} of them."
            )
        self._symbols = [symbol]
        self._refresh()

    def _refresh(self) -> None:
        """It is built as soon as the shapes of all its layers are known."""
        self.built = bool(self._symbols) and bool(self._stack)
        if self.built:
            claim(self)

    def build(self, *input_shapes: Any) -> None:
        """Declare all weights for inputs of this shape, `model.build((None, 28, 28))`."""
        if not input_shapes:
            return
        spec = input_shapes[0]
        if self._symbols:
            return self._check_shape(spec)
        if not isinstance(spec, ShapeSpec):
            return  # several inputs: the layers are built when they run
        self._shaped_by_data = bool(self._core.call_specs)
        stack, self._stack[:] = list(self._stack), []
        self._begin(Input(batch_shape=(None, *spec[1:]), dtype=spec.dtype.name))
        for layer in stack:
            self.add(layer)

    def _check_shape(self, spec: Any) -> None:
        """That what it was built for before allows this shape."""
        shape = concrete_dims(self._symbols[0].shape)
        given = concrete_dims(spec.shape) if isinstance(spec, ShapeSpec) else shape
        agree = len(given) == len(shape) and all(
            a == b or None in (a, b) for a, b in zip(given, shape, strict=True)
        )
        if not agree:
            raise ShapeError(
                f"{self.name} (Sequential): expected the shape {shape} that it was built for, got "
                f"{given}."
            )

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Layer after layer."""
        if not self._stack:
            raise NotBuiltError(
                f"{self.name} (Sequential): expected layers, got none. Call add() first."
            )
        set_masks(inputs, mask)
        x, first = inputs, 0
        if self._symbols and is_arraylike(x):
            first = 0 if host.is_string(x) else self._host_layers()
            x = fit_input(x, self._expected(first), f"{self.name} ({type(self).__name__})")
        for layer in self._stack[first:]:
            x = layer(x)
        return x

    def _expected(self, index: int) -> Any:
        """What comes in before layer `index`; sizes of the first data bind the layers alone."""
        symbol = self._symbols[index]
        if not self._shaped_by_data:
            return symbol
        shape = tuple(1 if size == 1 else None for size in symbol.shape)
        return Symbol(shape, symbol.dtype, symbol.node, symbol.index)

    def _host_layers(self) -> int:
        """How many layers in front take strings."""
        return sum(map(host.is_string, self._symbols))

    def run_on_host(self, inputs: Any) -> Any:
        """Strings as compiled code takes them: the layers in front are done."""
        x = host.string_arrays(inputs)
        if not isinstance(x, np.ndarray) or not host.is_string(x):
            return inputs
        if not self._symbols and self._stack and self._stack[0].on_host:
            self.build(ShapeSpec((None, *x.shape[1:]), "string"))
        if not self._host_layers():
            return inputs
        x = fit_input(x, self._symbols[0], f"{self.name} ({type(self).__name__})")
        for layer in self._stack[: self._host_layers()]:
            x = layer(x)
        return x

    def host_output_spec(self, *inputs: Any) -> Any:
        """The output for a symbol of strings."""
        if not self._symbols:
            self.build(*inputs)
        return shape_spec(self._symbols[-1])

    def children(self) -> list[tuple[str, Layer]]:
        """The layers by name, and those in attributes of a subclass."""
        stack = self.__dict__.get("_stack", [])
        others = {name: value for name, value in vars(self).items() if name != "_stack"}
        return unique_names(stack, self.name) + children_in(others)

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the Input."""
        return list(self._stack)

    @property
    def input_specs(self) -> tuple[Any, ...]:
        """The input with shape, dtype, and None for the batch."""
        return (self._symbols[0],) if self._symbols else super().input_specs

    @property
    def input(self) -> Any:
        """The symbol it begins with."""
        return self._symbols[0] if self._symbols else super().input

    @property
    def output(self) -> Any:
        """The symbol it ends with."""
        return self._symbols[-1] if self._symbols else super().output

    def known_output_names(self) -> list[str]:
        """The name of the last layer."""
        return [self._stack[-1].name] if self._stack else []

    def get_config(self) -> dict[str, Any]:
        """The configurations of its layers, in order."""
        names = {layer: name for name, layer in self.children()}
        layers = [with_name(data_of(layer), names[layer]) for layer in self._stack]
        if self._symbols:
            begin = data_of(self._symbols[0].node.layer)
            return {**super().get_config(), "layers": [begin, *layers]}
        return {**super().get_config(), "layers": layers}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A new stack from what `get_config` returned, here or in Keras."""
        with reading(f"{cls.__name__}.from_config", custom_objects):
            config = modern_stack(config)
            rest = {name: value for name, value in config.items() if name not in _OF_STACKS}
            rest = {name: deserialize(value) for name, value in rest.items()}
            model = cls(layers=[made_object(data) for data in config["layers"]], **rest)
            model._core.trainable = bool(config.get("trainable", True))
            if not model.built and config.get("build_input_shape"):
                model.build(ShapeSpec(config["build_input_shape"]))
            return model


_OF_STACKS = ("layers", "trainable", "build_input_shape")
