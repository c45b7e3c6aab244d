"""Server: this process as a task of a cluster."""

from typing import Any

from .cluster_resolver.base import with_layer
from .connect import PROTOCOL, Task, check_protocol, connect_to_cluster, task_of
from .errors import StrategyError
from .parameter_server.engine import addresses, host_of
from .runtime import leave


class Server:
    """Makes this process a task of a cluster, in the words of TensorFlow.

    There is no server of nnlib's own: chief and workers are connected by `jax.distributed`, which
    strategies start by themselves. The parameter servers and workers of ParameterServerStrategy
    are actors of Ray: in such a cluster there is no Server, and the error says what to run on its
    hosts.

    Args:
        cluster: a ClusterResolver, a ClusterSpec or a dict for one.
        job_name: the job of this process; None for what the resolver says, or the only one.
        task_index: its number within the job, likewise.
        protocol: "grpc" is the only one.
        start: whether to start at once; else `start()` does.

    Raises:
        ArgumentError: for a task that is not in the cluster, or another protocol.
        StrategyError: from the start, if the processes cannot be connected, and in a cluster with
            parameter servers.

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
            raise StrategyError(_of_parameter_servers(self._task))
        connect_to_cluster(self._task)

    def join(self) -> None:
        """Wait for the other processes to be done, and disconnect."""
        leave()


def _of_parameter_servers(task: Task) -> str:
    """What to run in place of a Server."""
    got = f"Server: expected a cluster whose workers train in step, got {task.spec}: "
    hosts = {host_of(address) for job in task.spec.as_dict().values() for address in addresses(job)}
    if not hosts - {""}:
        return (
            f"{got}its parameter servers and workers are actors of Ray, which "
            "ParameterServerStrategy starts by itself on this machine. Run the script of the chief "
            "alone."
        )
    chief = next(iter(addresses(task.spec.as_dict().get("chief", []))), None)
    return (
        f"{got}its parameter servers and workers are actors of Ray. Run `ray start --head "
        "--port=6379` and the script with RAY_ADDRESS=auto on the chief; on hosts of workers and "
        "parameter servers run, in place of the script, `ray start --block "
        f"--address={host_of(chief or '') or 'CHIEF'}:6379`. All need the same RAY_AUTH_TOKEN: see "
        "`ray get-auth-token`."
    )
