"""Runs a .tflite file in a process of its own: `python isolated_child.py MODEL IN.npz OUT.npz KEY`.

A damaged file can crash LiteRT, which no `try` survives. This script imports nothing of nnlib, so
that the process starts quickly. KEY is the signature, "" for files without signatures, whose inputs
are called after their numbers.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np


def main(model: str, source: str, target: str, key: str) -> None:
    """Run the model once on the arrays of `source` and write its outputs to `target`."""
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    with np.load(source) as archive:
        inputs = {name[1:]: archive[name] for name in archive.files}
    try:
        interpreter = runtime.Interpreter(model_path=model)
        run = _with_signature if key else _by_number
        outputs = run(interpreter, inputs, key)
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error) or type(error).__name__)
    # A letter before each name, since archives of numpy know one name that is not free.
    np.savez(target, **{f"_{name}": value for name, value in outputs.items()})


def _with_signature(interpreter: Any, inputs: dict[str, Any], key: str) -> dict[str, Any]:
    return dict(interpreter.get_signature_runner(key)(**inputs))


def _by_number(interpreter: Any, inputs: dict[str, Any], key: str) -> dict[str, Any]:
    details = interpreter.get_input_details()
    for number, detail in enumerate(details):
        value = inputs[str(number)]
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for number, detail in enumerate(details):
        interpreter.set_tensor(detail["index"], inputs[str(number)])
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    return {str(n): interpreter.get_tensor(d["index"]) for n, d in enumerate(outputs)}


if __name__ == "__main__":
    main(*sys.argv[1:])
