"""Strategy: on which devices a model is trained, and how its arrays lie there."""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any

from jax.sharding import Mesh

from nnlib.core.scope import strategy_in_scope, strategy_scope
from nnlib.training.placement import Placement

from .errors import StrategyError
from .mesh_placement import MeshPlacement

ROWS = "replica"
"""The axis of the mesh over which the rows of a batch are cut."""


class Strategy:
    """What all strategies have in common; made by its subclasses.

    Args:
        mesh: of the devices, with an axis "replica".
    """

    def __init__(self, mesh: Mesh):
        self.mesh = mesh

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_replicas_in_sync} replicas)"

    @property
    def num_replicas_in_sync(self) -> int:
        """Into how many parts a batch is cut."""
        return int(self.mesh.shape[ROWS])

    @contextlib.contextmanager
    def scope(self) -> Iterator["Strategy"]:
        """Within the block, models that are made or compiled belong to this strategy.

        Raises:
            StrategyError: within the scope of another strategy.

        >>> import nnlib as nn
        >>> strategy = nn.distributed.MirroredStrategy()
        >>> with strategy.scope():
        ...     model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)])
        >>> model.distribute_strategy is strategy
        True
        """
        outer = strategy_in_scope()
        if outer is not None and outer is not self:
            raise StrategyError(
                f"scope: expected no other strategy's scope around it, got that of {outer!r}: "
                "Mixing different strategies is not possible. Leave the outer scope first."
            )
        with strategy_scope(self):
            yield self

    def on_mesh(self, mesh: Mesh) -> "Strategy":
        """The same strategy on other devices, which need not be here; for `plan`.

        Args:
            mesh: with the axes of its own.
        """
        moved = copy.copy(self)
        moved.mesh = mesh
        return moved

    def placement_of(self, model: Any) -> Placement:
        """Where the arrays of the model's training live; asked by the trainer of the model."""
        del model  # its weights are whole on every device
        return MeshPlacement(self.mesh, (ROWS,))
