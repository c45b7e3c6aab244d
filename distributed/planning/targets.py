"""For which machines a program can be compiled ahead of time, and what they can hold."""

import importlib.util
import math
import os
import re
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh

from nnlib.core.compat import topology, topology_mesh
from nnlib.core.errors import ArgumentError, MissingExtraError

GIB = 2**30


@dataclass(frozen=True)
class Facts:
    """What one device of JAX has; on chips with two cores that JAX sees, half of the chip.

    Args:
        memory: bytes.
        flops: the peak in a second, of products of bfloat16 numbers; None where it is not known.
        source: of both.
    """

    memory: int
    flops: float | None
    source: str


_TPU = "Google Cloud, TPU system architecture, cloud.google.com/tpu/docs/{}"
FACTS = {
    "v3": Facts(16 * GIB, 123e12 / 2, _TPU.format("v3")),
    "v4": Facts(32 * GIB, 275e12, _TPU.format("v4")),
    "v5e": Facts(16 * GIB, 197e12, _TPU.format("v5e")),
    "v5p": Facts(95 * GIB, 459e12, _TPU.format("v5p")),
    "v6e": Facts(32 * GIB, 918e12, _TPU.format("v6e")),
    "tpu7x": Facts(96 * GIB, 2307e12 / 2, _TPU.format("tpu7x")),
    "h100": Facts(80 * 10**9, 989e12, "NVIDIA H100 Tensor Core GPU data sheet, SXM5, dense"),
}
"""By the name before the colon of a target."""

_H100 = """
gpu_device_info {
  cuda_compute_capability { major: 9 minor: 0 }
  core_count: 132 fpus_per_core: 128 clock_rate_ghz: 1.98
  threads_per_warp: 32 threads_per_block_limit: 1024 threads_per_core_limit: 2048
  registers_per_block_limit: 65536 registers_per_core_limit: 65536
  shared_memory_per_block: 49152 shared_memory_per_block_optin: 232448
  shared_memory_per_core: 233472 l2_cache_size: 52428800
  block_dim_limit_x: 2147483647 block_dim_limit_y: 65535 block_dim_limit_z: 65535
  device_memory_size: 85899345920 memory_bandwidth: 3352320000000
}
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 7 }
runtime_version { major: 12 minor: 8 }
"""
"""The facts of an H100 in the words of XLA: CUDA programming guide, compute capability 9.0."""
_GPUS_OF_A_HOST = 8


@dataclass(frozen=True)
class Target:
    """A machine to compile for.

    Args:
        name: as it was asked for.
        mesh: of its devices.
        facts: of each.
    """

    name: str
    mesh: Mesh
    facts: Facts

    @property
    def devices(self) -> int:
        """How many there are."""
        return int(self.mesh.devices.size)


def target_of(name: str, mesh: Mesh, growing: str) -> Target:
    """A machine, with its devices in a mesh.

    Args:
        name: "local", "h100:8", or a TPU as "v5p:8x8x8".
        mesh: what is asked for: its axes, and for "local" its devices.
        growing: the axis that takes as many devices as there are.

    Raises:
        ArgumentError: for a name that is none, or devices that the other axes do not divide.
        MissingExtraError: without the compiler for it.
    """
    if name == "local":
        return Target(name, mesh, _local_facts(mesh))
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+)*)", name)
    if match is None or match[1] not in FACTS or (match[1] == "h100" and "x" in match[2]):
        raise ArgumentError(
            'plan: expected a target as "local", "h100:8" or "v5p:8x8x8" (one of '
            f"{', '.join(FACTS)}), got {name!r}."
        )
    there = _topology(match[1], match[2])
    sizes, count = dict(mesh.shape), len(there.devices)
    others = math.prod(size for axis, size in sizes.items() if axis != growing)
    if count % others:
        raise ArgumentError(
            f"plan: expected {name} to have a multiple of {others} devices for the mesh "
            f"{sizes}, got {count}."
        )
    sizes[growing] = count // others
    return Target(name, topology_mesh(there, tuple(sizes.values()), tuple(sizes)), FACTS[match[1]])


def _topology(kind: str, shape: str) -> Any:
    if kind == "h100":
        _require("jax_plugins.xla_cuda13", "jax_plugins.xla_cuda12", extra="aot-cuda")
        count = int(shape)
        here = min(count, _GPUS_OF_A_HOST)
        if count % here:
            raise ArgumentError(f"plan: expected h100 in whole hosts of 8, got {count}.")
        layout = f"1x{count // here}x{here}"
        return topology("cuda", kind, target_config=_H100, topology=layout)
    _require("libtpu", extra="aot-tpu")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # there is no TPU to ask about
    options = {"chip_config_name": "megacore"} if kind == "v4" else {}
    try:
        return topology("tpu", f"{kind}:{shape}", **options)
    except Exception as error:
        raise ArgumentError(
            f"plan: expected a TPU that libtpu knows, got {kind}:{shape} ({error})."
        ) from error


def _require(*modules: str, extra: str) -> None:
    if any(_is_there(module) for module in modules):
        return
    raise MissingExtraError(
        f"plan: expected the compiler for this target to be installed, got no {modules[0]}. "
        f"Run: pip install 'nnlib[{extra}]'."
    )


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _local_facts(mesh: Mesh) -> Facts:
    devices = list(mesh.devices.flat)
    stats = devices[0].memory_stats() if devices[0].platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return Facts(int(stats["bytes_limit"]), None, "the device itself")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    here = sum(device.process_index == jax.process_index() for device in devices)
    return Facts(memory // max(1, here), None, "the memory of this machine, shared by its devices")
