"""Values that differ from replica to replica."""

from collections.abc import Sequence
from typing import Any

import jax

from nnlib.core.errors import DTypeError


class DistributedValues:
    """A value for each replica; see `PerReplica`."""

    __slots__ = ()

    @property
    def values(self) -> tuple[Any, ...]:
        """The values of the replicas of this process."""
        raise NotImplementedError(f"{type(self).__name__}: expected `values`, got none.")


@jax.tree_util.register_pytree_node_class
class PerReplica(DistributedValues):
    """One value for each replica of a strategy.

    Arrays of one shape and dtype are one array (replicas, ...) that is cut over the devices: no
    replica's value is copied to be in it, and it may be an argument of `jax.jit`. Anything else is
    a tuple.

    Args:
        values: of the replicas of this process, in their order.

    >>> import nnlib as nn
    >>> nn.distributed.PerReplica([1, 2]).values
    (1, 2)
    """

    __slots__ = ("__weakref__", "_values", "stacked")
    _values: tuple[Any, ...] | None
    stacked: Any

    def __init__(self, values: Sequence[Any]):
        self.stacked, self._values = None, tuple(values)

    @classmethod
    def of_array(cls, stacked: Any) -> "PerReplica":
        """Of an array (replicas, ...), cut along its first axis."""
        made = cls.__new__(cls)
        made.stacked, made._values = stacked, None
        return made

    @property
    def values(self) -> tuple[Any, ...]:
        """The values of the replicas of this process, each on its own device."""
        if self._values is None:
            self._values = _cut(self.stacked)
        return self._values

    def __repr__(self) -> str:
        shown = ", ".join(f"{index}: {value!r}" for index, value in enumerate(self.values))
        return f"PerReplica({{{shown}}})"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise DTypeError(
            f"PerReplica: expected one array, got the values of {len(self.values)} replicas. Write "
            "strategy.reduce(op, value, axis=None), strategy.gather(value, axis=0), or take one of "
            "strategy.experimental_local_results(value)."
        )

    def tree_flatten(self) -> tuple[tuple[Any, ...], bool]:
        """For `jax.tree`."""
        if self.stacked is not None:
            return (self.stacked,), True
        return self.values, False

    @classmethod
    def tree_unflatten(cls, stacked: bool, children: Sequence[Any]) -> "PerReplica":
        """For `jax.tree`."""
        made = cls.__new__(cls)
        made.stacked, made._values = (children[0], None) if stacked else (None, tuple(children))
        return made


def is_per_replica(value: Any) -> bool:
    """Whether it is a leaf of a tree of values that replicas have."""
    return isinstance(value, PerReplica)


def _cut(stacked: Any) -> tuple[Any, ...]:
    one = (1, *stacked.shape[1:])
    if isinstance(stacked, jax.core.Tracer) or stacked.sharding.shard_shape(stacked.shape) != one:
        return tuple(stacked[index] for index in range(stacked.shape[0]))
    parts: dict[int, Any] = {}  # other axes of the mesh hold copies
    for shard in stacked.addressable_shards:
        parts.setdefault(shard.index[0].start or 0, shard.data)
    return tuple(parts[start].reshape(stacked.shape[1:]) for start in sorted(parts))
