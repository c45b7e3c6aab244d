"""GCEClusterResolver: the running machines of an instance group of Google Compute Engine."""

import importlib
from typing import Any

from nnlib.core.errors import MissingExtraError

from ..cluster_spec import ClusterSpec
from ..errors import StrategyError
from .base import ClusterResolver


class GCEClusterResolver(ClusterResolver):
    """Asks Compute Engine which machines of a group run.

    Args:
        project: of Google Cloud.
        zone: of the group.
        instance_group: its name.
        port: of every task.
        task_type: the job of all machines.
        task_id: the number of this one among the sorted addresses.
        rpc_layer: what stands before "://" in addresses.
        credentials: of google.auth; "default" for those of the machine.
        service: a client of the Compute API to ask, in place of one that is made.

    Raises:
        MissingExtraError: without the package `google-api-python-client`.
    """

    def __init__(
        self,
        project: str,
        zone: str,
        instance_group: str,
        port: int,
        task_type: str = "worker",
        task_id: int = 0,
        rpc_layer: str | None = "grpc",
        credentials: Any = "default",
        service: Any = None,
    ):
        self._place = {"project": project, "zone": zone}
        self._group, self._port, self.rpc_layer = instance_group, port, rpc_layer
        self._task_type, self._task_id = task_type, task_id
        self._service = _service(credentials) if service is None else service

    @property
    def task_type(self) -> str | None:
        """See `ClusterResolver`."""
        return self._task_type

    @task_type.setter
    def task_type(self, task_type: str | None) -> None:
        raise StrategyError(
            "GCEClusterResolver: expected task_type to stay as it is, got "
            f"{task_type!r}. Make another resolver."
        )

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`; tasks are numbered by their addresses."""
        groups, addresses = self._service.instanceGroups(), []
        request = groups.listInstances(
            **self._place,
            instanceGroups=self._group,
            body={"instanceState": "RUNNING"},
            orderBy="name",
        )
        while request is not None:
            response = request.execute()
            for entry in response.get("items", []):
                name = entry["instance"].split("/")[-1]
                found = self._service.instances().get(**self._place, instance=name).execute()
                addresses.append(f"{found['networkInterfaces'][0]['networkIP']}:{self._port}")
            request = groups.listInstances_next(
                previous_request=request, previous_response=response
            )
        return ClusterSpec({str(self.task_type): sorted(addresses)})


def _service(credentials: Any) -> Any:
    try:
        discovery = importlib.import_module("googleapiclient.discovery")
    except ImportError:
        raise MissingExtraError(
            "GCEClusterResolver: expected the package google-api-python-client, got none. Run "
            "pip install google-api-python-client; or set TF_CONFIG and take "
            "TFConfigClusterResolver()."
        ) from None
    given = {} if credentials == "default" else {"credentials": credentials}
    return discovery.build("compute", "v1", **given)
