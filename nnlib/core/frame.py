"""The frame of one pure call: which arrays its layers read, and what they write."""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nnlib.core.compat import trace_state
from nnlib.core.errors import LayerCreatedInCallError, RandomKeyError, StateWriteError
from nnlib.core.random import fold

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_current: contextvars.ContextVar["Frame | None"] = contextvars.ContextVar(
    "nnlib_frame", default=None
)


def current_frame() -> "Frame | None":
    """The frame of the pure call in progress, or None outside of one."""
    return _current.get()


@dataclass
class Frame:
    """One pure call in progress. It lives only while `call` runs or is traced.

    `values` holds the arrays by layer identity; None while shapes are declared.
    """

    root: "Layer"
    values: dict[int, dict[str, Any]] | None = None
    training: bool | None = False
    """None in `layer(x)`, where nobody says: then each layer's own default holds."""
    rng: Any = None
    """The key of this call, or a function that makes it when it is first needed."""
    row_mask: jax.Array | None = None
    """(batch,) of 1 and 0: rows that only fill up the last batch are 0."""
    observer: "Callable[[Layer, str, Any], None] | None" = None
    """Called with every layer, its path and its output."""
    losses: list[jax.Array] = field(default_factory=list)
    masks: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    """(array, its mask) by identity of the array; see `nnlib.core.masks`."""
    draws: dict[str, int] = field(default_factory=dict)
    paths: dict[int, str] = field(default_factory=dict)
    trace: Any = field(default_factory=trace_state)
    draw_trace: Any = field(default_factory=trace_state)
    """The trace that `rng` belongs to: that of the call, or of a scan body within `draws_from`."""

    def __enter__(self) -> "Frame":
        self.find_paths()
        self._token = _current.set(self)
        return self

    def __exit__(self, *error: object) -> None:
        _current.reset(self._token)

    @property
    def declaring(self) -> bool:
        """Whether only shapes are looked for, and layers may still be built."""
        return self.values is None

    def find_paths(self) -> None:
        """Look up again which layers the root holds: `build` may have made some."""
        self.paths = {id(layer): "/".join(path) for path, layer in self.root.layout()}

    def place_of(self, layer: "Layer") -> str:
        """`encoder/dense_1 (Dense)`, for errors."""
        path = self.paths.get(id(layer), "")
        kind = type(layer).__name__
        return f"{path} ({kind})" if path else f"{layer.name} ({kind})"

    def policy_path(self, layer: Any) -> str:
        """`encoder/dense` within a model, `block/encoder/dense` within another layer `block`."""
        inner = self.paths.get(id(layer), "")
        if hasattr(self.root, "compile"):  # models do not name themselves in paths
            return inner or layer.name
        return "/".join(part for part in (self.root.name, inner) if part)

    def enter_layer(self, layer: "Layer") -> str:
        """The path of a layer that is about to run.

        One that the root does not hold may pass as long as it has nothing to keep: it is a function
        then, as `Concatenate()([a, b])` within a call.
        """
        if id(layer) not in self.paths and self.declaring:
            self.find_paths()
        if id(layer) in self.paths:
            return self.paths[id(layer)]
        if layer.children():
            raise self.not_held(layer)
        return layer.name

    def holds(self, layer: "Layer") -> bool:
        """Whether this is one of the root's layers."""
        return id(layer) in self.paths

    def not_held(self, layer: "Layer") -> LayerCreatedInCallError:
        """The error for a layer that would need to be held by the root."""
        return LayerCreatedInCallError(
            f"{self.root.name} ({type(self.root).__name__}): {type(layer).__name__} "
            f"{layer.name!r} is used in a call but is not held by the model, so its weights and "
            "draws would be lost. Make it in __init__ and keep it as an attribute: "
            f"self.{layer.name} = {type(layer).__name__}(...)."
        )

    @contextlib.contextmanager
    def training_as(self, training: bool | None) -> Iterator[None]:
        """Layers called within see this flag, at whatever depth."""
        outer, self.training = self.training, training
        try:
            yield
        finally:
            self.training = outer

    @contextlib.contextmanager
    def substituting(self, layer: "Layer", **arrays: jax.Array) -> Iterator[None]:
        """Within the block this layer reads these arrays in place of its own weights."""
        own = {} if self.values is None else self.values[id(layer)]
        before = {name: own.get(name) for name in arrays}
        own.update(arrays)
        try:
            yield
        finally:
            own.update(before)

    @contextlib.contextmanager
    def rows_as(self, row_mask: jax.Array | None) -> Iterator[None]:
        """Layers called within see this mask of the rows, where their batch is another one."""
        outer, self.row_mask = self.row_mask, row_mask
        try:
            yield
        finally:
            self.row_mask = outer

    @contextlib.contextmanager
    def draws_from(self, key: Any) -> Iterator[None]:
        """Within the block, in the body of a scan, layers draw from `key`: that of one step."""
        outer = self.rng, self.draws, self.draw_trace
        self.rng, self.draws, self.draw_trace = key, {}, trace_state()
        try:
            yield
        finally:
            self.rng, self.draws, self.draw_trace = outer

    def can_draw(self) -> bool:
        """Whether there is a key here that no two rows or steps would share."""
        return self.rng is not None and trace_state() == self.draw_trace

    def is_inner_trace(self) -> bool:
        """Whether we are inside a vmap, scan or jit that began after this call did."""
        return trace_state() != self.trace

    def read(self, layer: "Layer", name: str) -> jax.Array:
        """The array of a weight."""
        if self.values is None:
            weight = layer.own_weights[name]
            return jnp.zeros(weight.shape, weight.dtype)
        if id(layer) not in self.values:
            raise self.not_held(layer)
        return self.values[id(layer)][name]

    def write(self, layer: "Layer", values: dict[str, Any]) -> None:
        """Replace state arrays; later reads in this call see the new ones."""
        if self.is_inner_trace():
            raise StateWriteError(
                f"{self.place_of(layer)}: expected state to be written at the level of the call, "
                f"got a write of {', '.join(values)} inside an inner vmap, scan or jit, where it "
                "would be lost. Call layer.apply(params, state, x) there and keep the new state."
            )
        if self.values is not None:
            self.values[id(layer)].update(values)

    def draw_key(self, layer: "Layer") -> Any:
        """A key of its own for every draw: by step key, path and number of the draw."""
        if not self.holds(layer):
            raise self.not_held(layer)
        place = self.place_of(layer)
        if callable(self.rng):
            self.rng = self.rng()
        if self.rng is None:
            raise RandomKeyError(
                f"{place}: expected a key for its random numbers, got none. Pass "
                "rng=jax.random.key(...) to apply()."
            )
        if not self.can_draw():
            raise RandomKeyError(
                f"{place}: expected a key of its own inside vmap or scan, got none: all rows would "
                "share one draw. Pass it along: self.layer(x, key=k)."
            )
        path = self.paths[id(layer)]
        number = self.draws[path] = self.draws.get(path, -1) + 1
        return fold(self.rng, path, number)
