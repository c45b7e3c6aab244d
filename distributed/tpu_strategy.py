"""TPUStrategy: all cores of a TPU, each with all weights and a part of each batch."""

from typing import Any

import numpy as np
from jax.sharding import Mesh

from .connect import connect_to_cluster
from .strategy import ROWS, Strategy
from .tpu_system import require_tpu


class TPUStrategy(Strategy):
    """Synchronous training on the cores of a TPU, of one machine or of all of a pod.

    The program runs on every machine of the TPU. Else it is as MirroredStrategy.

    Args:
        tpu_cluster_resolver: a TPUClusterResolver; None for the TPU of this machine.

    Raises:
        StrategyError: without a TPU; the text says where it was looked for.

    >>> import nnlib as nn
    >>> nn.distributed.TPUStrategy()
    Traceback (most recent call last):
    ...
    nnlib.distributed.errors.StrategyError: TPUStrategy: expected a TPU at this machine, got none...
    """

    def __init__(self, tpu_cluster_resolver: Any = None):
        if tpu_cluster_resolver is not None:
            connect_to_cluster(tpu_cluster_resolver)
        self.cluster_resolver = tpu_cluster_resolver
        cores = require_tpu(type(self).__name__, tpu_cluster_resolver)
        super().__init__(Mesh(np.array(cores), (ROWS,)))
