"""Bidirectional: a sequence read from both ends."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.eager import ordered_weights
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.masks import call_parameters
from nnlib.layers.checks import one_of, place_of
from nnlib.layers.cloning import cloned

_NEEDED = ("go_backwards", "return_sequences", "return_state", "stateful")


class Bidirectional(Layer):
    """A layer over sequences, and another one that reads them from the end.

    `forward_layer` is a new layer with the arguments of `layer`, `backward_layer` another one with
    `go_backwards=True`. Outputs of all steps are brought into one order before they are merged.

    Args:
        layer: an RNN, LSTM, GRU, or any layer with the attributes `go_backwards`,
            `return_sequences`, `return_state` and `stateful`.
        merge_mode: "concat" (on the last axis), "sum", "mul", "ave", or None for a pair of outputs.
        weights: arrays to begin with instead of the initializers', those of the forward layer
            first, in the order of `get_weights`.
        backward_layer: the layer that reads from the end, in place of the copy.

    Call arguments:
        initial_state: the states of the forward layer, then those of the backward layer.
        mask: (batch, time) of booleans. With `return_sequences`, masked steps give zeros.

    Input shape:
        (batch, time, ...).

    Output shape:
        That of the layer, the last axis twice as large for "concat"; a pair for None. With
        `return_state` a tuple of that, the forward and the backward states.

    Raises:
        ArgumentError: if the two layers read in the same direction, or return different things.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.Bidirectional(nn.layers.LSTM(4))(jnp.ones((2, 5, 3))).shape
    (2, 8)

    Source: Schuster & Paliwal, "Bidirectional recurrent neural networks", IEEE TSP 1997.
    """

    supports_masking = True

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._init_arguments.pop("weights", None)  # arrays, and only where to begin
        self.merge_mode = one_of(
            "Bidirectional", "merge_mode", merge_mode, ("sum", "mul", "ave", "concat", None)
        )
        _check_layer("layer", layer)
        self.forward_layer = cloned(layer, name=_prefixed("forward_", layer))
        if backward_layer is None:
            name = _prefixed("backward_", layer)
            self.backward_layer: Any = cloned(layer, name=name, go_backwards=True)
        else:
            _check_layer("backward_layer", backward_layer)
            self.backward_layer = backward_layer
        self._check_pair()
        for each in (self.forward_layer, self.backward_layer):
            if getattr(each, "zero_output_for_mask", None) is not None:
                each.zero_output_for_mask = each.return_sequences
        self.return_sequences = self.forward_layer.return_sequences
        self.return_state = self.forward_layer.return_state
        self.stateful = self.forward_layer.stateful
        self._first_weights = None if weights is None else list(weights)

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ArgumentError(
                "Bidirectional: expected layers of different directions, got "
                f"go_backwards={forward.go_backwards} for both. Change it in one of them."
            )
        for name in _NEEDED[1:]:
            values = getattr(forward, name), getattr(backward, name)
            if values[0] != values[1]:
                raise ArgumentError(
                    f"Bidirectional: expected the same {name} in layer and backward_layer, got "
                    f"{values[0]} and {values[1]}."
                )

    def build(self, sequences: Any) -> None:
        layers = self.forward_layer, self.backward_layer
        for layer in layers:
            if not layer.built:
                layer.build(sequences)
        self.input_spec = self.forward_layer.input_spec
        if self._first_weights is not None:
            self._begin_with(self._first_weights)

    def _begin_with(self, arrays: list[Any]) -> None:
        """Let these arrays be the initial values of all weights."""
        slots = [*ordered_weights(self.forward_layer), *ordered_weights(self.backward_layer)]
        wanted = [weight.shape for *_, weight in slots]
        shapes = [tuple(jnp.shape(array)) for array in arrays]
        if shapes != wanted:
            raise ShapeError(
                f"{place_of(self)}: expected weights of the shapes {wanted}, got {shapes}."
            )
        for array, (layer, name, weight) in zip(arrays, slots, strict=True):
            layer._core.weights[name] = dataclasses.replace(weight, init=_constant(array))

    def call(self, sequences: jax.Array, initial_state: Any = None, mask: Any = None) -> Any:
        states: list[Any] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [initial_state[:half], initial_state[half:]]
        layers = self.forward_layer, self.backward_layer
        y, reverse = (
            _run(layer, sequences, own, mask) for layer, own in zip(layers, states, strict=True)
        )
        last: tuple[Any, ...] = ()
        if self.return_state:
            last = (*y[1:], *reverse[1:])
            y, reverse = y[0], reverse[0]
        if self.return_sequences:
            reverse = jnp.flip(reverse, 1)
        out = self._merged(y, reverse)
        if self.merge_mode is None:
            return *out, *last
        return (out, *last) if self.return_state else out

    def _merged(self, first: jax.Array, second: jax.Array) -> Any:
        if self.merge_mode == "concat":
            return jnp.concatenate([first, second], -1)
        if self.merge_mode == "sum":
            return first + second
        if self.merge_mode == "ave":
            return (first + second) / 2
        return first * second if self.merge_mode == "mul" else (first, second)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the input for outputs of all steps; None for last outputs and states."""
        own = next(iter(jax.tree.leaves(mask)), None) if self.return_sequences else None
        outputs = [own, own] if self.merge_mode is None else [own]
        if self.return_state:
            return outputs + [None] * 2 * len(self.forward_layer.state_size)
        return outputs if self.merge_mode is None else own

    @property
    def states(self) -> list[jax.Array] | None:
        """The states that stateful layers keep, those of the forward layer first."""
        pair = self.forward_layer.states, self.backward_layer.states
        return None if None in pair else [*pair[0], *pair[1]]

    def reset_states(self) -> None:
        """Set the states of both layers to zeros; raises ArgumentError if they keep none."""
        self.forward_layer.reset_states()
        self.backward_layer.reset_states()

    reset_state = reset_states


def _check_layer(argument: str, layer: Any) -> None:
    if not isinstance(layer, Layer) or not all(hasattr(layer, name) for name in _NEEDED):
        raise ArgumentError(
            f"Bidirectional: expected {argument} to be a layer over sequences with the attributes "
            f"{', '.join(_NEEDED)}, got {layer!r}. Use LSTM, GRU, SimpleRNN or RNN(cell)."
        )


def _prefixed(prefix: str, layer: Layer) -> str:
    return prefix + layer.name.removeprefix(prefix)


def _constant(array: Any) -> Any:
    return lambda key, shape, dtype: jnp.asarray(array, dtype)


def _run(layer: Any, x: jax.Array, states: Any, mask: Any) -> Any:
    given = {} if states is None else {"initial_state": states}
    kind: Any = type(layer)
    if "mask" in call_parameters(kind):
        given["mask"] = mask
    return layer(x, **given)
