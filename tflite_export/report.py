"""What an export hands back: the file's content and what is in it."""

from __future__ import annotations

import builtins
import functools
import os
from dataclasses import dataclass, field
from pathlib import Path

from .model_info import ModelInfo
from .reader import read_tflite


@dataclass(frozen=True)
class TensorDetail:
    """An input or output of the file; a size of None is chosen by whoever runs it."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype}[{sizes}]"


@dataclass(frozen=True)
class Report:
    """Result of `export_tflite`.

    Args:
        content: the .tflite file.
        bytes: its length.
        ops: how often each operator occurs.
        max_error: largest absolute difference from JAX, None if that was not checked.
        inputs: the inputs, in order.
        outputs: the outputs, in order.

    Example:
        >>> report = Report(b"", 0, {"TANH": 1}, None, (), ())
        >>> print(report)
        0 bytes, 1 op (TANH 1), not verified
    """

    content: builtins.bytes = field(repr=False)
    bytes: int
    ops: dict[str, int]
    max_error: float | None
    inputs: tuple[TensorDetail, ...]
    outputs: tuple[TensorDetail, ...]

    @functools.cached_property
    def model(self) -> ModelInfo:
        """What is in the file: subgraphs, tensors, operators, signatures and metadata."""
        return read_tflite(self.content)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file.

        Args:
            path: where to; missing folders are created.

        Returns:
            The path.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.content)
        return target

    def __str__(self) -> str:
        total = sum(self.ops.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.ops.items()))
        checked = "not verified" if self.max_error is None else f"max error {self.max_error:.2g}"
        lines = [f"{self.bytes:,} bytes, {total} op{'s' * (total != 1)} ({kinds}), {checked}"]
        lines += [f"  in   {detail}" for detail in self.inputs]
        lines += [f"  out  {detail}" for detail in self.outputs]
        return "\n".join(lines)
