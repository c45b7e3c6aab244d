"""TFConfigClusterResolver: the cluster that the environment variable TF_CONFIG describes."""

import contextlib
import json
import os
from typing import Any

from nnlib.core.errors import ArgumentError

from ..cluster_spec import ClusterSpec
from ..errors import TFConfigError
from .base import ClusterResolver, with_layer


class TFConfigClusterResolver(ClusterResolver):
    """Reads TF_CONFIG whenever it is asked.

    It is `{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}`.

    Args:
        task_type: the job of this process, in place of what TF_CONFIG says.
        task_id: its number within the job, likewise.
        rpc_layer: what stands before "://" in addresses, likewise.
        environment: where the cluster runs.

    Raises:
        TFConfigError: (a `json.JSONDecodeError`) when it is asked, if TF_CONFIG is not JSON.

    >>> import json, os
    >>> cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    >>> os.environ["TF_CONFIG"] = json.dumps(cluster)
    >>> TFConfigClusterResolver(rpc_layer="grpc").master()
    'grpc://b:1'
    >>> del os.environ["TF_CONFIG"]
    """

    def __init__(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
        environment: str | None = None,
    ):
        self._task_type, self._task_id = task_type, task_id
        self._rpc_layer, self._environment = rpc_layer, environment

    @property
    def task_type(self) -> str | None:
        """See `ClusterResolver`."""
        found = _task().get("type") if self._task_type is None else self._task_type
        return None if found is None else str(found)

    @task_type.setter
    def task_type(self, task_type: str | None) -> None:
        self._task_type = task_type

    @property
    def task_id(self) -> int | None:
        """See `ClusterResolver`."""
        found = _task().get("index") if self._task_id is None else self._task_id
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            if found is None or float(found) == int(found):
                return None if found is None else int(found)
        raise ArgumentError(
            f"TF_CONFIG: expected the index of the task as an integer, got {found!r}."
        )

    @task_id.setter
    def task_id(self, task_id: int | None) -> None:
        self._task_id = task_id

    @property
    def rpc_layer(self) -> str | None:
        """What stands before "://" in addresses."""
        return _tf_config().get("rpc_layer") if self._rpc_layer is None else self._rpc_layer

    @rpc_layer.setter
    def rpc_layer(self, rpc_layer: str | None) -> None:
        self._rpc_layer = rpc_layer

    @property
    def environment(self) -> str | None:
        """See `ClusterResolver`."""
        return self._environment

    def cluster_spec(self) -> ClusterSpec:
        """See `ClusterResolver`; empty without TF_CONFIG."""
        config = _tf_config()
        if "cluster" not in config and _task():  # nobody trains alone for a slip
            raise ArgumentError(
                f'TF_CONFIG: expected the "cluster" of the task {_task()!r}, got only '
                f"{', '.join(map(repr, config))}. Write "
                '{"cluster": {"worker": ["host:port", ...]}, "task": ...}.'
            )
        return ClusterSpec(config.get("cluster", {}))

    def master(
        self,
        task_type: str | None = None,
        task_id: int | None = None,
        rpc_layer: str | None = None,
    ) -> str:
        """The address of a task; "session_master" of TF_CONFIG wins; "" in a cluster of one."""
        config = _tf_config()
        if config.get("session_master") is not None:
            return str(config["session_master"])
        spec = self.cluster_spec()
        if not spec or (len(spec.jobs) == 1 and len(spec.job_tasks(spec.jobs[0])) == 1):
            return ""
        task_type = self.task_type if task_type is None else task_type
        task_id = self.task_id if task_id is None else task_id
        if task_type is None or task_id is None:
            raise ArgumentError(
                'TF_CONFIG: expected "task": {"type": "worker", "index": 0} for this process, got '
                "none. Add it, or name the task."
            )
        layer = self.rpc_layer if rpc_layer is None else rpc_layer
        return with_layer(spec.task_address(task_type, task_id), layer)


def _task() -> dict[str, Any]:
    task = _tf_config().get("task", {})
    if not isinstance(task, dict):
        raise ArgumentError(
            f'TF_CONFIG: expected "task" as {{"type": "worker", "index": 0}}, got {task!r}.'
        )
    return task


def _tf_config() -> dict[str, Any]:
    text = os.environ.get("TF_CONFIG", "{}")
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise TFConfigError(
            'TF_CONFIG: expected JSON as {"cluster": {...}, "task": {...}}, got something else '
            f"({error.msg})",
            error.doc,
            error.pos,
        ) from None
    if not isinstance(config, dict):
        if config:
            raise ArgumentError(
                f'TF_CONFIG: expected a dict as {{"cluster": ..., "task": ...}}, got {config!r}.'
            )
        return {}
    return config
