"""Rows of the recurrent layers and their cells."""

from dataclasses import dataclass
from typing import Any

from nnlib import layers
from tests.contract.case import Case, case

SEQUENCE = [(5, 3)]
WRONG = {"wrong": [(5, 2)], "free": [(None, 3)]}


@dataclass(frozen=True)
class CellCase(Case):
    """A cell: what comes behind the first input are its states."""

    def _arguments(self, items: list[Any]) -> tuple[Any, ...]:
        return items[0], items[1:]


def cell(make: Any, name: str, states: int = 1, **flags: Any) -> Case:
    """A row of a cell with 4 units."""
    return CellCase(name, make, ((3,), *[(4,)] * states), **flags)


def around(name: str, make: Any, inputs: Any, **flags: Any) -> Case:
    """A row of a layer that holds others: `make(policy, **common)` makes them of one policy."""

    def made(**common: Any) -> layers.Layer:
        policy = {"dtype": common["dtype"]} if "dtype" in common else {}
        return make(policy, **common)

    return Case(name, made, tuple(inputs), **flags)


# Where another row of the same arithmetic has them, finite differences are left out: they compile
# slowly, and parity compares all gradients.
CASES = [
    case(layers.SimpleRNN, 4, inputs=SEQUENCE, **WRONG),
    case(
        layers.GRU, 4, inputs=SEQUENCE, **WRONG,
        options={"return_sequences": True, "return_state": True, "kernel_regularizer": "l2"},
    ),
    cell(lambda **k: layers.SimpleRNNCell(4, **k), "SimpleRNNCell", smooth=False),
    cell(lambda **k: layers.GRUCell(4, **k), "GRUCell", smooth=False, wrong=((2,), (4,))),
    cell(lambda **k: layers.LSTMCell(4, **k), "LSTMCell", 2, smooth=False),
    cell(
        lambda **k: layers.StackedRNNCells([layers.GRUCell(4), layers.SimpleRNNCell(4)], **k),
        "StackedRNNCells", 2, follows_policy=False,
    ),
    around(
        "RNN",
        lambda policy, **k: layers.RNN(
            [layers.LSTMCell(4, **policy), layers.SimpleRNNCell(4, **policy)],
            return_sequences=True, return_state=True, go_backwards=True, **k,
        ),
        SEQUENCE, smooth=False, **WRONG,
    ),
    around(
        "Bidirectional",
        lambda policy, **k: layers.Bidirectional(
            layers.SimpleRNN(4, return_sequences=True, **policy), **k
        ),
        SEQUENCE, smooth=False, **WRONG,
    ),
    around(
        "TimeDistributed",
        lambda policy, **k: layers.TimeDistributed(layers.Dense(4, "tanh", **policy), **k),
        SEQUENCE, **WRONG,
    ),
    case(
        layers.ConvLSTM1D, 2, 2, inputs=[(3, 4, 2)], wrong=[(3, 5, 2)], free=[(None, 4, 2)],
        smooth=False, options={"return_sequences": True},
    ),
    case(
        layers.ConvLSTM2D, 2, 2, inputs=[(3, 4, 3, 2)], wrong=[(3, 4, 3)], follows_policy=False,
        options={"padding": "same", "strides": 2},
    ),
    case(
        layers.ConvLSTM3D, 1, 2, inputs=[(2, 1, 3, 3, 2)], wrong=[(2, 2, 3, 3, 2)],
        follows_policy=False, options={"data_format": "channels_first"},
    ),
]  # fmt: skip
