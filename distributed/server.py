"""Server: this process as a task of a cluster."""

import warnings
from typing import Any

from .cluster_resolver.base import with_layer
from .connect import PROTOCOL, check_protocol, connect_to_cluster, task_of
from .runtime import leave


class Server:
    """Makes this process a task of a cluster, in the words of TensorFlow.

    There is no server of nnlib's own: chief and workers are connected by `jax.distributed`, which
    strategies start by themselves; the parameter servers and workers of ParameterServerStrategy
    are actors of Ray, which the chief starts.

    Args:
        cluster: a ClusterResolver, a ClusterSpec or a dict for one.
        job_name: the job of this process; None for what the resolver says, or the only one.
        task_index: its number within the job, likewise.
        protocol: "grpc" is the only one.
        start: whether to start at once; else `start()` does.

    Raises:
        ArgumentError: for a task that is not in the cluster, or another protocol.
        StrategyError: from the start, if the processes cannot be connected.

    >>> server = Server({"worker": ["localhost:8476"]}, protocol="grpc")
    >>> server.target
    'grpc://localhost:8476'
    >>> server.start()
    >>> server.join()
    """

    def __init__(
        self,
        cluster: Any,
        job_name: str | None = None,
        task_index: int | None = None,
        protocol: str | None = PROTOCOL,
        start: bool = True,
    ):
        check_protocol("Server", protocol)
        self._task = task_of("Server", cluster, job_name, task_index)
        if start:
            self.start()

    @property
    def target(self) -> str:
        """The address of this task, as `"grpc://host:port"`; "" in an empty cluster."""
        spec, task = self._task.spec, self._task
        if not spec:
            return ""
        address = spec.task_address(str(task.task_type), int(task.task_id or 0))
        return with_layer(address, PROTOCOL)

    def start(self) -> None:
        """Connect with the other processes; nothing if that is done, or there are none."""
        if "ps" in self._task.spec.jobs:
            warnings.warn(
                "Server: expected chief and workers that train in step, got a cluster with "
                "parameter servers: they and their workers are actors of Ray, which the chief "
                "starts. This process serves nothing.",
                stacklevel=2,
            )
            return
        connect_to_cluster(self._task)

    def join(self) -> None:
        """Wait for the other processes to be done, and disconnect."""
        leave()
