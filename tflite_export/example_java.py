"""The example in Java, for Android."""

from __future__ import annotations

from .example_facts import ExampleFacts, TensorFacts, comment, quoted

FILE = "RunModel.java"
GETTERS = {"float32": "getFloat()", "int32": "getInt()", "int16": "getShort()"}


def program(facts: ExampleFacts) -> str:
    """The text of the program.

    Args:
        facts: about the model.

    Returns:
        Source code of a class that runs the model.
    """
    inputs = "\n".join(_input(number, tensor) for number, tensor in enumerate(facts.inputs))
    outputs = "\n".join(_output(number, tensor) for number, tensor in enumerate(facts.outputs))
    results = "\n".join(_result(number, tensor) for number, tensor in enumerate(facts.outputs))
    return f"""
// Runs {comment(facts.file)}.
// In build.gradle: implementation 'com.google.ai.edge.litert:litert:1.+'
// The model needs TensorFlow Lite {facts.runtime} or newer.
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Interpreter;

public final class RunModel {{
  private static ByteBuffer buffer(int bytes) {{
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }}

  /** Runs the model once on zeros; fill the buffers with your data, element by element. */
  public static void run(File model) {{
    try (Interpreter interpreter = new Interpreter(model)) {{
      Map<String, Object> inputs = new HashMap<>();
{inputs}
      Map<String, Object> outputs = new HashMap<>();
{outputs}
      interpreter.runSignature(inputs, outputs, {quoted(facts.signature)});
{results}
    }}
  }}
}}
"""


def _input(number: int, tensor: TensorFacts) -> str:
    return f"""      // {comment(tensor.name)}: {tensor.note}
      ByteBuffer input{number} = buffer({tensor.bytes});
      inputs.put({quoted(tensor.name)}, input{number});"""


def _output(number: int, tensor: TensorFacts) -> str:
    return f"""      // {comment(tensor.name)}: {tensor.note}
      ByteBuffer output{number} = buffer({tensor.bytes});
      outputs.put({quoted(tensor.name)}, output{number});"""


def _result(number: int, tensor: TensorFacts) -> str:
    getter = f"output{number}.{GETTERS.get(tensor.dtype, 'get()')}"
    if tensor.dtype == "uint8":
        getter = f"({getter} & 0xff)"
    lines = [f"      output{number}.rewind();"]
    text = "i"
    if tensor.labels:
        labels = ", ".join(map(quoted, tensor.labels))
        lines.append(f"      String[] labels{number} = {{{labels}}};")
        text = f"labels{number}[i % labels{number}.length]"
    lines += [
        f"      for (int i = 0; i < {tensor.count}; i++) {{",
        f'        System.out.println({text} + ": " + {tensor.real(getter)});',
        "      }",
    ]
    return "\n".join(lines)
