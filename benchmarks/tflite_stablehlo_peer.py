"""Converts StableHLO text with litert-converter, in an environment that has that package.

`benchmarks/tflite_operators.py` calls it: `python tflite_stablehlo_peer.py model.mlir out.tflite`.
"""

import sys
from pathlib import Path

from litert_converter import converter_api_ext as converter
from litert_converter.mlir import ir, passmanager


def converted(text: str) -> bytes:
    """The content of a file for the public function of a module."""
    context = ir.Context()
    converter.prepare_mlir_context(context)
    with context:
        module = ir.Module.parse(text)
        passes = passmanager.PassManager()
        converter.run_convert_to_tfl_passes(module, passes, converter.ConvertToTFLConfig())
        return converter.export_flatbuffer_to_bytes(module.operation)


if __name__ == "__main__":
    source, out = map(Path, sys.argv[1:])
    out.write_bytes(converted(source.read_text()))
