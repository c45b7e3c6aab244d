"""Export of inference functions and models to `.tflite` files.

    report = export_tflite(model, path="model.tflite")
    report = export_tflite(fn, (TensorSpec((None, 784)),))
    report = export_tflite(signatures={"encode": encoder, "decode": (decode, specs)})
    report = export_tflite(model, quantize="int8", representative=images)

Loops and branches are graphs inside operators; `rnn=` says what becomes of recurrent layers.
The pipeline is `trace` (a jaxpr with free sizes) -> `lowering` (one function for each primitive)
-> `rewrites` (recognise, fold, fuse, make legal) -> `quantise` (on request) -> `flatbuffer_writer`;
`verify` compares the result with JAX. Writing needs only `flatbuffers`; running needs
`pip install 'nnlib[tflite]'`.
"""

from .convert import export_tflite, supported_primitives
from .converter import TFLiteConverter
from .debugger import QuantisationDebug, debug_quantisation
from .errors import (
    CorruptModelError,
    ExportError,
    ExportMismatchError,
    InputSpecError,
    MetadataError,
    MissingPlotError,
    MissingRuntimeError,
    QuantisationError,
    UnsupportedOpError,
)
from .interpreter import Interpreter, load_delegate
from .metadata import Metadata
from .model_info import ModelInfo
from .quantise import Calibration, LayerError, QuantisationReport, Quantise
from .reader import read_tflite
from .report import Report, SignatureDetail, TensorDetail
from .specs import TensorSpec
from .target_spec import OpsSet, Optimize, RepresentativeDataset, TargetSpec

__all__ = [
    "Calibration",
    "CorruptModelError",
    "ExportError",
    "ExportMismatchError",
    "InputSpecError",
    "Interpreter",
    "LayerError",
    "Metadata",
    "MetadataError",
    "MissingPlotError",
    "MissingRuntimeError",
    "ModelInfo",
    "OpsSet",
    "Optimize",
    "QuantisationDebug",
    "QuantisationError",
    "QuantisationReport",
    "Quantise",
    "Report",
    "RepresentativeDataset",
    "SignatureDetail",
    "TFLiteConverter",
    "TargetSpec",
    "TensorDetail",
    "TensorSpec",
    "UnsupportedOpError",
    "debug_quantisation",
    "export_tflite",
    "load_delegate",
    "read_tflite",
    "supported_primitives",
]
