"""How the values of devices are summed. XLA owns the algorithm; these say what is asked of it."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError


class CrossDeviceOps:
    """XLA's own all-reduce: what every strategy does unless it is told otherwise.

    It is used by `all_reduce` within `strategy.run`, and by `strategy.reduce`. In `model.fit` XLA
    places the sums by itself: `warn_in_fit` tells whether that is something else.
    """

    def sum_over(self, tree: Any, axis: str, count: int) -> Any:
        """The sums of the arrays of all replicas, on each of them; called where they are mapped.

        Args:
            tree: the arrays of one replica.
            axis: the name of the axis of the mesh.
            count: how many replicas there are.
        """
        del count
        return jax.lax.psum(tree, axis)

    def check_devices(self, devices: Sequence[jax.Device]) -> None:
        """Warn if the devices cannot do what is asked for."""

    def warn_in_fit(self) -> None:
        """Warn where gradients are not summed in this way."""


XLA_CHOOSES = CrossDeviceOps()


class NcclAllReduce(CrossDeviceOps):
    """NVIDIA's NCCL: what XLA takes on GPUs. Elsewhere it warns, and XLA's all-reduce is used.

    Args:
        num_packs: into how many collectives gradients are packed. XLA packs by itself: anything
            but 1 warns.

    Raises:
        ArgumentError: for a negative number.
    """

    def __init__(self, num_packs: int = 1):
        self.num_packs = _packs("NcclAllReduce", num_packs)

    def check_devices(self, devices: Sequence[jax.Device]) -> None:
        """See `CrossDeviceOps`."""
        platforms = {device.platform for device in devices} - {"gpu", "cuda"}
        if platforms:
            warnings.warn(
                f"NcclAllReduce: expected GPUs, got {', '.join(sorted(platforms))}: sums are those "
                "of XLA's all-reduce for these devices.",
                stacklevel=4,
            )


class HierarchicalCopyAllReduce(CrossDeviceOps):
    """Sums in two levels: scattered within groups of devices, summed across, gathered again.

    Groups are neighbours, about as many as each has devices. A prime number of devices makes no
    groups, and takes XLA's all-reduce.

    Args:
        num_packs: into how many collectives gradients are packed. XLA packs by itself: anything
            but 1 warns.

    Raises:
        ArgumentError: for a negative number.
    """

    def __init__(self, num_packs: int = 1):
        self.num_packs = _packs("HierarchicalCopyAllReduce", num_packs)

    def sum_over(self, tree: Any, axis: str, count: int) -> Any:
        """See `CrossDeviceOps`."""
        size = next(n for n in range(math.isqrt(count), 0, -1) if count % n == 0)
        if size == 1:
            return super().sum_over(tree, axis, count)
        inner = [list(range(start, start + size)) for start in range(0, count, size)]
        across = [list(range(start, count, size)) for start in range(size)]

        def total(array: jax.Array) -> jax.Array:
            flat = jnp.pad(array.reshape(-1), (0, -array.size % size))
            part = jax.lax.psum_scatter(flat, axis, axis_index_groups=inner, tiled=True)
            part = jax.lax.psum(part, axis, axis_index_groups=across)
            whole = jax.lax.all_gather(part, axis, axis_index_groups=inner, tiled=True)
            return whole[: array.size].reshape(array.shape)

        return jax.tree.map(total, tree)

    def warn_in_fit(self) -> None:
        """See `CrossDeviceOps`."""
        _warn_in_fit("HierarchicalCopyAllReduce")


class ReductionToOneDevice(CrossDeviceOps):
    """Sums of values that are brought together, in the order of the replicas.

    All devices hold all values and add them up: there is no single device that waits for the rest.

    Args:
        reduce_to_device: XLA has no use for it: anything but None warns.
        accumulation_fn: (list of arrays) -> array; None for their sum.
    """

    def __init__(
        self,
        reduce_to_device: Any = None,
        accumulation_fn: Callable[[list[jax.Array]], jax.Array] | None = None,
    ):
        if reduce_to_device is not None:
            warnings.warn(
                f"ReductionToOneDevice: reduce_to_device={reduce_to_device!r} has no effect: every "
                "device adds up the values.",
                stacklevel=2,
            )
        if accumulation_fn is not None and not callable(accumulation_fn):
            raise ArgumentError(
                "ReductionToOneDevice: expected accumulation_fn to be a function of a list, got "
                f"{accumulation_fn!r}."
            )
        self.accumulation_fn = accumulation_fn

    def sum_over(self, tree: Any, axis: str, count: int) -> Any:
        """See `CrossDeviceOps`."""

        def total(array: jax.Array) -> Any:
            gathered = jax.lax.all_gather(array, axis)
            values = [gathered[index] for index in range(count)]
            return sum(values) if self.accumulation_fn is None else self.accumulation_fn(values)

        return jax.tree.map(total, tree)

    def warn_in_fit(self) -> None:
        """See `CrossDeviceOps`."""
        _warn_in_fit("ReductionToOneDevice")


def as_cross_device_ops(place: str, given: Any) -> CrossDeviceOps:
    """The object, or XLA's own sums for None.

    Raises:
        ArgumentError: for strings and anything else.
    """
    if given is None:
        return XLA_CHOOSES
    if isinstance(given, CrossDeviceOps):
        return given
    raise ArgumentError(
        f"{place}: expected cross_device_ops to be an object as nn.distributed.NcclAllReduce(), "
        f"got {given!r}."
    )


def _packs(place: str, number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ArgumentError(f"{place}: expected num_packs of at least 0, got {number!r}.")
    if number != 1:
        warnings.warn(
            f"{place}: num_packs={number} has no effect: XLA packs collectives by itself.",
            stacklevel=3,
        )
    return number


def _warn_in_fit(name: str) -> None:
    warnings.warn(
        f"{name}: model.fit leaves the sums of gradients to XLA's all-reduce; within strategy.run "
        "all_reduce is done as asked for.",
        stacklevel=3,
    )
