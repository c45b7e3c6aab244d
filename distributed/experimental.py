"""Names that TensorFlow keeps in `tf.distribute.experimental`, the older ones included."""

from typing import NoReturn

from . import coordinator
from .communication_options import CommunicationImplementation, CommunicationOptions
from .input_context import ValueContext
from .multi_worker_mirrored_strategy import MultiWorkerMirroredStrategy
from .parameter_server import ParameterServerStrategy, partitioners
from .tpu_strategy import TPUStrategy

CollectiveCommunication = CommunicationImplementation
CollectiveHints = CommunicationOptions

__all__ = [
    "CollectiveCommunication",
    "CollectiveHints",
    "CommunicationImplementation",
    "CommunicationOptions",
    "MultiWorkerMirroredStrategy",
    "ParameterServerStrategy",
    "TPUStrategy",
    "ValueContext",
    "coordinator",
    "partitioners",
]

_ELSEWHERE = {
    "CentralStorageStrategy": "MirroredStrategy() keeps weights on every device; "
    "ParameterServerStrategy() keeps them in one place",
    "PreemptionCheckpointHandler": "pass nn.distributed.PreemptionCheckpoint(folder) to model.fit",
    "PreemptionWatcher": "pass nn.distributed.PreemptionCheckpoint(folder) to model.fit",
    "TerminationConfig": "PreemptionCheckpoint(folder, exit_code=...) says how a process ends",
    "rpc": "schedule functions with nn.distributed.ClusterCoordinator",
}
"""What takes the place of names that are not here."""


def __getattr__(name: str) -> NoReturn:
    way = f" In its place: {_ELSEWHERE[name]}." if name in _ELSEWHERE else ""
    raise AttributeError(
        f"nn.distributed.experimental: expected one of {', '.join(__all__)}, got {name}.{way}"
    )
