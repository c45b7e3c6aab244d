"""ShardedStrategy: weights, gradients and optimizer slots cut over a mesh."""

import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError
from nnlib.models.trainable import overrides

from .axis_rules import AxisRules
from .devices import devices_of, everywhere
from .meshes import known_axes, mesh_of
from .sharded_placement import ShardedPlacement
from .sharding_table import table
from .strategy import Strategy
from .weight_cuts import WeightCuts
from .weight_keeper import WeightKeeper

DATA = "data"
REMAT = (None, "weights", "layers")


class ShardedStrategy(Strategy):
    """Synchronous training of models that are too large for one device.

    By default it is FSDP, also called ZeRO-3: the rows of a batch are cut over the devices, and so
    are all weights, their gradients and the optimizer's slots; each weight is gathered where a
    layer reads it. Rules cut weights over further axes of the mesh, which stay cut where they are
    used (tensor parallel). The numbers are those of one device.

    Args:
        mesh: a Mesh with automatic axes, or the sizes of its axes, as `{"data": 4, "model": 2}`,
            one of which may be -1; None for one axis "data" over all devices.
        rules: which weights are cut over which axes: `{"*/kernel": PartitionSpec(None, "model")}`
            by path (a glob, or a compiled regular expression), `{"out": "model"}` by logical axis
            ("in", "out", "vocabulary" and what layers of your own declare). The first path that
            matches counts, before logical axes. `PartitionSpec()` keeps a weight whole. A
            dimension that an axis does not divide stays whole; see `summary`.
        rows: the axis or axes of the mesh over which the rows of a batch are cut.
        fsdp: the axis or axes over which weights are cut besides and gathered where they are used;
            those of `rows` if None, and () for none.
        remat: what the backward pass makes again instead of keeping it: "weights" gathers them a
            second time; "layers" keeps the outputs of the layers that stand in the model itself,
            and computes again what lies between.
        sequence: an axis of the mesh, apart from those of `rows`, over which MultiHeadAttention and
            GroupQueryAttention cut sequences: keys and values go round, as in `ring_attention`.
            Its size divides the lengths. None where each device has whole sequences.
        devices: as "gpu:0" or of `jax.devices()`; None for all, of every process that is connected.

    Raises:
        ArgumentError: for a mesh, a rule or an axis that is none; when a model is trained, for a
            rule that is about none of its weights.

    >>> import nnlib as nn, numpy as np
    >>> strategy = nn.distributed.ShardedStrategy()
    >>> with strategy.scope():
    ...     model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(8)])
    ...     model.compile("adam", "mse")
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 8)), batch_size=8, verbose=0)

    Source: Rajbhandari et al., "ZeRO: Memory Optimizations Toward Training Trillion Parameter
    Models", 2020.
    """

    def __init__(
        self,
        mesh: Mesh | Mapping[str, int] | None = None,
        rules: Mapping[Any, Any] | None = None,
        *,
        rows: str | Sequence[str] = DATA,
        fsdp: str | Sequence[str] | None = None,
        remat: str | None = None,
        sequence: str | None = None,
        devices: Sequence[Any] | None = None,
    ):
        place = "ShardedStrategy"
        if isinstance(mesh, Mesh) and devices is not None:
            raise ArgumentError(f"{place}: expected a Mesh or devices, got both. Leave one out.")
        if remat not in REMAT:
            raise ArgumentError(f"{place}: expected remat to be one of {REMAT}, got {remat!r}.")
        found = devices_of(place, devices) if devices else everywhere()
        super().__init__(mesh_of(place, mesh, found, DATA))
        self.row_axes = known_axes(place, _names(rows), self.mesh)
        gathered = known_axes(place, self.row_axes if fsdp is None else _names(fsdp), self.mesh)
        if sequence is not None and sequence in self.row_axes:
            raise ArgumentError(
                f"{place}: expected another axis for sequences than for rows, got {sequence!r} for "
                'both. Give the mesh one more axis: {"data": 2, "sequence": 4}.'
            )
        known_axes(place, () if sequence is None else (sequence,), self.mesh)
        self.rules, self.fsdp_axes, self.remat = rules, gathered, remat
        self.sequence = sequence
        self._cuts = WeightCuts(self.mesh, AxisRules(place, self.mesh, rules), gathered)
        self._keepers: weakref.WeakKeyDictionary[Any, WeightKeeper] = weakref.WeakKeyDictionary()

    @property
    def num_replicas_in_sync(self) -> int:
        """Into how many parts a batch is cut."""
        count = 1
        for axis in self.row_axes:
            count *= int(self.mesh.shape[axis])
        return count

    def on_mesh(self, mesh: Mesh) -> "ShardedStrategy":
        """See `Strategy`."""
        return ShardedStrategy(
            mesh,
            self.rules,
            rows=self.row_axes,
            fsdp=self.fsdp_axes,
            remat=self.remat,
            sequence=self.sequence,
        )

    def placement_of(self, model: Any) -> ShardedPlacement:
        """See `Strategy`."""
        if self.remat is not None and overrides(model, "train_step"):
            warnings.warn(
                f"ShardedStrategy: expected the train_step of nnlib with remat={self.remat!r}, got "
                f"one of {type(model).__name__}: only what it leaves to super().train_step() is "
                "made again. Write jax.checkpoint around a loss of your own.",
                stacklevel=2,
            )
        return ShardedPlacement(model, self._cuts, self.row_axes, self.remat, self.sequence)

    def keeper_of(self, model: Any) -> WeightKeeper:
        """See `Strategy`: layers keep cut arrays."""
        if model not in self._keepers:
            self._keepers[model] = WeightKeeper(model, self._cuts)
        return self._keepers[model]

    def summary(self, model: Any, print_fn: Callable[[str], Any] = print) -> None:
        """Print how each weight of a model is cut: its path, shape, spec and bytes per device.

        Args:
            model: that is built; it need not be in the scope of the strategy.
            print_fn: called with the text.

        Raises:
            ArgumentError: for a rule that is about none of its weights.

        >>> import nnlib as nn
        >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(8, use_bias=False)])
        >>> nn.distributed.ShardedStrategy({"data": 1}).summary(model)  # doctest: +ELLIPSIS
        Weights on the mesh data=1
        ...
        dense/kernel  (4, 8)  ...
        """
        print_fn(table(self.mesh, self._cuts.of(model)))


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
