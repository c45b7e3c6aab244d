"""What all layers over sequences share: states, masks, direction and what is returned."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.arguments import cast_float
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec, ShapeSpec, concrete_dims
from nnlib.layers.checks import place_of


class Recurrent(Layer):
    """Base of RNN, SimpleRNN, GRU, LSTM and ConvLSTM.

    A subclass declares its weights in `build_weights`, runs the loop in `run`, and says with which
    states it begins in `get_initial_state`.
    """

    supports_masking = True

    def __init__(
        self,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        """Configure the loop.

        Args:
            return_sequences: whether the outputs of all steps are returned, not only the last.
            return_state: whether the last states are returned too.
            go_backwards: whether the sequence is read from its end; outputs are in that order.
            stateful: whether a call begins with the last states of the one before, row by row.
            unroll: whether the loop is written out, for short sequences of known length.
            zero_output_for_mask: whether masked steps give zeros instead of the last output.
            kwargs: name, trainable, dtype, activity_regularizer.
        """
        super().__init__(**kwargs)
        self.return_sequences, self.return_state = bool(return_sequences), bool(return_state)
        self.go_backwards, self.stateful = bool(go_backwards), bool(stateful)
        self.unroll, self.zero_output_for_mask = bool(unroll), bool(zero_output_for_mask)
        if self.stateful:
            self.mixes_rows = True  # states belong to rows: a batch must not be filled up

    # What subclasses write ---------------------------------------------------------------------

    def build_weights(self, x: Any) -> None:
        """Declare the weights for sequences of the shape x."""
        raise NotImplementedError(f"{type(self).__name__}: expected `build_weights`, got none.")

    def get_initial_state(self, batch_size: Any) -> Any:
        """A list of the first states for so many rows."""
        raise NotImplementedError(f"{type(self).__name__}: expected `get_initial_state`, got none.")

    def run(self, x: jax.Array, states: Any, training: bool, **loop: Any) -> Any:
        """(last output, all outputs, last states); `loop` is for `nnlib.ops.scan_steps`."""
        raise NotImplementedError(f"{type(self).__name__}: expected `run`, got none.")

    @property
    def state_size(self) -> list[Any]:
        """The size of each state; a list of lists for several cells."""
        return jax.tree.map(lambda state: state.shape[-1], self.get_initial_state(1))

    # States ------------------------------------------------------------------------------------

    def build(self, sequences: Any) -> None:
        InputSpec(min_ndim=3).check(sequences, place_of(self))
        self.build_weights(sequences)
        if self.stateful:
            self._build_states(sequences)

    def _build_states(self, x: ShapeSpec) -> None:
        batch = x.shape[0]
        if batch is None:
            raise ShapeError(
                f"{place_of(self)}: expected a known batch size with stateful=True, got shape "
                f"{tuple(x.shape)}. Begin with Input(batch_shape=(32, ...))."
            )

        def beginning(number: int) -> Any:
            return lambda key, shape, dtype: jnp.asarray(
                jax.tree.leaves(self.get_initial_state(batch))[number], dtype
            )

        specs = jax.eval_shape(lambda: self.get_initial_state(batch))
        for number, spec in enumerate(jax.tree.leaves(specs)):
            weight = self.add_weight(spec.shape, beginning(number), trainable=False)
            setattr(self, f"state_{number}", weight)

    def _state_names(self) -> list[str]:
        return [name for name in self.own_weights if name.startswith("state_")]

    @property
    def states(self) -> list[jax.Array] | None:
        """The states that a stateful layer keeps; None for others, and before it is built."""
        return [getattr(self, name) for name in self._state_names()] or None

    def reset_states(self, states: Any = None) -> None:
        """Set the states of a stateful layer to zeros, or to these arrays.

        Raises:
            ArgumentError: if the layer is not stateful.
            ShapeError: if number or shapes differ.
        """
        names = self._state_names()
        if not self.stateful:
            raise ArgumentError(
                f"{place_of(self)}: expected a layer with stateful=True, got one that keeps no "
                f"states. Make it so: {type(self).__name__}(..., stateful=True)."
            )
        given = None if states is None else jax.tree.leaves(states)
        if given is not None and len(given) != len(names):
            raise ShapeError(
                f"{place_of(self)}: expected {len(names)} states, got {len(given)}. Leave them "
                "out to begin with zeros."
            )
        for number, name in enumerate(names):
            zeros = jnp.zeros(self.own_weights[name].shape)
            setattr(self, name, zeros if given is None else given[number])

    reset_state = reset_states

    def _first_states(self, x: jax.Array, initial_state: Any) -> Any:
        """The states of the first step, in the structure that the cell takes."""
        if self.stateful:
            self._check_batch(x)
        zeros = self.get_initial_state(x.shape[0])
        if initial_state is None and not self.stateful:
            return zeros
        wanted, structure = jax.tree.flatten(zeros)
        given = jax.tree.leaves(self.states if initial_state is None else initial_state)
        shapes = [concrete_dims(array.shape) for array in wanted]
        found = [concrete_dims(jnp.shape(array)) for array in given]
        if len(shapes) != len(found) or not all(map(agree, shapes, found)):
            raise ShapeError(
                f"{place_of(self)}: expected initial_state to be arrays of the shapes {shapes}, "
                f"got {found}. Take those that return_state=True returns."
            )
        cast = [jnp.asarray(a, zero.dtype) for a, zero in zip(given, wanted, strict=True)]
        return jax.tree.unflatten(structure, cast)

    def _check_batch(self, x: jax.Array) -> None:
        kept = self.own_weights["state_0"].shape[0]
        if concrete_dims(x.shape)[0] not in (kept, None):
            raise ShapeError(
                f"{place_of(self)}: expected batches of {kept} rows, which stateful=True keeps "
                f"states of, got shape {concrete_dims(x.shape)}. Leave out rows that do not fill "
                "a batch."
            )

    # The call ----------------------------------------------------------------------------------

    def call(
        self,
        sequences: jax.Array,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        time = concrete_dims(sequences.shape)[1]
        if self.unroll and time is None:
            raise ShapeError(
                f"{place_of(self)}: expected a known number of steps with unroll=True, got shape "
                f"{concrete_dims(sequences.shape)}. Give Input() that size, or leave unroll out."
            )
        states = self._first_states(sequences, initial_state)
        last, outputs, states = self.run(
            sequences,
            states,
            training,
            mask=None if mask is None else self._checked_mask(sequences, mask),
            go_backwards=self.go_backwards,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
        )
        if self.stateful:
            self.update(**dict(zip(self._state_names(), jax.tree.leaves(states), strict=True)))
        out = outputs if self.return_sequences else last
        out = (out, *states) if self.return_state else out
        return jax.tree.map(lambda array: cast_float(array, self.compute_dtype), out)

    def _checked_mask(self, x: jax.Array, mask: Any) -> jax.Array:
        """(batch, time) of booleans; of more axes behind, a step is real if anything in it is."""
        mask = jax.tree.leaves(mask)[0]
        want, have = concrete_dims(x.shape)[:2], concrete_dims(jnp.shape(mask))
        if not agree(want, have[:2]):
            raise ShapeError(
                f"{place_of(self)}: expected a mask of shape {want}, one boolean for each step, "
                f"got shape {have}."
            )
        mask = jnp.asarray(mask, bool)
        return mask if mask.ndim == 2 else jnp.any(mask, axis=tuple(range(2, mask.ndim)))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the input for outputs of all steps; None for last outputs and states."""
        first = next(iter(jax.tree.leaves(mask)), None) if self.return_sequences else None
        return [first] + [None] * len(self.state_size) if self.return_state else first


def agree(want: tuple[int | None, ...], have: tuple[int | None, ...]) -> bool:
    """Whether two shapes are the same where both are known."""
    if len(want) != len(have):
        return False
    return all(None in pair or pair[0] == pair[1] for pair in zip(want, have, strict=True))
