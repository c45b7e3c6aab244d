"""Errors of the exporter, each with the text `<where>: <expected>, got <what>. <what to do>`."""

from __future__ import annotations


class ExportError(Exception):
    """Base of everything that the exporter raises on purpose.

    Example:
        >>> issubclass(UnsupportedOpError, ExportError)
        True
    """

    def __init__(self, where: str, expected: str, got: str, remedy: str) -> None:
        self.where, self.expected, self.got, self.remedy = where, expected, got, remedy
        super().__init__(f"{where}: {expected}, got {got}. {remedy}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        # Exception pickles its single text argument by default, which __init__ would refuse.
        return type(self), (self.where, self.expected, self.got, self.remedy)


class UnsupportedOpError(ExportError):
    """The function uses an operation, a dtype or a shape that a .tflite file cannot express."""


class InputSpecError(ExportError):
    """The input specs cannot be read, or do not fit the function."""


class ExportMismatchError(ExportError):
    """LiteRT computes something else than JAX for the exported file."""


class QuantisationError(ExportError):
    """A quantisation was asked for that is unknown, lacks its data, or gives other results."""


class MissingRuntimeError(ExportError, ImportError):
    """Running a file needs `ai-edge-litert`, which is not installed."""


class MissingPlotError(ExportError, ImportError):
    """Drawing needs Matplotlib, which is not installed."""


class CorruptModelError(ExportError, ValueError):
    """A .tflite file is damaged, or is none: the text names the place in it."""


class MetadataError(ExportError, ValueError):
    """Labels or normalisation that do not fit the model's inputs and outputs."""
