"""Export of inference functions and models to `.tflite` files.

    report = export_tflite(model, path="model.tflite")
    report = export_tflite(fn, (TensorSpec((None, 784)),))
    report = export_tflite(signatures={"encode": encoder, "decode": (decode, specs)})

Loops and branches are graphs inside operators; `rnn=` says what becomes of recurrent layers.
The pipeline is `trace` (a jaxpr with free sizes) -> `lowering` (one function for each primitive)
-> `rewrites` (recognise, fold, fuse, make legal) -> `flatbuffer_writer`; `verify` compares the
result with JAX. Writing needs only `flatbuffers`; running needs `pip install 'nnlib[tflite]'`.
"""

from .convert import export_tflite, supported_primitives
from .converter import TFLiteConverter
from .errors import (
    ExportError,
    ExportMismatchError,
    InputSpecError,
    MissingRuntimeError,
    UnavailableOptionError,
    UnsupportedOpError,
)
from .interpreter import Interpreter, load_delegate
from .report import Report, SignatureDetail, TensorDetail
from .specs import TensorSpec

__all__ = [
    "ExportError",
    "ExportMismatchError",
    "InputSpecError",
    "Interpreter",
    "MissingRuntimeError",
    "Report",
    "SignatureDetail",
    "TFLiteConverter",
    "TensorDetail",
    "TensorSpec",
    "UnavailableOptionError",
    "UnsupportedOpError",
    "export_tflite",
    "load_delegate",
    "supported_primitives",
]
