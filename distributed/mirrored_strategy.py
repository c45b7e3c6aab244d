"""MirroredStrategy: the devices of one machine, each with all weights and a part of each batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from nnlib.training.placement import Placement

from .cross_device_ops import CrossDeviceOps, as_cross_device_ops
from .devices import devices_of
from .strategy import ROWS, Strategy


class MirroredStrategy(Strategy):
    """Synchronous training on the devices of this machine.

    Batches are cut over the devices, weights are on each of them, and gradients are summed over
    all: the numbers are those of one device. `batch_size` is that of all devices together.

    Args:
        devices: as "gpu:0" or of `jax.devices()`; None for all of this process.
        cross_device_ops: how `all_reduce` and `reduce` sum: NcclAllReduce(),
            HierarchicalCopyAllReduce() or ReductionToOneDevice(); None leaves it to XLA.

    Raises:
        ArgumentError: for a device that is not here, or twice; for ops by name.

    >>> import nnlib as nn, numpy as np
    >>> strategy = nn.distributed.MirroredStrategy()
    >>> with strategy.scope():
    ...     model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 1)), batch_size=8, verbose=0)
    """

    def __init__(
        self,
        devices: Sequence[Any] | None = None,
        cross_device_ops: CrossDeviceOps | None = None,
    ):
        found = devices_of("MirroredStrategy", devices)
        super().__init__(Mesh(np.array(found), (ROWS,)))
        self.cross_device_ops = as_cross_device_ops("MirroredStrategy", cross_device_ops)
        self.cross_device_ops.check_devices(found)

    def placement_of(self, model: Any) -> Placement:
        """See `Strategy`."""
        self.cross_device_ops.warn_in_fit()
        return super().placement_of(model)
