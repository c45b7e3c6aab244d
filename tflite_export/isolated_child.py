"""Runs a .tflite file in a process of its own: `python isolated_child.py TASK MODEL FOLDER`.

    run        runs it once: the signature `key` of FOLDER/request.json, or the first subgraph if
               that is null, on the arrays 0, 1, ... of FOLDER/inputs.npz, which belong to its
               `inputs`; writes its `outputs` as such arrays to FOLDER/outputs.npz
    operators  only loads it, and writes which operators LiteRT made of it to FOLDER/operators.json

A damaged file can crash LiteRT, which no `try` survives. This script imports nothing of nnlib, so
that the process starts quickly.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def main(task: str, model: str, folder: str) -> None:
    """Do one of the two tasks; mistakes of the file end with 1 and a line on stderr."""
    runtime = importlib.import_module("ai_edge_litert.interpreter")
    try:
        interpreter = runtime.Interpreter(model_path=model)
        if task == "run":
            _run(interpreter, Path(folder))
        else:
            _operators(interpreter, Path(folder))
    except (RuntimeError, ValueError) as error:
        sys.exit(str(error) or type(error).__name__)


def _run(interpreter: Any, folder: Path) -> None:
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    with np.load(folder / "inputs.npz") as archive:
        inputs = [archive[str(number)] for number in range(len(request["inputs"]))]
    if request["key"] is None:
        outputs = _by_number(interpreter, inputs)
    else:
        run = interpreter.get_signature_runner(request["key"])
        found = run(**dict(zip(request["inputs"], inputs, strict=True)))
        outputs = [found[name] for name in request["outputs"]]
    arrays: dict[str, Any] = {str(number): array for number, array in enumerate(outputs)}
    np.savez(folder / "outputs.npz", **arrays)


def _by_number(interpreter: Any, inputs: Sequence[Any]) -> list[Any]:
    details = interpreter.get_input_details()
    for detail, value in zip(details, inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def _operators(interpreter: Any, folder: Path) -> None:
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
    (folder / "operators.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
