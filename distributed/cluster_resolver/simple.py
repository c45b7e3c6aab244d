"""SimpleClusterResolver: a cluster that is written down in the program."""

from typing import Any

from ..cluster_spec import ClusterSpec
from ..errors import ClusterTypeError
from .base import ClusterResolver, with_layer


class SimpleClusterResolver(ClusterResolver):
    """Tells what it was told.

    Args:
        cluster_spec: the ClusterSpec.
        master: the address that `master()` gives where no task is named.
        task_type: the job of this process.
        task_id: its number within the job.
        environment: where the cluster runs.
        num_accelerators: for each process, as `{"GPU": 8}`.
        rpc_layer: what stands before "://" in addresses.

    Raises:
        ClusterTypeError: if `cluster_spec` is no ClusterSpec, or `master` no string.

    >>> spec = ClusterSpec({"worker": ["a:1", "b:1"]})
    >>> SimpleClusterResolver(spec, rpc_layer="grpc").master("worker", 1)
    'grpc://b:1'
    """

    def __init__(
        self,
        cluster_spec: ClusterSpec,
        master: str = "",
        task_type: str | None = None,
        task_id: int | None = None,
        environment: str = "",
        num_accelerators: dict[str, int] | None = None,
        rpc_layer: str | None = None,
    ):
        if not isinstance(cluster_spec, ClusterSpec):
            raise ClusterTypeError(
                "SimpleClusterResolver: expected a ClusterSpec, got "
                f"{type(cluster_spec).__name__}. Write ClusterSpec({{...}})."
            )
        if not isinstance(master, str):
            raise ClusterTypeError(
                f"SimpleClusterResolver: expected master as a string, got {master!r}."
            )
        self._cluster_spec, self._master = cluster_spec, master
        self._task_type, self._task_id = task_type, task_id
        self._environment, self._num_accelerators = environment, num_accelerators
        self.rpc_layer = rpc_layer

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`."""
        return self._cluster_spec

    def master(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:
        """The address of a task; what `master` was at the beginning if none is named."""
        address = self._master
        if task_type is not None and task_id is not None:
            address = self._cluster_spec.task_address(task_type, task_id)
        return with_layer(address, rpc_layer or self.rpc_layer)

    @property
    def environment(self) -> str:
        """See `ClusterResolver`."""
        return self._environment

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """What it was told."""
        del task_type, task_id, config_proto
        return {} if self._num_accelerators is None else self._num_accelerators
