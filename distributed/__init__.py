"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from .errors import StrategyError
from .mirrored_strategy import MirroredStrategy
from .parameter_server import (
    ClusterCoordinator,
    FixedShardsPartitioner,
    MaxSizePartitioner,
    MinSizePartitioner,
    Parameters,
    ParameterServerStrategy,
    Partitioner,
    RemoteValue,
)
from .strategy import Strategy

__all__ = [
    "ClusterCoordinator",
    "FixedShardsPartitioner",
    "MaxSizePartitioner",
    "MinSizePartitioner",
    "MirroredStrategy",
    "ParameterServerStrategy",
    "Parameters",
    "Partitioner",
    "RemoteValue",
    "Strategy",
    "StrategyError",
]
