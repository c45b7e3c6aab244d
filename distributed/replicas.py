"""Where the replicas of a mesh are, and how values get to them."""

import zlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import DataError

from .put import put
from .values import PerReplica

ROWS = "replica"
"""The axis of the mesh over which the rows of a batch are cut."""


class Replicas:
    """The replicas of a mesh.

    Args:
        mesh: with an axis "replica".
    """

    def __init__(self, mesh: Mesh):
        self.mesh = mesh
        self.count = int(mesh.shape[ROWS])
        self.by_replica = NamedSharding(mesh, P(ROWS))
        self.everywhere = NamedSharding(mesh, P())

    @cached_property
    def devices(self) -> list[jax.Device]:
        """The first device of each replica."""
        axis = self.mesh.axis_names.index(ROWS)
        return list(np.moveaxis(self.mesh.devices, axis, 0).reshape(self.count, -1)[:, 0])

    @cached_property
    def local(self) -> list[int]:
        """The numbers of the replicas of this process."""
        own = jax.process_index()
        return [i for i, device in enumerate(self.devices) if device.process_index == own]

    @cached_property
    def processes(self) -> list[int]:
        """The numbers of the processes that have replicas, in the order of these."""
        return list(dict.fromkeys(device.process_index for device in self.devices))

    def group(self, values: Sequence[Any]) -> PerReplica:
        """The values of the replicas of this process as one PerReplica.

        Arrays of one shape and dtype, in all processes, become one array over the devices.
        """
        return self.stack(values) or PerReplica(values)

    def stack(self, values: Sequence[Any]) -> PerReplica | None:
        """The values as one array over the devices, or None where they do not fit together."""
        if not self._uniform(values):
            return None
        if any(isinstance(value, jax.core.Tracer) for value in values):
            return PerReplica.of_array(jnp.stack(list(values)))
        shape = self.count, *np.shape(values[0])
        parts = dict(zip(self.local, values, strict=True))

        def part(index: Any) -> Any:
            return parts[index[0].start or 0][None]

        parts = {index: as_jax_has_it(value) for index, value in parts.items()}
        return PerReplica.of_array(jax.make_array_from_callback(shape, self.by_replica, part))

    def _uniform(self, values: Sequence[Any]) -> bool:
        kinds = {_kind(value) for value in values}
        one = len(kinds) == 1 and None not in kinds
        if len(self.processes) == 1:
            return one
        number = zlib.crc32(repr(kinds.pop()).encode()) if one else -1 - self.local[0]
        return len(np.unique(self.exchange(np.full((len(self.local), 1), number)))) == 1

    def exchange(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers of each replica, known to all processes.

        Args:
            numbers: (replicas of this process, n).

        Returns:
            (replicas, n)
        """
        if len(self.processes) == 1:
            return numbers
        host = numbers.astype(np.int32)  # crc32 wraps around, which does not matter
        parts = dict(zip(self.local, host, strict=True))
        shape = self.count, host.shape[1]

        def part(index: Any) -> np.ndarray:
            return parts[index[0].start or 0][None]

        spread = jax.make_array_from_callback(shape, self.by_replica, part)
        return np.asarray(jax.jit(lambda a: a, out_shardings=self.everywhere)(spread))

    def spread(self, stacked: Any) -> Any:
        """An array (replicas, ...) cut over the devices."""
        return stacked if isinstance(stacked, jax.core.Tracer) else put(stacked, self.by_replica)

    def broadcast(self, array: Any) -> Any:
        """An array, whole on each device."""
        if isinstance(array, jax.core.Tracer):
            return array
        return put(as_jax_has_it(array), self.everywhere)


def as_jax_has_it(value: Any) -> Any:
    """A value of the host as an array of a dtype that JAX computes with.

    Raises:
        DataError: for integers beyond 32 bits, which JAX would cut off.
    """
    if isinstance(value, jax.Array):
        return value
    if not isinstance(value, np.ndarray | np.generic):
        return jnp.asarray(value)
    array = np.asarray(value)
    dtype = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.dtype.kind in "iu" and array.dtype != dtype and array.size:
        limits = np.iinfo(dtype)
        if array.min() < limits.min or array.max() > limits.max:
            raise DataError(
                f"values of replicas: expected integers of 32 bits, got some from {array.min()} to "
                f"{array.max()}. Set jax.config.update('jax_enable_x64', True) for others."
            )
    return array.astype(dtype, copy=False)


def _kind(value: Any) -> Any:
    """The shape and dtype of something numeric, else None."""
    if isinstance(value, jax.Array):
        return value.shape, str(value.dtype)
    if isinstance(value, bool | int | float | complex):
        return (), type(value).__name__
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biufcV":
        return value.shape, str(jax.dtypes.canonicalize_dtype(value.dtype))
    return None
