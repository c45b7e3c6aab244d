"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from .errors import StrategyError
from .mirrored_strategy import MirroredStrategy
from .strategy import Strategy

__all__ = ["MirroredStrategy", "Strategy", "StrategyError"]
