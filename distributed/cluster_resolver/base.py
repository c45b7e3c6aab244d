"""ClusterResolver: how a process finds out which cluster it belongs to, and as what."""

import abc
from collections import Counter
from typing import Any

import jax

from ..cluster_spec import ClusterSpec


class ClusterResolver(abc.ABC):
    """Tells the cluster, and which of its tasks this process is.

    A resolver of one's own has `cluster_spec`, and sets `task_type` and `task_id`.
    """

    rpc_layer: str | None = None
    """What stands before "://" in addresses."""
    _task_type: str | None = None
    _task_id: int | None = None

    @abc.abstractmethod
    def cluster_spec(self) -> ClusterSpec:
        """The cluster as it is now."""

    def master(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:
        """The address of a task, this one by default, as `"grpc://host:port"`; "" if not known."""
        task_type = self.task_type if task_type is None else task_type
        task_id = self.task_id if task_id is None else task_id
        if task_type is None or task_id is None:
            return ""
        address = self.cluster_spec().task_address(task_type, task_id)
        return with_layer(address, rpc_layer or self.rpc_layer)

    @property
    def task_type(self) -> str | None:
        """The job of this process: "chief", "worker", "ps", "evaluator"; None if not known."""
        return self._task_type

    @task_type.setter
    def task_type(self, task_type: str | None) -> None:
        self._task_type = task_type

    @property
    def task_id(self) -> int | None:
        """The number of this process within its job; None if not known."""
        return self._task_id

    @task_id.setter
    def task_id(self, task_id: int | None) -> None:
        self._task_id = task_id

    @property
    def environment(self) -> str | None:
        """Where the cluster runs, if that matters: "" or "google"."""
        return ""

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """How many GPUs and TPUs this process has; a CPU is no accelerator.

        JAX looks for them, after which no process can join a cluster any more: make the strategy
        first.
        """
        del task_type, task_id, config_proto
        platforms = [d.platform.upper() for d in jax.local_devices() if d.platform != "cpu"]
        return dict(Counter(platforms))


def with_layer(address: str, rpc_layer: str | None) -> str:
    """`"grpc://host:port"`; the address alone without a layer."""
    return f"{rpc_layer}://{address}" if rpc_layer else address
