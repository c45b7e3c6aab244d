"""The facade: layers that keep their arrays, so that `layer(x)` and `layer.kernel` simply work."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core import declare, host, keeping
from nnlib.core.apart import telling_of_devices
from nnlib.core.compat import is_traced
from nnlib.core.errors import NotBuiltError, ShapeError, StateWriteError
from nnlib.core.frame import Frame
from nnlib.core.masks import flat_masks, set_mask
from nnlib.core.penalties import losses_of
from nnlib.core.random import facade_keys
from nnlib.core.run import run_layer
from nnlib.core.scope import note_read
from nnlib.core.specs import Weight
from nnlib.core.tree import Tree, put

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


class Eager:
    """The half of `Layer` that has arrays. Everything here is convenience over the pure half."""

    def call_eagerly(self: "Layer", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # type: ignore[misc]
        """Call with the arrays of the cells, and keep the new state there."""
        if host.runs_on_host(self, (args, kwargs)):
            return host.run(self, args, kwargs)
        args, kwargs = jax.tree.map(_as_array, (_arrays_from_lists(args), kwargs))
        with jax.ensure_compile_time_eval():  # under jit, too, the weights are real arrays
            if not self.built:
                self.ensure_declared(*args, **kwargs)
            self.fill()
        values = {id(layer): dict(layer.own_arrays()) for _, layer in self.layout()}
        rng = None if is_traced() else facade_keys.next_key
        with Frame(self, values, training=None, rng=rng) as frame, telling_of_devices(self):
            out = run_layer(self, args, kwargs)
            masks = flat_masks(out)
        self._keep_state(values)
        self._core.losses = frame.losses
        for leaf, mask in zip(jax.tree.leaves(out), masks, strict=True):
            if mask is not None:
                set_mask(leaf, mask)
        return out

    def _keep_state(self: "Layer", values: dict[int, Tree]) -> None:  # type: ignore[misc]
        for _, layer, name, weight in self.weight_specs():
            new = values[id(layer)][name]
            if weight.trainable or new is layer.own_arrays()[name]:
                continue
            if isinstance(new, jax.core.Tracer):
                raise StateWriteError(
                    f"{self.name} ({type(self).__name__}): expected model(x) outside of jax "
                    f"transforms while training, got a traced {name} that it cannot keep. Write "
                    "`y, state = model.apply(params, state, x, training=True, rng=key)` there."
                )
            layer.write_cell(name, new)

    def ensure_declared(self: "Layer", *args: Any, **kwargs: Any) -> None:  # type: ignore[misc]
        """Declare for inference, and for training too if that reaches layers that were left."""
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
        self.declare(*args, **kwargs)
        if not all(layer.built for _, layer in self.layout()):
            self.declare(*args, training=True, **kwargs)

    # Cells -------------------------------------------------------------------------------------

    def own_arrays(self: "Layer") -> dict[str, Any]:  # type: ignore[misc]
        """The arrays of its own weights by name; made on first use."""
        core = self._core
        if core.loan is not None:
            core.loan.settle()
        if len(core.cell) < len(core.weights):
            with jax.ensure_compile_time_eval():
                owner = core.root and core.root()
                (owner if owner is not None and owner.built else self).fill()
                self.fill()
        note_read(self, core.cell)
        return core.cell

    def fill(self: "Layer") -> None:  # type: ignore[misc]
        """Make the arrays that are missing; arrays that are there (pretrained ones) stay."""
        missing = [
            (path, layer, name, weight)
            for path, layer, name, weight in self.weight_specs()
            if name not in layer._core.cell
        ]
        if not missing:
            return
        keeping.draw_missing(self, facade_keys.next_key(), missing)

    def write_cell(self: "Layer", name: str, array: Any) -> None:  # type: ignore[misc]
        """Replace one array of its own; others that are missing are not made for it."""
        core = self._core
        if core.loan is not None:
            core.loan.settle()
        core.cell[name] = array
        if core.loan is not None:
            core.loan.note_write()

    def assign_array(self: "Layer", name: str, value: Any) -> None:  # type: ignore[misc]
        """`layer.kernel = array`, checked against the declaration."""
        place = f"{self.name}/{name} ({type(self).__name__})"
        self.write_cell(name, _checked(value, self, name, place))

    @property
    def losses(self: "Layer") -> list[Any]:  # type: ignore[misc]
        """What it adds to the loss: regularisers, and what its last call added.

        In `compute_loss` it is what the step's call added up.
        """
        return losses_of(self)

    @property
    def variables(self: "Layer") -> tuple[Tree, Tree]:  # type: ignore[misc]
        """`(params, state)`: the arrays that it keeps, as `apply` takes them.

        Raises:
            NotBuiltError: if the input shape is not known yet.
        """
        _require_built(self)
        trees: tuple[Tree, Tree] = {}, {}
        for path, layer, name, weight in self.weight_specs():
            put(trees[not weight.trainable], (*path, name), layer.own_arrays()[name])
        return trees

    @variables.setter
    def variables(self: "Layer", trees: tuple[Tree, Tree]) -> None:  # type: ignore[misc]
        _require_built(self)
        layers = self.layout()
        values = declare.bind(layers, *trees)
        for _, layer in layers:
            for name, array in values[id(layer)].items():
                layer.write_cell(name, keeping.kept(layer, name, array))

    # Lists of weights, in Keras' order -----------------------------------------------------------

    @property
    def weights(self: "Layer") -> list[Any]:  # type: ignore[misc]
        """All arrays: layer by layer, trained ones first within a layer."""
        return [layer.own_arrays()[name] for layer, name, _ in ordered_weights(self)]

    @property
    def trainable_weights(self: "Layer") -> list[Any]:  # type: ignore[misc]
        """The arrays that `fit` trains."""
        return [
            la.own_arrays()[n] for la, n, w in ordered_weights(self) if w.trainable and la.trainable
        ]

    @property
    def non_trainable_weights(self: "Layer") -> list[Any]:  # type: ignore[misc]
        """State, and the weights of frozen layers."""
        return [
            la.own_arrays()[n]
            for la, n, w in ordered_weights(self)
            if not (w.trainable and la.trainable)
        ]

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    def get_weights(self: "Layer") -> list[np.ndarray]:  # type: ignore[misc]
        """Copies of all arrays for NumPy, in the order of `weights`."""
        return [np.array(keeping.readable(array)) for array in self.weights]

    def set_weights(self: "Layer", weights: list[Any]) -> None:  # type: ignore[misc]
        """Replace all arrays; the list is as `get_weights` returns it.

        Raises:
            ShapeError: if their number or a shape differs; then nothing is changed.
        """
        _require_built(self)
        slots = ordered_weights(self)
        place = f"{self.name} ({type(self).__name__})"
        if len(weights) != len(slots):
            raise ShapeError(
                f"{place}: expected {len(slots)} arrays, got {len(weights)}. Give them in the "
                "order of get_weights()."
            )
        arrays = [
            _checked(array, layer, name, f"{place}: weight {index}, {layer.name}/{name}")
            for index, (array, (layer, name, _)) in enumerate(zip(weights, slots, strict=True))
        ]
        for array, (layer, name, _) in zip(arrays, slots, strict=True):
            layer.write_cell(name, array)

    def count_params(self: "Layer") -> int:  # type: ignore[misc]
        """The number of elements of all weights; from the declarations, no array is made."""
        _require_built(self)
        return sum(weight.size for *_, weight in self.weight_specs())


def ordered_weights(root: "Layer") -> list[tuple["Layer", str, Weight]]:
    """(layer, name, declaration) of all weights, in the order of `get_weights`."""
    _require_built(root)
    return [
        (layer, name, weight)
        for _, layer in root.layout()
        for trained in (True, False)
        for name, weight in layer.own_weights.items()
        if weight.trainable is trained
    ]


def _require_built(layer: "Layer") -> None:
    if not layer.built:
        raise NotBuiltError(
            f"{layer.name} ({type(layer).__name__}): expected a built layer, got one whose input "
            "shape is not known. Call it on data, call build((None, ...)), or begin with Input()."
        )


def _checked(value: Any, layer: "Layer", name: str, place: str) -> jax.Array:
    array, shape = keeping.kept(layer, name, value), layer.own_weights[name].shape
    if array.shape != shape:
        raise ShapeError(f"{place}: expected an array of shape {shape}, got {array.shape}.")
    return array


def _as_array(leaf: Any) -> Any:
    wrong = isinstance(leaf, np.ndarray | np.generic) and not host.is_string(leaf)
    return jnp.asarray(leaf) if wrong else leaf


def _arrays_from_lists(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """`layer([[1.0, 2.0]])`: nested lists of numbers are an array, lists of arrays stay lists.

    Lists of strings are NumPy arrays, for the host layers of a model.
    """

    def convert(arg: Any) -> Any:
        leaves = jax.tree.leaves(arg)
        numbers = leaves and all(isinstance(leaf, int | float | bool) for leaf in leaves)
        return jnp.asarray(arg) if isinstance(arg, list | tuple) and numbers else arg

    return tuple(map(convert, host.string_arrays(args) if host.has_strings(args) else args))
