"""The example in C++, for anything that TensorFlow Lite is built for."""

from __future__ import annotations

from .example_facts import ExampleFacts, TensorFacts, comment, quoted_line

FILE = "run_model.cc"
_TYPES = {
    "float32": "float",
    "int32": "int32_t",
    "int16": "int16_t",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "bool": "bool",
}


def program(facts: ExampleFacts) -> str:
    """The text of the program.

    Args:
        facts: about the model.

    Returns:
        Source code that runs the model.
    """
    inputs = "\n".join(_input(number, tensor) for number, tensor in enumerate(facts.inputs))
    outputs = "\n".join(_output(number, tensor) for number, tensor in enumerate(facts.outputs))
    return f"""
// Runs {comment(facts.file)}; the model needs TensorFlow Lite {facts.runtime} or newer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>

#if __has_include("tflite/interpreter.h")  // sources of LiteRT
#include "tflite/interpreter.h"
#include "tflite/interpreter_builder.h"
#include "tflite/kernels/register.h"
#include "tflite/model_builder.h"
#else  // sources of TensorFlow
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/interpreter_builder.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model_builder.h"
#endif

int main() {{
  auto model = tflite::FlatBufferModel::BuildFromFile({quoted_line(facts.file)});
  if (!model) return 1;
  tflite::ops::builtin::BuiltinOpResolver resolver;
  std::unique_ptr<tflite::Interpreter> interpreter;
  tflite::InterpreterBuilder(*model, resolver)(&interpreter);
  if (!interpreter || interpreter->AllocateTensors() != kTfLiteOk) return 1;
{inputs}
  if (interpreter->Invoke() != kTfLiteOk) return 1;
{outputs}
  return 0;
}}
"""


def _input(number: int, tensor: TensorFacts) -> str:
    kind = _TYPES[tensor.dtype]
    return f"""  // {comment(tensor.name)}: {tensor.note}; replace the zeros by your data.
  {kind}* input{number} = interpreter->typed_input_tensor<{kind}>({number});
  std::fill(input{number}, input{number} + {tensor.count}, {kind}(0));"""


def _output(number: int, tensor: TensorFacts) -> str:
    kind = _TYPES[tensor.dtype]
    real = tensor.real(f"static_cast<double>(output{number}[i])")
    lines = [
        f"  // {comment(tensor.name)}: {tensor.note}",
        f"  const {kind}* output{number} = interpreter->typed_output_tensor<{kind}>({number});",
        f"  const std::size_t count{number} = "
        f"interpreter->output_tensor({number})->bytes / sizeof({kind});",
    ]
    shown = f'std::printf("%zu: %g\\n", i, {real});'
    if tensor.labels:
        labels = ", ".join(map(quoted_line, tensor.labels))
        lines.append(f"  const char* labels{number}[] = {{{labels}}};")
        shown = f'std::printf("%s: %g\\n", labels{number}[i % {len(tensor.labels)}], {real});'
    loop = f"  for (std::size_t i = 0; i < count{number}; i++) {{"
    return "\n".join([*lines, loop, f"    {shown}", "  }"])
