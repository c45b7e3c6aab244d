"""What the example programs say about a model, taken from the file itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .inspection import quantisation_text
from .model_info import ModelInfo, TensorInfo


@dataclass(frozen=True)
class TensorFacts:
    """An input or output with sizes that are numbers: 1 where the file leaves them free."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    free: bool
    scale: float | None
    zero_point: int
    labels: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    note: str

    @property
    def count(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class ExampleFacts:
    """Everything that an example program needs to know."""

    file: str
    signature: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    runtime: str


def facts_of(info: ModelInfo, file: str) -> ExampleFacts:
    """The facts of a model.

    Args:
        info: what `read_tflite` found.
        file: name of the model's file.

    Returns:
        The facts, of the first signature.
    """
    about = info.described
    labels, mean, std = (
        dict(getattr(about, what) or {}) if about else {} for what in ("labels", "mean", "std")
    )
    if info.signatures:
        first = info.signatures[0]
        tensors = info.subgraphs[first.subgraph].tensors
        ends = [[(n, tensors[i]) for n, i in e.items()] for e in (first.inputs, first.outputs)]
    else:
        ends = [[(t.name, t) for t in found] for found in (info.inputs, info.outputs)]
    inputs, outputs = (
        tuple(
            _tensor(n, t, tuple(labels.get(n, ())), tuple(mean.get(n, ())), tuple(std.get(n, ())))
            for n, t in end
        )
        for end in ends
    )
    return ExampleFacts(
        file=file,
        signature=info.signatures[0].key if info.signatures else "",
        inputs=inputs,
        outputs=outputs,
        runtime=info.min_runtime_version or "",
    )


def _tensor(
    name: str,
    tensor: TensorInfo,
    labels: tuple[str, ...],
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> TensorFacts:
    quantised = tensor.quantisation is not None and tensor.quantisation.scale.size == 1
    scale, zero = None, 0
    if quantised and tensor.quantisation is not None:
        scale = float(tensor.quantisation.scale[0])
        points = tensor.quantisation.zero_point
        zero = int(points[0]) if points.size else 0
    notes = [tensor.describe()]
    if scale is not None:
        notes.append(f"real = {quantisation_text(tensor.quantisation)}")
    if std:
        notes.append(f"(raw - {_short(mean)}) / {_short(std)}")
    shape = tuple(size or 1 for size in tensor.shape)
    return TensorFacts(
        name, tensor.dtype, shape, None in tensor.shape, scale, zero, labels, mean, std,
        ", ".join(notes),
    )  # fmt: skip


def _short(values: tuple[float, ...]) -> str:
    return str(values[0]) if len(values) == 1 else str(list(values))


def quoted(text: str) -> str:
    """A string literal, with the escapes that Python, Kotlin, Java, Swift and C++ share."""
    plain = comment(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def comment(text: str) -> str:
    """Text that stays within one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
