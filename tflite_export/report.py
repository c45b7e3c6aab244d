"""What an export hands back: the file's content and what is in it."""

from __future__ import annotations

import builtins
import functools
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .arena import Arena, estimate_arena
from .c_header import c_header
from .examples import LANGUAGES, write_example
from .file_content import FileContent
from .model_info import ModelInfo
from .partitions import Partitions, partitions
from .plotting import plot_model
from .quantise.quality import QuantisationReport
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

    @functools.cached_property
    def model(self) -> ModelInfo:
        """What is in the file: subgraphs, tensors, operators, signatures and metadata."""
        return read_tflite(self.content)

    @functools.cached_property
    def arena(self) -> Arena:
        """Working memory that the model needs in TensorFlow Lite Micro, estimated."""
        return estimate_arena(self.model)

    @functools.cached_property
    def partitions(self) -> Partitions:
        """How LiteRT shares the model among delegates.

        Raises:
            MissingRuntimeError: `ai-edge-litert` is not installed.
        """
        return partitions(self.content)

    def write_c_header(self, path: str | os.PathLike[str], name: str | None = None) -> Path:
        """Write the model as a C array, with its length and the size of its arena.

        Args:
            path: where to; missing folders are created.
            name: of the array; by default after the file.

        Returns:
            The path.

        Raises:
            ExportError: the name is no identifier of C.
        """
        target = Path(path)
        text = c_header(self.content, name or target.stem, self.arena.total)
        return FileContent([text.encode("ascii")]).write(target)

    def write_example(
        self,
        folder: str | os.PathLike[str],
        languages: Sequence[str] = LANGUAGES,
        name: str = "model",
    ) -> list[Path]:
        """Write the model, and programs that run it with its names, shapes and labels.

        They run the first signature on zeros, with sizes of 1 where the file leaves them free.

        Args:
            folder: where to; it is made if missing.
            languages: among "python", "kotlin", "java", "swift" and "cpp".
            name: of the model's file, without its ending.

        Returns:
            The paths of the programs.

        Raises:
            ExportError: for a language that is none of them, or a name that is none of a file.
        """
        return write_example(self.file, self.model, folder, languages, name)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw which constants take the space, and how often each operator occurs.

        Args:
            path: a .png, .svg or .pdf file to write; None only draws.

        Returns:
            Matplotlib's figure, which notebooks show.

        Raises:
            MissingPlotError: without Matplotlib: `pip install 'nnlib[plot]'`.
        """
        return plot_model(self.model, path, str(self).splitlines()[0])

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the file.

        Args:
            path: where to; missing folders are created.

        Returns:
            The path.
        """
        return self.file.write(path)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

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
