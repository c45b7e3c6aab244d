"""KubernetesClusterResolver: the running pods that labels select."""

import enum
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from nnlib.core.errors import ArgumentError, MissingExtraError

from ..cluster_spec import ClusterSpec
from ..errors import StrategyError
from .base import ClusterResolver


class KubernetesExecutableLocation(enum.Enum):
    """Where the program runs that asks."""

    WITHIN_CLUSTER = 0
    OFF_CLUSTER = 1


class KubernetesClusterResolver(ClusterResolver):
    """Asks Kubernetes which pods there are.

    The templates in `deploy/training` need no rights to ask: they set TF_CONFIG.

    Args:
        job_to_label_mapping: the label selectors of each job.
        tf_server_port: the port of every task.
        rpc_layer: what stands before "://" in addresses.
        override_client: a CoreV1Api to ask, in place of one that is made.
        executable_location: whether the program runs in the cluster or outside.

    Raises:
        MissingExtraError: without the package `kubernetes`.
        StrategyError: if Kubernetes cannot be asked, or a selected pod does not run.
    """

    def __init__(
        self,
        job_to_label_mapping: Mapping[str, Sequence[str]] | None = None,
        tf_server_port: int = 8470,
        rpc_layer: str | None = "grpc",
        override_client: Any = None,
        executable_location: KubernetesExecutableLocation = (
            KubernetesExecutableLocation.WITHIN_CLUSTER
        ),
    ):
        if not isinstance(executable_location, KubernetesExecutableLocation):
            raise ArgumentError(
                "KubernetesClusterResolver: expected a KubernetesExecutableLocation, got "
                f"{executable_location!r}."
            )
        self._selectors = job_to_label_mapping or {"worker": ["job-name=tensorflow"]}
        self._port, self.rpc_layer = tf_server_port, rpc_layer
        self._client = override_client or _client(executable_location)
        index = os.environ.get("JOB_COMPLETION_INDEX", "")  # of a job with completionMode Indexed
        if index.isdigit() and len(self._selectors) == 1:
            self._task_type, self._task_id = next(iter(self._selectors)), int(index)

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`; tasks are numbered by the names of the pods."""
        return ClusterSpec(
            {
                job: [address for selector in selectors for address in self._pods(selector)]
                for job, selectors in self._selectors.items()
            }
        )

    def _pods(self, selector: str) -> list[str]:
        found = self._client.list_pod_for_all_namespaces(label_selector=selector).items
        pods = sorted(found, key=lambda pod: pod.metadata.name)
        for pod in pods:
            if pod.status.phase != "Running":
                raise StrategyError(
                    f"KubernetesClusterResolver: expected pod {pod.metadata.name!r} to run, got "
                    f"the phase {pod.status.phase!r}. Ask again once it runs."
                )
        return [f"{pod.status.host_ip}:{self._port}" for pod in pods]


def _client(location: KubernetesExecutableLocation) -> Any:
    try:
        config = importlib.import_module("kubernetes.config")
        api = importlib.import_module("kubernetes.client").CoreV1Api
    except ImportError:
        raise MissingExtraError(
            "KubernetesClusterResolver: expected the package kubernetes, got none. Run "
            "pip install kubernetes; or set TF_CONFIG and take TFConfigClusterResolver()."
        ) from None
    within = location is KubernetesExecutableLocation.WITHIN_CLUSTER
    looked_for = (
        "the service account of a pod (KUBERNETES_SERVICE_HOST)" if within else "~/.kube/config"
    )
    try:
        (config.load_incluster_config if within else config.load_kube_config)()
    except config.ConfigException as error:
        raise StrategyError(
            f"KubernetesClusterResolver: expected {looked_for}, got none ({error})."
        ) from error
    return api()
