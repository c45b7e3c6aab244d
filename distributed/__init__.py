"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from .errors import DoesNotFitError, StrategyError
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
from .planning import Plan, plan
from .strategy import Strategy

__all__ = [
    "ClusterCoordinator",
    "DoesNotFitError",
    "FixedShardsPartitioner",
    "MaxSizePartitioner",
    "MinSizePartitioner",
    "MirroredStrategy",
    "ParameterServerStrategy",
    "Parameters",
    "Partitioner",
    "Plan",
    "RemoteValue",
    "Strategy",
    "StrategyError",
    "plan",
]
