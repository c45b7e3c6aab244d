"""Runs a .tflite file in a process of its own: `python isolated_child.py TASK MODEL ...`.

    run MODEL IN.npz OUT.npz KEY   run it once; KEY is the signature, "" for files without, whose
                                   inputs are called after their numbers
    operators MODEL OUT.json       only load it, and tell which operators LiteRT made of it

A damaged file can crash LiteRT, which no `try` survives. This script imports nothing of nnlib, so
that the process starts quickly.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(task: str, model: str, *files: str) -> None:
    """Do one of the two tasks; mistakes of the file end with 1 and a line on stderr."""
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    try:
        interpreter = runtime.Interpreter(model_path=model)
        if task == "run":
            _run(interpreter, *files)
        else:
            _operators(interpreter, *files)
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error) or type(error).__name__)


def _run(interpreter: Any, source: str, target: str, key: str) -> None:
    with np.load(source) as archive:
        inputs = {name[1:]: archive[name] for name in archive.files}
    outputs = (_with_signature if key else _by_number)(interpreter, inputs, key)
    # A letter before each name, since archives of numpy know one name that is not free.
    np.savez(target, **{f"_{name}": value for name, value in outputs.items()})


def _operators(interpreter: Any, target: str) -> None:
    interpreter.allocate_tensors()
    found = [
        {
            "index": detail["index"],
            "op_name": detail["op_name"],
            "inputs": [int(number) for number in detail["inputs"]],
            "outputs": [int(number) for number in detail["outputs"]],
        }
        for detail in interpreter._get_ops_details()
    ]
    Path(target).write_text(json.dumps(found), encoding="utf-8")


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
