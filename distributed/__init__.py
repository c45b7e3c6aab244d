"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from . import experimental
from .communication_options import CommunicationImplementation, CommunicationOptions
from .cross_device_ops import (
    CrossDeviceOps,
    HierarchicalCopyAllReduce,
    NcclAllReduce,
    ReductionToOneDevice,
)
from .datasets_from_function import DistributedDatasetFromFunction
from .default_strategy import (
    get_replica_context,
    get_strategy,
    has_strategy,
    in_cross_replica_context,
)
from .distributed_dataset import DistributedDataset, DistributedIterator
from .errors import StrategyError
from .input_context import InputContext, InputOptions, InputReplicationMode, ValueContext
from .mirrored_strategy import MirroredStrategy
from .one_device_strategy import OneDeviceStrategy
from .reduce_op import ReduceOp
from .replica_context import ReplicaContext
from .strategy import Strategy
from .values import DistributedValues, PerReplica

__all__ = [
    "CommunicationImplementation",
    "CommunicationOptions",
    "CrossDeviceOps",
    "DistributedDataset",
    "DistributedDatasetFromFunction",
    "DistributedIterator",
    "DistributedValues",
    "HierarchicalCopyAllReduce",
    "InputContext",
    "InputOptions",
    "InputReplicationMode",
    "MirroredStrategy",
    "NcclAllReduce",
    "OneDeviceStrategy",
    "PerReplica",
    "ReduceOp",
    "ReductionToOneDevice",
    "ReplicaContext",
    "Strategy",
    "StrategyError",
    "ValueContext",
    "experimental",
    "get_replica_context",
    "get_strategy",
    "has_strategy",
    "in_cross_replica_context",
]
