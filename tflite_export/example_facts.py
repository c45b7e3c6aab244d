"""What the example programs say about a model, taken from the file itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .inspection import quantisation_text
from .model_info import ModelInfo, TensorInfo

_BYTES = {"float32": 4, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@dataclass(frozen=True)
class TensorFacts:
    """An input or output with sizes that are numbers: 1 where the file leaves them free."""

    name: str
    dtype: str
    shape: tuple[int, ...]
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

    @property
    def bytes(self) -> str:
        """Length of a buffer for it, as an expression."""
        return f"{self.count} * {_BYTES[self.dtype]}"

    def real(self, stored: str) -> str:
        """The expression of the real number that a stored one, an expression too, stands for."""
        if self.scale is None:
            return stored
        return f"{self.scale!r} * ({stored} - ({self.zero_point}))"


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
    if None in tensor.shape:
        notes.append("? is 1 here")
    shape = tuple(size or 1 for size in tensor.shape)
    return TensorFacts(name, tensor.dtype, shape, scale, zero, labels, mean, std, ", ".join(notes))


def _short(values: tuple[float, ...]) -> str:
    return str(values[0]) if len(values) == 1 else str(list(values))


def quoted(text: str) -> str:
    """A string literal, with the escapes that Python, Java and Kotlin share."""
    return '"' + "".join(_ESCAPES.get(letter) or _escaped(letter) for letter in text) + '"'


def quoted_line(text: str) -> str:
    """A string literal for Swift and C++ too, in which what cannot be printed is lost."""
    return quoted("".join(letter if letter.isprintable() else "?" for letter in text))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 1 << 16 else "?"


def comment(text: str) -> str:
    """Text that stays within a comment of one line: a backslash means something even there."""
    return "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
