"""OneDeviceStrategy: everything on one device that is named."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError

from .devices import devices_of
from .strategy import ROWS, Strategy


class OneDeviceStrategy(Strategy):
    """Training, and `run`, on one device: to try code for several replicas.

    Args:
        device: as "gpu:0" or of `jax.devices()`.

    Raises:
        ArgumentError: for a device that is not here.

    >>> import nnlib as nn
    >>> strategy = nn.distributed.OneDeviceStrategy("/cpu:0")
    >>> strategy.run(lambda x: x + 1, args=(2,))
    3
    """

    def __init__(self, device: Any):
        if isinstance(device, Sequence) and not isinstance(device, str):
            raise ArgumentError(f"OneDeviceStrategy: expected one device, got {device!r}.")
        super().__init__(Mesh(np.array(devices_of("OneDeviceStrategy", [device])), (ROWS,)))

    def _distributed(self, values: Sequence[Any]) -> Any:
        return values[0]
