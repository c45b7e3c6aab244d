"""The example in Swift, for iOS."""

from __future__ import annotations

from .example_facts import ExampleFacts, TensorFacts, comment, quoted_line

FILE = "RunModel.swift"
_TYPES = {
    "float32": "Float32",
    "int32": "Int32",
    "int16": "Int16",
    "int8": "Int8",
    "uint8": "UInt8",
    "bool": "Bool",
}


def program(facts: ExampleFacts) -> str:
    """The text of the program.

    Args:
        facts: about the model.

    Returns:
        Source code of a function that runs the model.
    """
    inputs = "\n".join(_input(number, tensor) for number, tensor in enumerate(facts.inputs))
    outputs = "\n".join(_output(number, tensor) for number, tensor in enumerate(facts.outputs))
    return f"""
// Runs {comment(facts.file)}. In the Podfile: pod 'TensorFlowLiteSwift'
// The model needs TensorFlow Lite {facts.runtime} or newer.
import Foundation
import TensorFlowLite

/// Runs the model once on zeros; replace them by your data.
func runModel(path: String) throws {{
  let interpreter = try Interpreter(modelPath: path)
  try interpreter.allocateTensors()
{inputs}
  try interpreter.invoke()
{outputs}
}}
"""


def _input(number: int, tensor: TensorFacts) -> str:
    kind = _TYPES[tensor.dtype]
    zero = "false" if kind == "Bool" else "0"
    return f"""  // {comment(tensor.name)}: {tensor.note}
  let input{number} = [{kind}](repeating: {zero}, count: {tensor.count})
  let data{number} = input{number}.withUnsafeBufferPointer {{ Data(buffer: $0) }}
  try interpreter.copy(data{number}, toInputAt: {number})"""


def _output(number: int, tensor: TensorFacts) -> str:
    kind = _TYPES[tensor.dtype]
    real = tensor.real("value" if tensor.scale is None else "Double(value)")
    text = "index"
    lines = [
        f"  // {comment(tensor.name)}: {tensor.note}",
        f"  let output{number} = try interpreter.output(at: {number})",
        f"  let values{number} = output{number}.data.withUnsafeBytes "
        f"{{ Array($0.bindMemory(to: {kind}.self)) }}",
    ]
    if tensor.labels:
        labels = ", ".join(map(quoted_line, tensor.labels))
        lines.append(f"  let labels{number} = [{labels}]")
        text = f"labels{number}[index % labels{number}.count]"
    lines += [
        f"  for (index, value) in values{number}.enumerated() {{",
        f"    print({text}, {real})",
        "  }",
    ]
    return "\n".join(lines)
