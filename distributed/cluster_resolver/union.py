"""UnionResolver: several resolvers as one."""

from typing import Any

from nnlib.core.errors import ArgumentError

from ..cluster_spec import ClusterSpec
from ..errors import ClusterKeyError, ClusterTypeError
from .base import ClusterResolver, with_layer


class UnionResolver(ClusterResolver):
    """The clusters of several resolvers together; all else is that of the first.

    Args:
        resolvers: at least one.
        rpc_layer: in place of that of the first.
        task_type: likewise.
        task_id: likewise.

    Raises:
        ArgumentError: without resolvers.
        ClusterKeyError: from `cluster_spec()`, for two tasks of one number.
        ClusterTypeError: for something that is no resolver.
    """

    def __init__(
        self,
        *resolvers: ClusterResolver,
        rpc_layer: str | None = None,
        task_type: str | None = None,
        task_id: int | None = None,
    ):
        if not resolvers:
            raise ArgumentError("UnionResolver: expected at least one resolver, got none.")
        for resolver in resolvers:
            if not isinstance(resolver, ClusterResolver):
                raise ClusterTypeError(f"UnionResolver: expected resolvers, got {resolver!r}.")
        self._resolvers, self._rpc_layer = resolvers, rpc_layer
        self._task_type, self._task_id = task_type, task_id

    @property
    def task_type(self) -> str | None:
        """See `ClusterResolver`."""
        return self._task_type or self._resolvers[0].task_type

    @task_type.setter
    def task_type(self, task_type: str | None) -> None:
        self._task_type = task_type

    @property
    def task_id(self) -> int | None:
        """See `ClusterResolver`."""
        return self._resolvers[0].task_id if self._task_id is None else self._task_id

    @task_id.setter
    def task_id(self, task_id: int | None) -> None:
        self._task_id = task_id

    @property
    def environment(self) -> str | None:
        """See `ClusterResolver`."""
        return self._resolvers[0].environment

    @property
    def rpc_layer(self) -> str | None:
        """What stands before "://" in addresses."""
        return self._rpc_layer or self._resolvers[0].rpc_layer

    @rpc_layer.setter
    def rpc_layer(self, rpc_layer: str | None) -> None:
        self._rpc_layer = rpc_layer

    def cluster_spec(self) -> ClusterSpec:
        """All jobs; lists of one job are joined, dicts are merged by their numbers."""
        specs = [resolver.cluster_spec().as_dict() for resolver in self._resolvers]
        jobs = dict.fromkeys(job for spec in specs for job in spec)
        return ClusterSpec({job: _merged(job, specs) for job in jobs})

    def master(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:
        """The address of a task; without one, what the first resolver says."""
        if task_type is not None and task_id is not None:
            address = self.cluster_spec().task_address(task_type, task_id)
            return with_layer(address, rpc_layer or self._rpc_layer)
        return self._resolvers[0].master(rpc_layer=rpc_layer)

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """See `ClusterResolver`."""
        return self._resolvers[0].num_accelerators(task_type, task_id, config_proto)


def _merged(job: str, specs: list[dict[str, Any]]) -> Any:
    parts = [spec[job] for spec in specs if job in spec]
    if all(isinstance(part, list) for part in parts):
        return [address for part in parts for address in part]
    merged: dict[int, str] = {}
    for part in parts:
        tasks = dict(enumerate(part)) if isinstance(part, list) else part
        if twice := merged.keys() & tasks.keys():
            raise ClusterKeyError(
                f"UnionResolver: expected every task of {job!r} once, got {min(twice)} twice."
            )
        merged |= tasks
    return merged
