"""The TPU of this machine: whether there is one, and what was looked for if not."""

import glob
import os
from typing import Any

import jax

from .errors import StrategyError


def initialize_tpu_system(cluster_resolver: Any = None) -> list[jax.Device]:
    """See that there is a TPU; JAX has initialized it then.

    Args:
        cluster_resolver: a TPUClusterResolver, for the name in errors.

    Returns:
        Its cores, of all machines that are connected.

    Raises:
        StrategyError: without a TPU.
    """
    return require_tpu("initialize_tpu_system", cluster_resolver)


def require_tpu(place: str, resolver: Any = None) -> list[jax.Device]:
    """All TPU cores of the cluster.

    Raises:
        StrategyError: without one; the text says where it was looked for.
    """
    try:
        return jax.devices("tpu")
    except RuntimeError as error:
        name = getattr(resolver, "tpu", None)
        wanted = f"the TPU {name!r}" if name and name != "local" else "a TPU"
        files = [*glob.glob("/dev/accel[0-9]*"), *glob.glob("/dev/vfio/[0-9]*")]
        hosts = os.environ.get("TPU_WORKER_HOSTNAMES") or "not set"
        others = ", ".join(sorted({device.platform for device in jax.devices()}))
        raise StrategyError(
            f"{place}: expected {wanted} at this machine, got none. Looked for devices of JAX "
            f"with the platform tpu (found {others}), for chips at /dev/accel* and /dev/vfio/* "
            f"(found {', '.join(sorted(files)) or 'none'}), and at TPU_WORKER_HOSTNAMES "
            f"({hosts}). Start the program on every machine of the TPU, with pip install "
            "'jax[tpu]'; elsewhere take MirroredStrategy()."
        ) from error
