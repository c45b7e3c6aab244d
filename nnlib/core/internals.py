"""What a layer keeps for itself, in one object: its other attributes belong to its author."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from nnlib.core.specs import Weight

clock = itertools.count()
"""Tells which came first, of layers that are made and attributes that are set."""


@dataclass(slots=True)
class Internals:
    """The private state of a layer; see `Layer`."""

    name: str | None = None
    assigned_name: str | None = None
    trainable: bool = True
    autocast: bool = True
    policy: Any = None
    own_policy: Any = None
    """What a DTypePolicyMap says for its path, once it was called."""
    activity_regularizer: Any = None
    input_shape: Any = None
    """The `input_shape=` of a first layer, batch axis included."""
    call_specs: tuple[Any, ...] = ()
    """The positional inputs that it was built with, as ShapeSpecs."""
    built: bool = False
    building: int = 0
    weights: dict[str, Weight] = field(default_factory=dict)
    weight_lists: dict[str, list[str]] = field(default_factory=dict)
    """The names of the weights in attributes that are lists of them."""
    cell: dict[str, Any] = field(default_factory=dict)
    """The arrays of the facade."""
    loan: Any = None
    """Who holds newer arrays at present: a running fit."""
    nodes: list[Any] = field(default_factory=list)
    losses: list[Any] = field(default_factory=list)
    """What the last call of the facade added to the loss."""
    adds_losses: bool = False
    """Whether its `call` has been seen to call `add_loss`."""
    root: Any = None
    """A weak reference to the model that names its path."""
    born: int = field(default_factory=lambda: next(clock))
    """When the layer was made."""
    assigned: dict[str, int] = field(default_factory=dict)
    """When each attribute was set, by its name without leading underscores."""

    def assigning(self, name: str) -> None:
        """Note that this attribute is set now."""
        self.assigned[name.lstrip("_")] = next(clock)

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles: with the newest arrays, and without who else knows the layer."""
        if self.loan is not None:
            self.loan.settle()
        state = {name: getattr(self, name) for name in type(self).__slots__}
        return state | {"loan": None, "root": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
