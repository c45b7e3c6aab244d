"""For which machines a program can be compiled ahead of time, and what they can hold."""

import contextlib
import dataclasses
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
        memory: bytes that a program may use.
        flops: the peak in a second, of products of bfloat16 numbers; None where it is not known.
        source: of both.
    """

    memory: int
    flops: float | None
    source: str


def _tpu(memory: float, flops: float, title: str, devices: int = 1) -> Facts:
    source = f"Google Cloud documentation, {title}; memory: what libtpu leaves to a program"
    return Facts(int(memory * GIB), flops / devices, source)


# Peaks are those of the page "System architecture" of each generation. It has the memory of a
# chip, too: 32, 32, 16, 95, 32 and 192 GiB. A part of that is not for programs; what is left, the
# compiler says when it refuses one (libtpu 0.0.42 and 0.0.50 agree within 0.01 GiB).
FACTS = {
    "v3": _tpu(15.48, 123e12, "TPU v3", devices=2),
    "v4": _tpu(30.75, 275e12, "TPU v4"),
    "v5e": _tpu(15.75, 197e12, "TPU v5e"),
    "v5p": _tpu(95.73, 459e12, "TPU v5p"),
    "v6e": _tpu(31.24, 918e12, "TPU v6e"),
    "tpu7x": _tpu(94.74, 2307e12, "TPU7x (Ironwood)", devices=2),
    "h100": Facts(
        84_942_979_072,
        132 * 4 * 512 * 2 * 1.8295201e9,  # cores, units, products a clock, and a sum with each
        "OpenXLA, xla/backends/gpu/target_config/specs/h100_sxm.txtpb",
    ),
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
  device_memory_size: 84942979072 memory_bandwidth: 3352320000000
}
platform_name: "CUDA"
device_description_str: "NVIDIA H100 80GB HBM3"
dnn_version_info { major: 9 minor: 7 }
runtime_version { major: 12 minor: 8 }
"""
"""The facts of an H100 SXM in the words of XLA, from the same file."""
_GPUS_OF_A_HOST = 8


@dataclass(frozen=True)
class Target:
    """A machine to compile for.

    Args:
        name: as it was asked for.
        mesh: of its devices.
        facts: of each.
        slices: of TPUs, connected by a slow network.
    """

    name: str
    mesh: Mesh
    facts: Facts
    slices: int = 1

    @property
    def devices(self) -> int:
        """How many there are."""
        return int(self.mesh.devices.size)


def target_of(name: str, mesh: Mesh, growing: str) -> Target:
    """A machine, with its devices in a mesh.

    Args:
        name: "local", "h100:8", a TPU as "v5p:8x8x8", or slices of them as "2xv5p:8x8x8".
        mesh: what is asked for: its axes, and for "local" its devices.
        growing: the axis that takes as many devices as there are, and on which slices lie one
            after the other.

    Raises:
        ArgumentError: for a name that is none, or devices that the other axes do not divide.
        MissingExtraError: without the compiler for it.
    """
    if name == "local":
        return Target(name, mesh, _local_facts(mesh))
    match = re.fullmatch(
        rf"(?:([1-9]\d*)x)?({'|'.join(FACTS)}):([1-9]\d*(?:x[1-9]\d*)*)", str(name)
    )
    if match is None or (match[2] == "h100" and (match[1] or "x" in match[3])):
        raise ArgumentError(
            'plan: expected a target as "local", "h100:8", "v5p:8x8x8", or "2xv5p:8x8x8" for two '
            f"slices (one of {', '.join(FACTS)}), got {name!r}."
        )
    slices, kind = int(match[1] or 1), match[2]
    there = _topology(kind, match[3], slices)
    sizes, count = dict(mesh.shape), len(there.devices)
    others = math.prod(size for axis, size in sizes.items() if axis != growing)
    if count % (others * slices):
        raise ArgumentError(
            f"plan: expected {name} to have a multiple of {others} devices"
            f"{' in each slice' if slices > 1 else ''} for the mesh {sizes}, got {count // slices}."
        )
    sizes[growing] = count // others
    of_slices = [slices if axis == growing else 1 for axis in sizes]
    made = topology_mesh(there, tuple(sizes.values()), tuple(sizes), of_slices)
    return Target(name, made, _usable(FACTS[kind]) if kind == "h100" else FACTS[kind], slices)


def _usable(facts: Facts) -> Facts:
    """Of a GPU JAX takes three quarters, unless the environment says another part."""
    names = ("XLA_CLIENT_MEM_FRACTION", "XLA_PYTHON_CLIENT_MEM_FRACTION")
    given = next((os.environ[name] for name in names if os.environ.get(name)), "0.75")
    part = math.nan
    with contextlib.suppress(ValueError):
        part = float(given)
    if not 0 < part <= 1:
        raise ArgumentError(
            f"plan: expected {names[0]} as a part of the memory, got {given!r}. Write 0.75."
        )
    source = f"{facts.source}; {part:.0%} of its memory, as {names[0]} says or by default"
    return dataclasses.replace(facts, memory=int(part * facts.memory), source=source)


def _topology(kind: str, shape: str, slices: int) -> Any:
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
    options: dict[str, Any] = {"chip_config_name": "megacore"} if kind == "v4" else {}
    if slices > 1:
        options["num_slices"] = slices
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
