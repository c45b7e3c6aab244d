"""MirroredStrategy: the devices of one machine, each with all weights and a part of each batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from .devices import devices_of
from .strategy import ROWS, Strategy


class MirroredStrategy(Strategy):
    """Synchronous training on the devices of this machine.

    Batches are cut over the devices, weights are on each of them, and gradients are summed over
    all: the numbers are those of one device. `batch_size` is that of all devices together.

    Args:
        devices: as "gpu:0" or of `jax.devices()`; None for all of this process.

    Raises:
        ArgumentError: for a device that is not here, or twice.

    >>> import nnlib as nn, numpy as np
    >>> strategy = nn.distributed.MirroredStrategy()
    >>> with strategy.scope():
    ...     model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), batch_size=8, verbose=0)
    """

    def __init__(self, devices: Sequence[Any] | None = None):
        found = devices_of("MirroredStrategy", devices)
        super().__init__(Mesh(np.array(found), (ROWS,)))
