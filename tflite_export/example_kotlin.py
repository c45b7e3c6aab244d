"""The example in Kotlin, for Android."""

from __future__ import annotations

from .example_facts import ExampleFacts, TensorFacts, comment
from .example_facts import quoted as plainly_quoted
from .example_java import GETTERS

FILE = "RunModel.kt"


def quoted(text: str) -> str:
    """A string literal; a dollar would put a value in."""
    return plainly_quoted(text).replace("$", "\\$")


def program(facts: ExampleFacts) -> str:
    """The text of the program.

    Args:
        facts: about the model.

    Returns:
        Source code of a function that runs the model.
    """
    inputs = "\n".join(_buffer("input", n, tensor) for n, tensor in enumerate(facts.inputs))
    outputs = "\n".join(_buffer("output", n, tensor) for n, tensor in enumerate(facts.outputs))
    given = ", ".join(f"{quoted(t.name)} to input{n}" for n, t in enumerate(facts.inputs))
    taken = ", ".join(f"{quoted(t.name)} to output{n}" for n, t in enumerate(facts.outputs))
    results = "\n".join(_result(number, tensor) for number, tensor in enumerate(facts.outputs))
    return f"""
// Runs {comment(facts.file)}.
// In build.gradle.kts: implementation("com.google.ai.edge.litert:litert:1.+")
// The model needs TensorFlow Lite {facts.runtime} or newer.
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter

private fun buffer(bytes: Int): ByteBuffer =
    ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())

/** Runs the model once on zeros; fill the buffers with your data, element by element. */
fun runModel(model: File) {{
{inputs}
{outputs}
    Interpreter(model).use {{ interpreter ->
        interpreter.runSignature(
            mapOf<String, Any>({given}),
            mapOf<String, Any>({taken}),
            {quoted(facts.signature)},
        )
    }}
{results}
}}
"""


def _buffer(role: str, number: int, tensor: TensorFacts) -> str:
    return f"""    // {comment(tensor.name)}: {tensor.note}
    val {role}{number} = buffer({tensor.bytes})"""


def _result(number: int, tensor: TensorFacts) -> str:
    getter = f"output{number}.{GETTERS.get(tensor.dtype, 'get()')}"
    if tensor.dtype == "uint8":
        getter = f"{getter}.toUByte().toInt()"
    lines = [f"    output{number}.rewind()"]
    text = "$i"
    if tensor.labels:
        labels = ", ".join(map(quoted, tensor.labels))
        lines.append(f"    val labels{number} = listOf({labels})")
        text = f"${{labels{number}[i % labels{number}.size]}}"
    lines += [
        f"    for (i in 0 until {tensor.count}) {{",
        f'        println("{text}: ${{{tensor.real(getter)}}}")',
        "    }",
    ]
    return "\n".join(lines)
