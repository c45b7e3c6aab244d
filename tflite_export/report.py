"""What an export hands back: the file's content and what is in it."""

from __future__ import annotations

import builtins
import os
from dataclasses import dataclass, field
from pathlib import Path

from .file_content import FileContent
from .quantise.quality import QuantisationReport


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
class SignatureDetail:
    """A function of the file: its key and what goes in and comes out."""

    key: str
    inputs: tuple[TensorDetail, ...]
    outputs: tuple[TensorDetail, ...]

    def __str__(self) -> str:
        lines = [f"  in   {detail}" for detail in self.inputs]
        return "\n".join(lines + [f"  out  {detail}" for detail in self.outputs])


@dataclass(frozen=True)
class Report:
    """Result of `export_tflite`.

    Args:
        file: the .tflite file, in parts.
        bytes: its length.
        ops: how often each operator occurs.
        max_error: largest absolute difference from JAX, None if that was not checked.
        signatures: the functions, the first one first.
        quantisation: how good the file is next to floats; None for a float32 file.

    Example:
        >>> nothing = SignatureDetail("serving_default", (), ())
        >>> report = Report(FileContent([b""]), 0, {"TANH": 1}, None, (nothing,))
        >>> print(report)
        0 bytes, 1 op (TANH 1), not verified
    """

    file: FileContent = field(repr=False)
    bytes: int
    ops: dict[str, int]
    max_error: float | None
    signatures: tuple[SignatureDetail, ...]
    quantisation: QuantisationReport | None = None

    @property
    def content(self) -> builtins.bytes:
        """The .tflite file as one value; `save` needs less memory for a large one."""
        return self.file.joined

    @property
    def inputs(self) -> tuple[TensorDetail, ...]:
        """Inputs of the first signature, in order."""
        return self.signatures[0].inputs

    @property
    def outputs(self) -> tuple[TensorDetail, ...]:
        """Outputs of the first signature, in order."""
        return self.signatures[0].outputs

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file.

        Args:
            path: where to; missing folders are created.

        Returns:
            The path.
        """
        return self.file.write(path)

    def __str__(self) -> str:
        total = sum(self.ops.values())
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.ops.items()))
        checked = "not verified" if self.max_error is None else f"max error {self.max_error:.2g}"
        lines = [f"{self.bytes:,} bytes, {total} op{'s' * (total != 1)} ({kinds}), {checked}"]
        for signature in self.signatures:
            lines += [f"  {signature.key}:"] if len(self.signatures) > 1 else []
            lines += [str(signature)] if signature.inputs or signature.outputs else []
        if self.quantisation is not None:
            lines.append(f"  {self.quantisation}")
        return "\n".join(lines)
