"""How LiteRT shares a model among its delegates: few large parts are fast, many small ones slow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .interpreter import Interpreter

_DELEGATE = "DELEGATE"


@dataclass(frozen=True)
class Partitions:
    """The parts of the main graph as LiteRT runs it with XNNPACK on the CPU.

    Args:
        delegated: parts that XNNPACK runs; 1 is best.
        outside: names of the operators that run one by one, in order.
    """

    delegated: int
    outside: tuple[str, ...]

    def __str__(self) -> str:
        parts = f"{self.delegated} XNNPACK partition{'s' * (self.delegated != 1)}"
        return f"{parts}, {len(self.outside)} operator{'s' * (len(self.outside) != 1)} outside"


def partitions(content: bytes) -> Partitions:
    """The partitions that LiteRT makes of a file.

    Args:
        content: the file.

    Returns:
        Their number, and what runs outside of them.

    Raises:
        MissingRuntimeError: `ai-edge-litert` is not installed.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> print(partitions(export_tflite(jnp.tanh, TensorSpec((2, 2))).content))
        1 XNNPACK partition, 0 operators outside
    """
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    return partitions_of(interpreter._get_ops_details())  # LiteRT has no public name for this


def partitions_of(details: list[dict[str, Any]]) -> Partitions:
    """The partitions of a loaded file.

    Args:
        details: what LiteRT tells of each operator: `index`, `op_name`, `inputs` and `outputs`.

    Returns:
        Their number, and what runs outside of them.
    """
    delegates = [d for d in details if d["op_name"] == _DELEGATE]
    inside = {number for delegate in delegates for number in _members(delegate, details)}
    outside = (d for d in details if d["op_name"] != _DELEGATE and d["index"] not in inside)
    return Partitions(len(delegates), tuple(d["op_name"] for d in outside))


def _members(delegate: dict[str, Any], details: list[dict[str, Any]]) -> set[int]:
    """Numbers of the operators that a delegate replaced: those between its inputs and outputs."""
    producers = {
        int(tensor): d for d in details if d["op_name"] != _DELEGATE for tensor in d["outputs"]
    }
    stop = {int(tensor) for tensor in delegate["inputs"]}
    pending = [int(tensor) for tensor in delegate["outputs"]]
    found: set[int] = set()
    while pending:
        tensor = pending.pop()
        producer = producers.get(tensor)
        if tensor in stop or producer is None or producer["index"] in found:
            continue
        found.add(producer["index"])
        pending.extend(int(source) for source in producer["inputs"])
    return found
