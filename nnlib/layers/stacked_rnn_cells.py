"""StackedRNNCells: several cells in a row as one cell."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import ShapeSpec
from nnlib.layers.checks import place_of


def checked_cell(layer: str, cell: Any) -> Any:
    """`cell`, if it has what a cell of a recurrent layer needs."""
    if not callable(getattr(cell, "call", None)) or getattr(cell, "state_size", None) is None:
        raise ArgumentError(
            f"{layer}: expected cells with an attribute state_size and a method "
            f"call(inputs, states), got {cell!r}. Set self.state_size in __init__: an integer, or "
            "a list of them for several states."
        )
    if isinstance(cell, Layer) and cell._core.activity_regularizer is not None:
        raise ArgumentError(
            f"{layer}: expected cells without activity_regularizer, got one in {cell!r}. Give it "
            "to the layer: RNN(cell, activity_regularizer=...)."
        )
    return cell


def first_states(cell: Any, batch_size: Any) -> list[Any]:
    """The states that a cell begins with: its own, or zeros of its `state_size`."""
    if getattr(cell, "get_initial_state", None) is not None:
        states = cell.get_initial_state(batch_size=batch_size)
        return state_list(states)
    sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
    return [jnp.zeros((batch_size, size), getattr(cell, "compute_dtype", None)) for size in sizes]


def output_size_of(cell: Any) -> Any:
    """The size of a cell's output: that of its first state, unless it says another one."""
    if getattr(cell, "output_size", None) is not None:
        return cell.output_size
    return cell.state_size[0] if isinstance(cell.state_size, list | tuple) else cell.state_size


def build_cell(cell: Any, step: Any) -> None:
    """Declare the weights of a cell, if it has any, for inputs of one step."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(step)


def call_cell(cell: Any, inputs: Any, states: Any) -> tuple[Any, Any]:
    """One step of any cell; it need not be a layer."""
    return cell(inputs, states) if callable(cell) else cell.call(inputs, states)


class StackedRNNCells(Layer):
    """Cells in a row, the output of each the input of the next, to run in one `RNN`.

    Args:
        cells: a list of cells.

    Call arguments:
        states: a list with the states of each cell; begin with `get_initial_state(batch_size)`.

    Input shape:
        That of the first cell.

    Output shape:
        The last cell's output, and the new states.

    Raises:
        ArgumentError: for a cell without `call` or `state_size`.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> cells = [nn.layers.LSTMCell(4), nn.layers.GRUCell(2)]
    >>> nn.layers.RNN(nn.layers.StackedRNNCells(cells))(jnp.ones((2, 5, 3))).shape
    (2, 2)
    """

    def __init__(self, cells: Any, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(cells, list | tuple) or not cells:
            raise ArgumentError(f"StackedRNNCells: expected a list of cells, got {cells!r}.")
        self.cells = [checked_cell("StackedRNNCells", cell) for cell in cells]

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of all cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> Any:
        """That of the last cell."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The first states of every cell: a list, or an array where its `state_size` is none."""
        return [in_form_of(cell.state_size, first_states(cell, batch_size)) for cell in self.cells]

    def build(self, inputs: Any) -> None:
        for cell in self.cells:
            build_cell(cell, inputs)
            inputs = ShapeSpec((inputs.shape[0], output_size_of(cell)), self.compute_dtype)

    def call(self, inputs: jax.Array, states: Any, training: bool = False) -> Any:
        if len(states) != len(self.cells):
            raise ArgumentError(
                f"{place_of(self)}: expected a list of the states of {len(self.cells)} cells, "
                f"got {len(states)}. Begin with get_initial_state(batch_size)."
            )
        new = []
        for cell, own in zip(self.cells, states, strict=True):
            inputs, after = call_cell(cell, inputs, state_list(own))
            new.append(in_form_of(own, state_list(after)))
        return inputs, new


def state_list(states: Any) -> list[Any]:
    """The states of one cell as a list."""
    return list(states) if isinstance(states, list | tuple) else [states]


def in_form_of(given: Any, states: list[Any]) -> Any:
    """A list of states where a list is given, else the only one."""
    return states if isinstance(given, list | tuple) else states[0]
