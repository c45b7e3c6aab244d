"""RNN: any cell, run over sequences."""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.arguments import cast_float
from nnlib.core.errors import ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.specs import ShapeSpec, concrete_dims
from nnlib.layers.checks import place_of
from nnlib.layers.recurrent import Recurrent, agree
from nnlib.layers.recurrent_units import OneStep
from nnlib.layers.stacked_rnn_cells import (
    StackedRNNCells,
    build_cell,
    call_cell,
    checked_cell,
    first_states,
    in_form_of,
    state_list,
)
from nnlib.ops.recurrence import scan_steps


class RNN(Recurrent):
    """`output, states = cell(x[:, t], states)`, from step to step.

    A cell is any object with `state_size` (an integer, or a list for several states) and
    `call(inputs, states) -> (output, new_states)`; a Layer, if it has weights. It may have
    `output_size` and `get_initial_state(batch_size)`; otherwise states begin as zeros.

    Args:
        cell: the cell, or a list of them for `StackedRNNCells`.
        return_sequences: whether the outputs of all steps are returned, not only the last.
        return_state: whether the last states are returned too.
        go_backwards: whether the sequence is read from its end; outputs are in that order.
        stateful: whether a call begins with the last states of the one before, row by row.
        unroll: whether the loop is written out, for short sequences of known length.
        zero_output_for_mask: whether masked steps give zeros instead of the last output.

    Call arguments:
        initial_state: a list of the first states, in the order in which they are returned.
        mask: (batch, time) of booleans; where it is False, states and output stay as they are.

    Input shape:
        (batch, time, ...), where (batch, ...) is what the cell takes.

    Output shape:
        (batch, ...) as the cell gives it, or (batch, time, ...) with `return_sequences`; with
        `return_state` a tuple of that and the last states.

    Raises:
        ArgumentError: for a cell without `call` or `state_size`.
        ShapeError: if states or a mask do not fit.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> class Sum(nn.layers.Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> nn.layers.RNN(Sum())(jnp.ones((1, 5, 3))).tolist()
    [[5.0, 5.0, 5.0]]
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ):
        super().__init__(
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            unroll,
            zero_output_for_mask,
            **kwargs,
        )
        several = isinstance(cell, list | tuple)
        self.cell = StackedRNNCells(cell) if several else checked_cell(type(self).__name__, cell)

    def build_weights(self, x: Any) -> None:
        build_cell(self.cell, ShapeSpec((x.shape[0], *x.shape[2:]), x.dtype))

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states that the cell begins with."""
        return first_states(self.cell, batch_size)

    def run(self, x: jax.Array, states: Any, training: bool, **loop: Any) -> Any:
        step = jax.ShapeDtypeStruct((x.shape[0], *x.shape[2:]), x.dtype)
        first = self.cell.cells[0] if isinstance(self.cell, StackedRNNCells) else self.cell
        if isinstance(first, Layer):
            first.check_inputs(step, place_of(self))
        return self._run_cell(self.cell, x, states, training, loop)

    def _run_cell(
        self, cell: Any, x: jax.Array, states: Any, training: bool, loop: dict[str, Any]
    ) -> Any:
        """A sequence through a cell, in the fastest way that its class allows."""
        if isinstance(cell, OneStep) and type(cell).call is OneStep.call:
            return cell.run(x, states, training, **loop)
        if type(cell) is StackedRNNCells:
            return self._run_stack(cell, x, states, training, loop)
        return self._run_steps(cell, x, states, loop)

    def _run_stack(
        self,
        stack: StackedRNNCells,
        x: jax.Array,
        states: Any,
        training: bool,
        loop: dict[str, Any],
    ) -> Any:
        """Cell by cell, each over the whole sequence: so each projects its inputs at once."""
        last, new = None, []
        if loop["go_backwards"]:
            mask = loop["mask"]
            x, mask = jnp.flip(x, 1), None if mask is None else jnp.flip(mask, 1)
            loop = loop | {"go_backwards": False, "mask": mask}
        for number, (cell, own) in enumerate(zip(stack.cells, states, strict=True)):
            zero = loop["zero_output_for_mask"] and number == len(stack.cells) - 1
            own_loop = loop | {"zero_output_for_mask": zero}
            last, x, after = self._run_cell(cell, x, state_list(own), training, own_loop)
            new.append(in_form_of(own, state_list(after)))
        return last, x, new

    def _run_steps(self, cell: Any, x: jax.Array, states: Any, loop: dict[str, Any]) -> Any:
        """Step by step; each step draws its random numbers from a key of its own."""
        frame = current_frame()
        assert frame is not None
        key = self.next_key() if frame.can_draw() else None

        def step(states: Any, now: Any) -> Any:
            inputs, number = now
            with contextlib.ExitStack() as stack:
                if key is not None:
                    stack.enter_context(frame.draws_from(jax.random.fold_in(key, number)))
                output, new = call_cell(cell, inputs, states)
            return output, self._checked_states(new, states)

        steps = jnp.swapaxes(x, 0, 1), jnp.arange(x.shape[1])
        shown = jax.eval_shape(lambda: step(states, (x[:, 0], 0))[0])
        return scan_steps(step, states, steps, output=_output_before(shown, states), **loop)

    def _checked_states(self, new: Any, old: Any) -> Any:
        """The states that a cell returned, in the structure of those that it was given."""
        wanted, structure = jax.tree.flatten(old)
        given = jax.tree.leaves(new)
        shapes = [[concrete_dims(jnp.shape(a)) for a in arrays] for arrays in (wanted, given)]
        if len(wanted) != len(given) or not all(map(agree, *shapes)):
            raise ShapeError(
                f"{place_of(self)}: expected the cell to return states of the shapes {shapes[0]}, "
                f"as it was given them, got {shapes[1]}. Check its state_size."
            )
        cast = [cast_float(jnp.asarray(a), w.dtype) for a, w in zip(given, wanted, strict=True)]
        return jax.tree.unflatten(structure, cast)


def _output_before(shown: Any, states: Any) -> jax.Array:
    """What masked steps at the beginning show: the first state where it looks like an output."""
    state = jax.tree.leaves(states)[0]
    if jnp.shape(state) == shown.shape:
        return jnp.asarray(state, shown.dtype)
    return jnp.zeros(shown.shape, shown.dtype)
