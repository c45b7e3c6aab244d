"""The base of all layers: declare weights in `build`, compute in `call`, use as pure functions."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib.core import arguments, declare
from nnlib.core.buildable import Buildable
from nnlib.core.config_capture import Configurable, capturing
from nnlib.core.dtypes import get as get_policy
from nnlib.core.eager import Eager
from nnlib.core.errors import FrozenConfigError, ShapeError, StateWriteError
from nnlib.core.frame import Frame, current_frame
from nnlib.core.internals import Internals
from nnlib.core.keywords import name_first, name_shapes
from nnlib.core.masks import call_parameters, flat_masks
from nnlib.core.registries import constraints, initializers, regularizers
from nnlib.core.run import building, run_layer
from nnlib.core.specs import InputSpec, Weight, check_shape, holds_weights
from nnlib.core.stored import Stored
from nnlib.core.structure import Structure
from nnlib.core.symbol import Node, has_symbols
from nnlib.core.tree import Tree, merge, put


class Applied(NamedTuple):
    """What `Layer.apply_full` returns."""

    outputs: Any
    state: Tree
    penalty: Any
    """Regularisers and `add_loss` summed up."""
    masks: list[Any]
    """A mask or None for each array of the outputs."""


class Layer(Structure, Stored, Buildable, Configurable, Eager):
    """A layer holds configuration; weights are plain dicts of arrays; calls are pure functions.

    An author writes `__init__` (configuration), `build` (weights, from input shapes) and `call`:

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> class Scale(nn.layers.Layer):
    ...     def build(self, x):
    ...         self.factor = self.add_weight((x.shape[-1],), "ones")
    ...     def call(self, x):
    ...         return x * self.factor
    >>> layer = Scale()
    >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 3)))
    >>> jax.tree.map(jnp.shape, params)
    {'factor': (3,)}
    >>> y, state = layer.apply(params, state, jnp.ones((2, 3)))

    The same layer keeps weights of its own when it is called directly: `layer(x)`.

    Args:
        name: what it is called in its model; numbered by class if None.
        trainable: whether its weights are trained.
        dtype: a dtype policy or its name; the global policy if None.
        activity_regularizer: a penalty on the output, added to the loss.
        autocast: whether float inputs are cast to the compute dtype.

    Raises:
        UnexpectedArgumentError: for a keyword that the layer does not know.
    """

    supports_masking: bool = False
    """Whether the mask of the input is the mask of the output too; see also `compute_mask`."""
    input_spec: InputSpec | list[InputSpec] | None = None
    mixes_rows: bool | None = None
    """Whether a row of the output depends on other rows of the batch. False lets `fit` fill up a
    short last batch; None is False for nnlib's own layers and True for all others."""

    on_host: bool = False
    """Whether it has `call_on_host` for values that are known; see `nnlib.core.host`."""

    _core: Internals

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the private state first: authors may assign before `super().__init__()`."""
        self = object.__new__(cls)
        self.__dict__["_core"] = Internals()
        return self

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = building(cls.build)  # type: ignore[method-assign]

    @capturing
    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        autocast: bool = True,
        **legacy: Any,
    ):
        core = self._core
        core.input_shape = arguments.legacy_input_shape(type(self), legacy)
        core.name, core.trainable, core.autocast = arguments.check_name(name), trainable, autocast
        core.policy = get_policy(dtype)
        core.activity_regularizer = regularizers.get(activity_regularizer)

    # What authors write ------------------------------------------------------------------------

    @building
    def build(self, *inputs: Any) -> None:
        """Declare weights from the shapes of the inputs: `self.kernel = self.add_weight(...)`."""

    def call(self, *inputs: Any, **kwargs: Any) -> Any:
        """Compute the output. Pure: it reads weights, and writes state by `self.update`."""
        raise NotImplementedError(
            f"{self.name} ({type(self).__name__}): expected a `call` method, got none. "
            "Write `def call(self, x): ...` in the class."
        )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output, or None. Defining it says that the layer supports masking.

        Args:
            inputs: the first argument of `call`.
            mask: its mask, in its structure; None without one.
        """
        return mask

    @property
    def passes_masks(self) -> bool:
        """Whether it says anything about the mask of its output."""
        return self.supports_masking or type(self).compute_mask is not Layer.compute_mask

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
        axes: tuple[str | None, ...] = (),
    ) -> Any:
        """A declaration to assign to an attribute; read there, it is the array.

        Args:
            shape: dims, all known.
            initializer: a name, an Initializer, or any `f(key, shape, dtype)`; Glorot's uniform
                for floats if None, zeros for integers.
            dtype: the policy's variable dtype if None.
            trainable: False for state, which `self.update(name=...)` writes.
            autocast: whether it is read in the compute dtype.
            regularizer: a penalty added to the loss.
            constraint: a projection applied after each update.
            name: accepted as Keras writes it; the attribute's name is the one that counts.
            axes: logical names of the axes, for sharding rules.
        """
        dtype = jnp.dtype(dtype or self.variable_dtype)
        if initializer is None:
            floating = jnp.issubdtype(dtype, jnp.floating)
            initializer = "glorot_uniform" if floating else "zeros"
        return Weight(
            check_shape(shape, f"{self.name} ({type(self).__name__}) weight {name or ''}".strip()),
            arguments.pure_initializer(initializers.get(initializer)),
            dtype.name,
            trainable,
            autocast,
            axes,
            regularizers.get(regularizer),
            constraints.get(constraint),
        )

    def update(self, **state: Any) -> None:
        """Write state declared with `trainable=False`; later reads in this call see it."""
        frame = current_frame()
        if frame is None:
            raise StateWriteError(
                f"{self.name} ({type(self).__name__}): expected update() inside call, got it "
                "outside of one. Assign the array instead: layer.moving_mean = array."
            )
        values = {n: arguments.check_state(frame.place_of(self), self.own_weights, n, v)
                  for n, v in state.items()}  # fmt: skip
        frame.write(self, values)

    def next_key(self) -> Any:
        """A random key for this draw, from the call's `rng` and the layer's path."""
        frame = current_frame()
        if frame is None:
            raise StateWriteError(f"{self.name}: next_key() works inside call only.")
        return frame.draw_key(self)

    def add_loss(self, value: Any) -> None:
        """Add a scalar to the loss of this call."""
        frame = current_frame()
        if frame is None or frame.is_inner_trace():
            raise StateWriteError(
                f"{self.name} ({type(self).__name__}): expected add_loss() at the level of call, "
                "got it outside or inside an inner vmap, scan or jit. Return the value from there."
            )
        self._core.adds_losses = True
        frame.losses.append(jnp.sum(value))

    # The pure interface ------------------------------------------------------------------------

    def declare(self, *inputs: Any, training: bool = False, **kwargs: Any) -> Any:
        """Run `call` on shapes alone, so that every layer below declares its weights.

        Args:
            inputs: arrays, `jax.ShapeDtypeStruct`s, ShapeSpecs with None, or Symbols.

        Returns:
            The output's `jax.ShapeDtypeStruct`s, with symbolic dims where the input has None.
        """
        return declare.declare(self, inputs, kwargs, training)

    def init(self, key: Any, *inputs: Any, **kwargs: Any) -> tuple[Tree, Tree]:
        """Make new weights: `(params, state)`, two dicts by path.

        Pure, so that `jax.jit(layer.init, out_shardings=...)` makes them sharded. Each weight's key
        comes from its path: adding a layer changes no other layer's weights.

        Args:
            key: `jax.random.key(seed)`.
            inputs: arrays or specs to declare with; may be left out once the layer is built.
        """
        if inputs or not self.built:
            self.ensure_declared(*inputs, **kwargs)
        params: Tree = {}
        state: Tree = {}
        for path, _, name, weight in self.weight_specs():
            put(params if weight.trainable else state, (*path, name),
                declare.initial_value(key, (*path, name), weight))  # fmt: skip
        return params, state

    def apply(
        self,
        params: Tree,
        state: Tree,
        *inputs: Any,
        training: bool = False,
        rng: Any = None,
        **kwargs: Any,
    ) -> tuple[Any, Tree]:
        """Compute: `(outputs, new_state)`. Pure: jit, grad, vmap and scan it.

        Args:
            params: as `init` returned them.
            state: likewise.
            inputs: arrays, as `call` takes them.
            training: whether layers behave as in training (Dropout, BatchNormalization).
            rng: the key of this step, wherever a layer draws random numbers.

        Raises:
            WeightMissingError: if a tree lacks a weight, or has it in another shape.
        """
        applied = self.apply_full(params, state, *inputs, training=training, rng=rng, **kwargs)
        return applied.outputs, applied.state

    def apply_full(
        self,
        params: Tree,
        state: Tree,
        *inputs: Any,
        training: bool = False,
        rng: Any = None,
        row_mask: jax.Array | None = None,
        observer: Any = None,
        **kwargs: Any,
    ) -> Applied:
        """As `apply`, and what else came of the call: its losses and the masks of its outputs.

        Args:
            row_mask: (batch,), 0 for rows that only fill up a batch.
            observer: called with every layer, its path and its output.
        """
        if not self.built:
            self.ensure_declared(*inputs, **kwargs)
        with self.bound(params, state, training, rng, row_mask, observer) as frame:
            out = run_layer(self, inputs, kwargs)
            masks = flat_masks(out)
        penalty = declare.penalties(self.layout(), frame.values or {}, frame.losses)
        return Applied(out, merge(state, declare.state_in(self, frame)), penalty, masks)

    @contextlib.contextmanager
    def bound(
        self,
        params: Tree,
        state: Tree,
        training: bool = False,
        rng: Any = None,
        row_mask: jax.Array | None = None,
        observer: Any = None,
    ) -> Iterator[Frame]:
        """Within the block this layer and those below read these arrays, as within `call`.

        The frame that it gives has what they write; the arguments are those of `apply_full`.
        """
        values = declare.bind(self.layout(), params, state)
        with Frame(self, values, training, rng, row_mask, observer) as frame:
            yield frame

    def compute_output_shape(self, *input_shapes: Any, **named_shapes: Any) -> Any:
        """The output shape for input shapes such as `(None, 28, 28, 1)`.

        Named ones are called as in Keras: `input_shape=`, or `query_shape=` for `query`.
        """
        cls: Any = type(self)
        names = call_parameters(cls)
        return declare.output_shape(self, *name_shapes(names, input_shapes, named_shapes))

    # The facade --------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A node of a graph on symbols, a step inside `call`, else a call with its own weights."""
        cls: Any = type(self)
        args, kwargs = name_first(call_parameters(cls), args, kwargs)
        if has_symbols((args, kwargs)):
            return Node(self, args, kwargs).outputs
        if current_frame() is not None:
            return run_layer(self, args, kwargs)
        return self.call_eagerly(args, kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Weight):
            self._file_weight(name, value)
        elif name in self._core.weights:
            self.assign_array(name, value)
        elif holds_weights(value):
            self._file_weights(name, value)
        else:
            if not isinstance(getattr(type(self), name, None), property):
                arguments.check_assignment(self, name, value)
            self._core.assigning(name)
            object.__setattr__(self, name, value)

    def _file_weight(self, name: str, weight: Weight) -> None:
        if self.built and not self._core.building:
            raise FrozenConfigError(
                f"{self.name} ({type(self).__name__}): expected weights to be declared in build(), "
                f"got {name!r} afterwards. Move the add_weight call into build()."
            )
        self._core.weights[name] = weight
        self.__dict__.pop(name, None)  # `self.kernel = None` in __init__ must not hide the weight

    def _file_weights(self, name: str, values: Any) -> None:
        """A list of weights as an attribute: filed as `name_0`, `name_1`, ..., read as a list."""
        names = [f"{name}_{index}" for index in range(len(values))]
        for own, weight in zip(names, values, strict=True):
            self._file_weight(own, weight)
        self._core.weight_lists[name] = names
        self.__dict__.pop(name, None)

    def file_weight_lists(self) -> None:
        """Find the lists that weights were appended to in `build`."""
        for name, value in list(vars(self).items()):
            if holds_weights(value):
                self._file_weights(name, value)

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that are not plain attributes: weights, and mistakes.
        core = self.__dict__.get("_core")
        if core is not None and name in core.weight_lists:
            return [getattr(self, own) for own in core.weight_lists[name]]
        if core is None or name not in core.weights:
            raise AttributeError(arguments.missing_attribute(self, name))
        frame = current_frame()
        array = self.own_arrays()[name] if frame is None else frame.read(self, name)
        weight = core.weights[name]
        if frame is None:
            return array
        cast = weight.autocast and self.compute_dtype != weight.dtype
        return arguments.read_weight(array, self.compute_dtype if cast else None)

    def __repr__(self) -> str:
        shown = [f"{n}={v!r}" for n, v in arguments.changed_arguments(self).items()]
        return f"{type(self).__name__}({', '.join(shown)})"

    def get_config(self) -> dict[str, Any]:
        """Name, trainable, dtype and the arguments of `__init__`, as plain data."""
        dtype = self.dtype_policy.as_argument()
        config = {"name": self.name, "trainable": self.trainable, "dtype": dtype}
        config = {n: v for n, v in config.items() if arguments.accepted_by_init(type(self), n)}
        return super().get_config() | config

    def check_inputs(self, inputs: Any, place: str) -> None:
        """Compare the inputs with `input_spec`; raises ShapeError."""
        if self.input_spec is None:
            return
        specs = self.input_spec if isinstance(self.input_spec, list) else [self.input_spec]
        leaves = [leaf for leaf in jax.tree.leaves(inputs) if hasattr(leaf, "shape")]
        if isinstance(self.input_spec, list) and len(leaves) != len(specs):
            raise ShapeError(f"{place} expects {len(specs)} inputs, got {len(leaves)}.")
        for spec, leaf in zip(specs, leaves, strict=False):
            spec.check(leaf, place)
