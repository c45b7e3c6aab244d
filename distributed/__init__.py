"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from .errors import StrategyError
from .mirrored_strategy import MirroredStrategy
from .per_replica import per_replica
from .pipeline import pipeline
from .pipeline_loss import pipeline_loss
from .ring_attention import ring_attention
from .sharded_strategy import ShardedStrategy
from .shardings import gathered_at_use, shardings
from .strategy import Strategy

__all__ = [
    "MirroredStrategy",
    "ShardedStrategy",
    "Strategy",
    "StrategyError",
    "gathered_at_use",
    "per_replica",
    "pipeline",
    "pipeline_loss",
    "ring_attention",
    "shardings",
]
