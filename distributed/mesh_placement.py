"""Where the arrays of a training live on a mesh: rows cut over its axes, weights by rule."""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from nnlib.core.compat import is_traced
from nnlib.core.keeping import is_readable
from nnlib.ops.partitioning import partitioned_by
from nnlib.training.batch import Batch, row_count
from nnlib.training.peers import ALONE
from nnlib.training.placement import Placement
from nnlib.training.state import TrainState

from .process_peers import ProcessPeers, is_own
from .put import as_data, like_key, put, whole

Weights = Mapping[tuple[str, ...], tuple[tuple[int, ...], P]]
"""The shape and the PartitionSpec of each weight that is not whole on every device, by path."""


class MeshPlacement(Placement):
    """Arrays of a training on a mesh, under `jax.jit` with automatic partitioning.

    Args:
        mesh: of devices, with automatic axes.
        row_axes: the axes of the mesh over which the rows of a batch are cut.
        sharded: gives the weights that are cut; asked once, when the first state is placed. None
            for weights that are whole on every device.
    """

    def __init__(
        self,
        mesh: Mesh,
        row_axes: Sequence[str],
        sharded: Callable[[], Weights] | None = None,
    ):
        self.mesh, self.row_axes = mesh, tuple(row_axes)
        self.replicas = math.prod(mesh.shape[axis] for axis in self.row_axes)
        self.copies = len(mesh.local_devices)
        self.peers = ProcessPeers() if _spans_processes(mesh) else ALONE
        self._everywhere = NamedSharding(mesh, P())
        self._by_rows = NamedSharding(mesh, P(self.row_axes))
        self._sharded = sharded
        self._weights: Weights | None = None

    @property
    def working_axes(self) -> tuple[str, ...]:
        """The axes over which the arithmetic of a step is cut; along others it is repeated."""
        return self._with_axes_of(spec for _, spec in (self._weights or {}).values())

    def _with_axes_of(self, specs: Iterable[P]) -> tuple[str, ...]:
        parts = [part for spec in specs for part in spec if part is not None]
        names = [part if isinstance(part, tuple) else (part,) for part in parts]
        return tuple(dict.fromkeys([*self.row_axes, *itertools.chain.from_iterable(names)]))

    def state(self, state: TrainState) -> TrainState:
        """See `Placement`; of arrays that processes have of their own, the first one's count."""
        return jax.tree.map(put, self._common(state), self.shardings(state))

    def _common(self, tree: Any) -> Any:
        if self.peers.count == 1:
            return tree
        leaves, structure = jax.tree.flatten(jax.tree.map(as_data, tree))
        own = [i for i, leaf in enumerate(leaves) if is_own(leaf)]
        for i, array in zip(own, self.peers.common([leaves[i] for i in own]), strict=True):
            leaves[i] = array
        return jax.tree.map(like_key, tree, jax.tree.unflatten(structure, leaves))

    def rows(self, tree: Any) -> Any:
        """See `Placement`."""
        return jax.tree.map(lambda a: put(a, self._everywhere), tree)

    def batch(self, batch: Batch) -> Batch:
        """See `Placement`; rows that cannot be cut evenly go to every device until the step."""
        return jax.tree.map(put, batch, self.batch_shardings(batch))

    def batch_shardings(self, batch: Batch) -> Batch:
        """Where the arrays of a batch from the host go."""
        even = row_count(batch.x) % self.replicas == 0
        sharding = self._by_rows if even else self._everywhere
        return jax.tree.map(lambda a: sharding if np.ndim(a) else self._everywhere, batch)

    def spread(self, batch: Batch) -> Batch:
        """See `Placement`; uneven rows stay whole on every device where XLA errs, or not compiles.

        With an axis of the mesh that cuts no rows, its partitioner (of jax 0.10 and 0.12) takes
        what it fills uneven parts up with for values: sums and scatters of them are wrong.
        """
        even = row_count(batch.x) % self.replicas == 0
        if not even and not is_traced():
            return batch
        cut = even or set(self.mesh.axis_names) == set(self.row_axes)
        sharding = self._by_rows if cut else self._everywhere
        return jax.tree.map(
            lambda a: jax.lax.with_sharding_constraint(a, sharding) if a.ndim else a, batch
        )

    def kept(self, carry: Any) -> Any:
        """See `Placement`."""
        return jax.tree.map(jax.lax.with_sharding_constraint, carry, self.shardings(carry))

    def logs(self, logs: Any) -> Any:
        """See `Placement`."""
        return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, self._everywhere), logs)

    def local(self, tree: Any) -> Any:
        """See `Placement`: on the first device of this process, from wherever they are."""
        device = self.mesh.local_devices[0]
        return jax.tree.map(lambda array: _alone(array, device), tree)

    def whole(self, tree: Any) -> Any:
        """See `Placement`."""
        return whole(tree, self._everywhere)

    def step(self) -> contextlib.AbstractContextManager[None]:
        """See `Placement`."""
        return partitioned_by(self if self.mesh.size > 1 else None)

    def by_rows(self, convolve: Any, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """See `nnlib.ops.partitioning`: without XLA's partitioner, which gathers all rows there."""
        rows = P() if x.shape[0] % self.replicas else P(self.row_axes)
        run = jax.shard_map(
            convolve, mesh=self.mesh, in_specs=(rows, P()), out_specs=rows, check_vma=False
        )
        return run(x, kernel)

    def looked_up(self, look_up: Any, ids: jax.Array, table: jax.Array) -> jax.Array:
        """See `nnlib.ops.partitioning`: XLA sums over devices what they sum, in 32 bits."""
        return look_up(ids, table)

    def with_whole_axes(self, array: jax.Array, axes: Sequence[int]) -> jax.Array:
        """See `nnlib.ops.partitioning`."""
        return array

    def shardings(self, tree: Any) -> Any:
        """A tree of NamedShardings: weights and what optimizers keep for each by the rules.

        An array belongs to a weight if its path ends in that of the weight and it has its shape,
        or that shape without one axis, as the means over rows and columns of Adafactor.
        """
        if self._weights is None:
            self._weights = {} if self._sharded is None else self._sharded()
        leaves, structure = jax.tree.flatten_with_path(tree)
        return jax.tree.unflatten(structure, [self._sharding(path, leaf) for path, leaf in leaves])

    def _sharding(self, path: Sequence[Any], leaf: Any) -> NamedSharding:
        assert self._weights is not None
        names = tuple(str(getattr(part, "key", getattr(part, "name", part))) for part in path)
        for start in range(len(names)):
            if names[start:] in self._weights:
                return NamedSharding(self.mesh, _spec_of(leaf, *self._weights[names[start:]]))
        return self._everywhere


def _spans_processes(mesh: Mesh) -> bool:
    return len({device.process_index for device in mesh.devices.flat}) > 1


def _spec_of(leaf: Any, shape: tuple[int, ...], spec: P) -> P:
    """How an array lies that is kept for a weight of this shape and spec."""
    if np.shape(leaf) == shape:
        return spec
    for axis in reversed(range(len(shape))):
        if np.shape(leaf) == shape[:axis] + shape[axis + 1 :]:
            return P(*spec[:axis], *spec[axis + 1 :])
    return P()


def _alone(array: Any, device: jax.Device) -> Any:
    """`array` on this device, without a copy if it is there; other processes' parts stay there.

    So do arrays that a step took which then failed: what it raised is what counts.
    """
    if not is_readable(array) or (isinstance(array, jax.Array) and array.is_deleted()):
        return array
    whole = isinstance(array, jax.Array) and array.sharding.is_fully_replicated
    own = array.addressable_data(0) if whole else array
    there = not isinstance(own, jax.Array) or own.devices() == {device}
    return own if there else jax.device_put(own, device)
