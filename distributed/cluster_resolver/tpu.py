"""TPUClusterResolver: the machines of the TPU that this program runs on."""

import os
import warnings
from typing import Any

import jax

from ..cluster_spec import ClusterSpec
from ..connect import connect_to_cluster
from ..tpu_system import initialize_tpu_system
from .base import ClusterResolver

PORT = 8476
"""Where the processes of a TPU meet."""


class TPUClusterResolver(ClusterResolver):
    """Finds the TPU of this machine and the machines beside it.

    JAX runs on the machines of a TPU themselves, so no TPU is reached over the network: start the
    program on each of them. What Google Cloud sets there (TPU_WORKER_HOSTNAMES, TPU_WORKER_ID) is
    read; where it is not set, the runtime of the TPU connects its machines by itself.

    Args:
        tpu: the name of the TPU, for error messages; "local" for the one of this machine alone.
        zone: warns, as nothing is asked of Google Cloud; so do `project`, `credentials`, `service`
            and `discovery_url`.
        project: see `zone`.
        job_name: the job of the machines.
        coordinator_name: a job of one more task, the coordinator.
        coordinator_address: its address.
        credentials: see `zone`.
        service: see `zone`.
        discovery_url: see `zone`.

    >>> TPUClusterResolver("local").master()
    ''
    """

    def __init__(
        self,
        tpu: str | None = None,
        zone: str | None = None,
        project: str | None = None,
        job_name: str = "worker",
        coordinator_name: str | None = None,
        coordinator_address: str | None = None,
        credentials: Any = "default",
        service: Any = None,
        discovery_url: str | None = None,
    ):
        self.tpu = tpu
        self._task_type, self._task_id = job_name, 0
        self._coordinator = (coordinator_name, coordinator_address)
        given = {"zone": zone, "project": project, "service": service}
        given |= {"discovery_url": discovery_url}
        given |= {"credentials": None if credentials == "default" else credentials}
        if unused := [name for name, value in given.items() if value is not None]:
            warnings.warn(
                f"TPUClusterResolver: expected no {' and '.join(unused)}, got some; nothing is "
                "asked of Google Cloud. Start the program on the machines of the TPU.",
                stacklevel=2,
            )
        if tpu != "local":
            self._task_id = int(os.environ.get("TPU_WORKER_ID", "0"))

    @classmethod
    def connect(
        cls, tpu: str | None = None, zone: str | None = None, project: str | None = None
    ) -> "TPUClusterResolver":
        """A resolver, once the machines are connected and the TPU is found.

        Raises:
            StrategyError: without a TPU.
        """
        resolver = cls(tpu, zone, project)
        connect_to_cluster(resolver)
        initialize_tpu_system(resolver)
        return resolver

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`; empty where there is one machine only."""
        hosts = [host for host in os.environ.get("TPU_WORKER_HOSTNAMES", "").split(",") if host]
        if self.tpu == "local" or len(hosts) < 2:
            return ClusterSpec({})
        cluster = {str(self.task_type): [f"{host}:{PORT}" for host in hosts]}
        name, address = self._coordinator
        if name and address:
            cluster[name] = [address]
        return ClusterSpec(cluster)

    def master(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:
        """See `ClusterResolver`; "" where there is one machine only."""
        if not self.cluster_spec():
            return ""
        return super().master(task_type, task_id, rpc_layer or "grpc")

    def get_master(self) -> str:
        """The address of this task."""
        return self.master()

    def get_job_name(self) -> str | None:
        """The job of the machines."""
        return self.task_type

    def num_accelerators(
        self, task_type: str | None = None, task_id: int | None = None, config_proto: Any = None
    ) -> dict[str, int]:
        """The TPU cores of this process."""
        del task_type, task_id, config_proto
        return {"TPU": sum(device.platform == "tpu" for device in jax.local_devices())}
