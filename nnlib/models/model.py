"""Model: a layer that can be trained, made from a graph, or by writing `call`."""

import difflib
import importlib
import json
from collections.abc import Mapping
from typing import Any, Self

import jax

from nnlib.core import host
from nnlib.core.arguments import accepted_by_init
from nnlib.core.buildable import build_config
from nnlib.core.config_capture import deserialize
from nnlib.core.declare import claim
from nnlib.core.errors import ArgumentError, DTypeError, NotBuiltError, UnknownNameError
from nnlib.core.layer import Layer
from nnlib.core.masks import set_masks
from nnlib.core.naming import unique_names
from nnlib.core.object_data import reading
from nnlib.core.show_line import show_line
from nnlib.core.specs import ShapeSpec, is_arraylike, shape_spec
from nnlib.layers.operation import Operation
from nnlib.models.functional_config import graph_config, takes_graph
from nnlib.models.functional_reading import graph_from_config
from nnlib.models.graph import Graph
from nnlib.models.joining import join_scope
from nnlib.models.savable import Savable
from nnlib.models.summary import summary_text
from nnlib.models.trainable import Trainable

_OF_GRAPHS = ("layers", "input_layers", "output_layers", "trainable")


class Model(Trainable, Savable, Layer):
    """A layer with `compile`, `fit`, `evaluate` and `predict`.

    Made from a graph, with several inputs and outputs and with shared layers:

    >>> import nnlib as nn
    >>> a, b = nn.Input((3,)), nn.Input((3,))
    >>> shared = nn.layers.Dense(2)
    >>> model = nn.Model(inputs=[a, b], outputs=nn.layers.add([shared(a), shared(b)]))
    >>> model.count_params()
    8

    or by writing what happens:

    >>> class Twice(nn.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = nn.layers.Dense(4)
    ...     def call(self, x):
    ...         return self.dense(self.dense(x))

    Args:
        inputs: a Symbol, or a list or dict of them; None in a subclass with `call`.
        outputs: likewise.
        name: of the model.
        trainable: whether its weights are trained.
        dtype: a dtype policy or its name.
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self._graph: Graph | None = None
        join_scope(self)
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model: expected both inputs= and outputs=, or neither of them.")
        if inputs is not None:
            alone = isinstance(outputs, list | tuple) and len(outputs) == 1
            outputs = outputs[0] if alone else outputs  # as in Keras: no list of one comes out
            self._graph = Graph(inputs, outputs, f"{self.name} ({type(self).__name__})")
            assign_names(self.children())
            self.built = True
            claim(self)
        if not trainable:
            self.trainable = False

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Run the graph; subclasses without one write their own."""
        set_masks(inputs, mask)
        if self._graph is None:
            raise NotImplementedError(
                f"{self.name} ({type(self).__name__}): expected a `call` method or a graph, got "
                "neither. Write `def call(self, x): ...`, or pass inputs= and outputs=."
            )
        return self._graph.run(inputs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: the layers within have given the outputs their masks already."""

    def run_on_host(self, inputs: Any) -> Any:
        """Inputs as compiled code takes them: the layers in front that take strings are done.

        Numbers, and whatever the model cannot take, come back as they are.
        """
        graph = self._graph
        if graph is None or graph.front is None:
            return inputs
        return graph.run_on_host(host.string_arrays(inputs))

    def host_output_spec(self, *inputs: Any) -> Any:
        """The outputs for symbols of strings."""
        if self._graph is None:
            raise DTypeError(
                f"{self.name} ({type(self).__name__}): expected numbers, got strings. A model with "
                "`call` of its own takes strings when it is called on arrays of them: model(x)."
            )
        return jax.tree.map(shape_spec, self._graph.outputs)

    def build(self, *input_shapes: Any) -> None:
        """Declare all weights for inputs of these shapes, `model.build((None, 28, 28))`."""
        if self._core.building > 1 or self.built or not input_shapes:
            return
        if self._core.call_specs:  # called on data or specs: `call` itself builds what it meets
            return
        self.declare(*input_shapes)

    # What it is made of ------------------------------------------------------------------------

    def children(self) -> list[tuple[str, Layer]]:
        """The layers of the graph by name, and those in attributes."""
        graph = self.__dict__.get("_graph")
        return (unique_names(graph.layers(), self.name) if graph else []) + super().children()

    @property
    def operations(self) -> list[Layer]:
        """The layers right below it, each once, and the `x + y` and `x[:, 0]` of its graph."""
        return list(dict.fromkeys(layer for _, layer in self.children()))

    @property
    def layers(self) -> list[Layer]:
        """The layers right below it, each once; arithmetic on symbols is in `operations`."""
        return [layer for layer in self.operations if not isinstance(layer, Operation)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of this name, or at this index of `layers`.

        Raises:
            UnknownNameError: if there is none; the text lists close matches.
        """
        if (name is None) == (index is None):
            raise ArgumentError("get_layer: expected a name or an index, and one of them only.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise UnknownNameError(
                    f"{self.name}: expected an index below {len(self.layers)}, got {index}."
                )
            return self.layers[index]
        named = {**dict(self.children()), **{layer.name: layer for layer in self.layers}}
        if name not in named:
            close = difflib.get_close_matches(name or "", named, n=3)
            hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise UnknownNameError(
                f"{self.name}: no layer {name!r} here.{hint} Layers: {', '.join(named)}."
            )
        return named[name]

    # Saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again; of a graph its layers and their calls."""
        if self._graph is None or not takes_graph(self):
            return super().get_config()
        rest = super().get_config()
        rest = {name: rest[name] for name in rest if name not in ("inputs", "outputs")}
        return {**rest, **graph_config(self._graph)}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """A new model from what `get_config` returned, here or in Keras.

        Args:
            config: of a model of this class.
            custom_objects: classes and functions that it names and that nnlib does not know.

        Raises:
            CorruptFileError: for what no model can be made from.
            UnknownNameError: for a class that is not known.
        """
        with reading(f"{cls.__name__}.from_config", custom_objects):
            if not {"layers", "input_layers", "output_layers"} <= config.keys():
                return super().from_config(config)
            inputs, outputs = graph_from_config(config)
            rest = {name: deserialize(v) for name, v in config.items() if name not in _OF_GRAPHS}
            rest = {name: value for name, value in rest.items() if accepted_by_init(cls, name)}
            model = cls(inputs=inputs, outputs=outputs, **rest)
            model._core.trainable = bool(config.get("trainable", True))
            return model

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes of the inputs, batches of any size; None where a graph says them anyway."""
        if self._graph is not None or not self.built or not self._core.call_specs:
            return None
        return build_config(type(self), self.input_specs)

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain data; {} for a model that is not compiled."""
        saving = importlib.import_module("nnlib.saving.keras_config")
        return saving.compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` of another model says, or that of Keras."""
        saving = importlib.import_module("nnlib.saving.keras_config")
        saving.compile_from_config(self, config)

    def to_json(self, **kwargs: Any) -> str:
        """The config as JSON text, which Keras reads too; `kwargs` are those of `json.dumps`."""
        saving = importlib.import_module("nnlib.saving.keras_config")
        return json.dumps(saving.model_config(self), **kwargs)

    # What goes in and out ----------------------------------------------------------------------

    @property
    def input_specs(self) -> tuple[Any, ...]:
        """The positional inputs of `call` with shapes, dtypes, and None for the batch.

        Raises:
            NotBuiltError: if the model was never called nor built.
        """
        if self._graph is not None:
            return (self._graph.inputs,)
        if not self._core.call_specs:
            raise NotBuiltError(
                f"{self.name} ({type(self).__name__}): expected a model whose input shape is "
                "known, got one never called. Call it on data, or build((None, ...))."
            )
        return jax.tree.map(_any_batch, self._core.call_specs, is_leaf=is_arraylike)

    @property
    def input(self) -> Any:
        """The input symbols of its graph."""
        return self._graph.inputs if self._graph else super().input

    @property
    def output(self) -> Any:
        """The output symbols of its graph."""
        return self._graph.outputs if self._graph else super().output

    @property
    def inputs(self) -> list[Any]:
        """The input symbols as a list."""
        return jax.tree.leaves(self.input)

    @property
    def outputs(self) -> list[Any]:
        """The output symbols as a list."""
        return jax.tree.leaves(self.output)

    @property
    def input_shape(self) -> Any:
        """The shape, or shapes, of the input."""
        shapes = jax.tree.map(
            lambda leaf: tuple(leaf.shape), self.input_specs, is_leaf=is_arraylike
        )
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        """The shape, or shapes, of the output."""
        return self.compute_output_shape(*self.input_specs)

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called in `loss=` and `metrics=` dicts."""
        graph = self._graph
        return self.name_outputs(graph.outputs if graph else self.declare(*self.input_specs))

    def name_outputs(self, outputs: Any) -> list[str]:
        """The keys of a dict of outputs; else what the graph calls them, or output_1, ..."""
        count = len(jax.tree.leaves(outputs))
        if isinstance(outputs, dict) and len(outputs) == count:
            return sorted(outputs)
        names = self.known_output_names()
        return names if len(names) == count else [f"output_{index + 1}" for index in range(count)]

    def known_output_names(self) -> list[str]:
        """The names of the outputs where a graph tells them, else an empty list."""
        return self._graph.output_names if self._graph is not None else []

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print a table of layers, output shapes and weights. No array is made for it.

        Args:
            line_length: the width of the table; that of the terminal if None.
            print_fn: called with the text; if None, it is printed, or logged where
                `nnlib.config.disable_interactive_logging()` was called.
            expand_nested: whether layers inside layers are listed too.
            show_trainable: whether a column says which layers are trained.
        """
        text = summary_text(self, line_length, expand_nested, show_trainable)
        (print_fn or show_line)(text)


def assign_names(named: list[tuple[str, Layer]]) -> None:
    """Tell layers that have no name what their model calls them; the first model counts."""
    for name, layer in named:
        if layer._core.assigned_name is None:
            layer._core.assigned_name = name


def _any_batch(spec: Any) -> Any:
    return ShapeSpec((None, *spec.shape[1:]), spec.dtype) if spec.shape else spec
