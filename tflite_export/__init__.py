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

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "Calibration": "quantise",
    "CorruptModelError": "errors",
    "ExportError": "errors",
    "ExportMismatchError": "errors",
    "InputSpecError": "errors",
    "Interpreter": "interpreter",
    "LayerError": "quantise",
    "Metadata": "metadata",
    "MetadataError": "errors",
    "MissingPlotError": "errors",
    "MissingRuntimeError": "errors",
    "ModelInfo": "model_info",
    "OpsSet": "target_spec",
    "Optimize": "target_spec",
    "QuantisationDebug": "debugger",
    "QuantisationError": "errors",
    "QuantisationReport": "quantise",
    "Quantise": "quantise",
    "Report": "report",
    "RepresentativeDataset": "target_spec",
    "SignatureDetail": "report",
    "TFLiteConverter": "converter",
    "TargetSpec": "target_spec",
    "TensorDetail": "report",
    "TensorSpec": "specs",
    "UnsupportedOpError": "errors",
    "debug_quantisation": "debugger",
    "export_tflite": "convert",
    "load_delegate": "interpreter",
    "read_tflite": "reader",
    "supported_primitives": "convert",
}

__all__ = [*_NAMES]  # noqa: PLE0604

if TYPE_CHECKING:
    from .convert import export_tflite as export_tflite
    from .convert import supported_primitives as supported_primitives
    from .converter import TFLiteConverter as TFLiteConverter
    from .debugger import QuantisationDebug as QuantisationDebug
    from .debugger import debug_quantisation as debug_quantisation
    from .errors import CorruptModelError as CorruptModelError
    from .errors import ExportError as ExportError
    from .errors import ExportMismatchError as ExportMismatchError
    from .errors import InputSpecError as InputSpecError
    from .errors import MetadataError as MetadataError
    from .errors import MissingPlotError as MissingPlotError
    from .errors import MissingRuntimeError as MissingRuntimeError
    from .errors import QuantisationError as QuantisationError
    from .errors import UnsupportedOpError as UnsupportedOpError
    from .interpreter import Interpreter as Interpreter
    from .interpreter import load_delegate as load_delegate
    from .metadata import Metadata as Metadata
    from .model_info import ModelInfo as ModelInfo
    from .quantise import Calibration as Calibration
    from .quantise import LayerError as LayerError
    from .quantise import QuantisationReport as QuantisationReport
    from .quantise import Quantise as Quantise
    from .reader import read_tflite as read_tflite
    from .report import Report as Report
    from .report import SignatureDetail as SignatureDetail
    from .report import TensorDetail as TensorDetail
    from .specs import TensorSpec as TensorSpec
    from .target_spec import OpsSet as OpsSet
    from .target_spec import Optimize as Optimize
    from .target_spec import RepresentativeDataset as RepresentativeDataset
    from .target_spec import TargetSpec as TargetSpec


def __getattr__(name: str) -> Any:
    """Import on first use (PEP 562), so that reading a file does not wait for JAX."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
