"""The one file that touches private or experimental JAX names, so that an upgrade is one diff.

Tested with jax 0.10.2 (Python 3.11) and 0.12 (Python 3.12).
"""

import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jax._src.config import eager_constant_folding, enable_compilation_cache
from jax.experimental import mesh_utils, topologies
from jax.extend.core import ClosedJaxpr, get_opaque_trace_state, jaxpr_as_fun
from jax.sharding import Mesh


def trace_state() -> Any:
    """A value that equals itself only while JAX is in the same trace (jit, vmap, scan body)."""
    return get_opaque_trace_state(convention="nnlib")


def is_traced() -> bool:
    """Whether a jit, vmap or grad is being traced around us."""
    return trace_state() != _OUTSIDE_OF_TRACES


def _state_of_a_fresh_thread() -> Any:
    """No trace reaches into a new thread, even if nnlib is first imported inside of one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(trace_state).result()


_OUTSIDE_OF_TRACES = _state_of_a_fresh_thread()


def staging() -> Any:
    """A context in which a trace notes everything, even within `jax.ensure_compile_time_eval`."""
    return eager_constant_folding(False)


def changed_program(program: Any, arguments: Any, operations: Any, results: Any) -> Any:
    """A function of a traced program's constants, with other variables and operations of it."""
    names = program.jaxpr.debug_info.with_unknown_names()
    changed = program.jaxpr.replace(
        invars=arguments, eqns=operations, outvars=results, debug_info=names
    )
    return jaxpr_as_fun(ClosedJaxpr(changed, program.consts))


def uncached() -> Any:
    """A context in which programs are compiled, and neither taken from a cache nor put there."""
    return enable_compilation_cache(False)


def _multihost() -> Any:
    return importlib.import_module("jax.experimental.multihost_utils")


def gather_from_all(array: Any) -> Any:
    """(processes, ...) the arrays of all processes, on each."""
    return _multihost().process_allgather(array)


def broadcast(array: Any, source: bool) -> Any:
    """The array of the one process that is the source, on each; all give one of its shape."""
    return _multihost().broadcast_one_to_all(array, is_source=source)


def preemption_reached(step: int) -> bool:
    """Whether a process was told to end, and this is the step at which all of them stop.

    To be asked by every process at every step.
    """
    return bool(_multihost().reached_preemption_sync_point(step))


def topology(platform: str, name: str, **options: Any) -> Any:
    """Devices that are not here, to compile for; `.devices` are in no order that matters."""
    return topologies.get_topology_desc(name, platform, **options)


def topology_mesh(
    topology: Any, sizes: Sequence[int], axes: Sequence[str], slices: Sequence[int]
) -> Mesh:
    """Devices of a topology, in a mesh whose neighbours are neighbours.

    `slices` says how many slices, one after the other, each axis has; the sizes are those of all.
    """
    within = [size // count for size, count in zip(sizes, slices, strict=True)]
    devices = list(topology.devices)
    if max(slices) > 1:
        made = mesh_utils.create_hybrid_device_mesh(
            within, list(slices), devices, allow_split_physical_axes=True
        )
    else:
        made = mesh_utils.create_device_mesh(within, devices, allow_split_physical_axes=True)
    return Mesh(made, tuple(axes))


__all__ = [
    "broadcast",
    "changed_program",
    "gather_from_all",
    "is_traced",
    "jaxpr_as_fun",
    "preemption_reached",
    "staging",
    "topology",
    "topology_mesh",
    "trace_state",
    "uncached",
]
