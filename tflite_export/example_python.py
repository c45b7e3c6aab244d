"""The example in Python, which needs ai-edge-litert and numpy."""

from __future__ import annotations

from .example_facts import ExampleFacts, TensorFacts, comment, quoted

FILE = "run_model.py"
_KINDS = {"bool": "bool_"}
_LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def program(facts: ExampleFacts) -> str:
    """The text of the program.

    Args:
        facts: about the model.

    Returns:
        Source code that runs the model on zeros.
    """
    inputs = "\n".join(_input(tensor) for tensor in facts.inputs)
    outputs = "\n".join(_output(tensor) for tensor in facts.outputs)
    return f"""
# Runs {comment(facts.file)}. Needs: pip install ai-edge-litert numpy

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(model_path=str(Path(__file__).with_name({quoted(facts.file)})))
run = interpreter.get_signature_runner({quoted(facts.signature)})

inputs = {{}}
{inputs}

outputs = run(**inputs)
{outputs}
"""


def _input(tensor: TensorFacts) -> str:
    name = quoted(tensor.name)
    kind = "float32" if tensor.scale is not None else tensor.dtype
    lines = [
        f"# {comment(tensor.name)}: {tensor.note}; replace the zeros by your data.",
        f"value = np.zeros({tensor.shape}, np.{_KINDS.get(kind, kind)})",
    ]
    if tensor.std:
        mean, std = (f"np.array({list(v)}, np.float32)" for v in (tensor.mean, tensor.std))
        lines.append(f"value = (value - {mean}) / {std}")
    if tensor.scale is not None:
        low, high = _LIMITS[tensor.dtype]
        lines.append(f"value = np.round(value / {tensor.scale!r}) + {tensor.zero_point}")
        lines.append(f"value = np.clip(value, {low}, {high})")
    if tensor.dtype != "float32" and (tensor.std or tensor.scale is not None):
        lines.append(f"value = value.astype(np.{_KINDS.get(tensor.dtype, tensor.dtype)})")
    return "\n".join([*lines, f"inputs[{name}] = value"])


def _output(tensor: TensorFacts) -> str:
    lines = [f"value = outputs[{quoted(tensor.name)}]  # {tensor.note}"]
    if tensor.scale is not None:
        zero = f"({tensor.zero_point})"
        lines.append(f"value = {tensor.scale!r} * (value.astype(np.float32) - {zero})")
    lines.append(f"print({quoted(tensor.name)}, value.shape, value)")
    if tensor.labels:
        labels = ", ".join(map(quoted, tensor.labels))
        lines += [
            f"labels = [{labels}]",
            'print("best:", [labels[i] for i in value.argmax(-1).reshape(-1)])',
        ]
    return "\n".join(lines)
