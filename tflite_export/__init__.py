"""Export of inference functions and models to `.tflite` files.

    report = export_tflite(model, path="model.tflite")
    report = export_tflite(fn, (TensorSpec((None, 784)),))

The pipeline is `trace` (a jaxpr with free sizes) -> `lowering` (one function for each primitive)
-> `rewrites` (recognise, fold, fuse, make legal) -> `flatbuffer_writer`; `verify` compares the
result with JAX. Writing needs only `flatbuffers`; running needs `pip install 'nnlib[tflite]'`.
"""

from .convert import export_tflite, supported_primitives
from .converter import TFLiteConverter
from .errors import (
    CorruptModelError,
    ExportError,
    ExportMismatchError,
    InputSpecError,
    MetadataError,
    MissingPlotError,
    MissingRuntimeError,
    UnavailableOptionError,
    UnsupportedOpError,
)
from .interpreter import Interpreter, load_delegate
from .metadata import Metadata
from .model_info import ModelInfo
from .reader import read_tflite
from .report import Report, TensorDetail
from .specs import TensorSpec

__all__ = [
    "CorruptModelError",
    "ExportError",
    "ExportMismatchError",
    "InputSpecError",
    "Interpreter",
    "Metadata",
    "MetadataError",
    "MissingPlotError",
    "MissingRuntimeError",
    "ModelInfo",
    "Report",
    "TFLiteConverter",
    "TensorDetail",
    "TensorSpec",
    "UnavailableOptionError",
    "UnsupportedOpError",
    "export_tflite",
    "load_delegate",
    "read_tflite",
    "supported_primitives",
]
