"""A .tflite file loaded or run in a process of its own, which a damaged one may crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import CorruptModelError, ExportError, InputSpecError, MissingRuntimeError
from .interpreter import runtime_installed
from .model_info import ModelInfo, SignatureInfo, TensorInfo
from .names import unique
from .partitions import Partitions, partitions_of
from .reader import read_tflite

_CHILD = Path(__file__).with_name("isolated_child.py")
_LOADED = 1 << 30  # bytes of a file, or of its values, beyond which it is not loaded to look at it


def run_file(
    path: str | os.PathLike[str],
    inputs: Mapping[str | None, np.ndarray],
    signature: str | None = None,
    timeout: float = 600.0,
) -> dict[str, np.ndarray]:
    """Run a file once, in a process of its own that a damaged file can crash without harm.

    Args:
        path: the file; it is checked before LiteRT sees it.
        inputs: arrays by input name; None as the name of the only input.
        signature: key of the signature; the only one, or the first, if None.
        timeout: seconds after which the run is given up.

    Returns:
        The outputs by name.

    Raises:
        CorruptModelError: the file is damaged.
        InputSpecError: inputs are missing, or have other shapes or dtypes than the file's.
        MissingRuntimeError: `ai-edge-litert` is not installed.
        ExportError: LiteRT refuses the file, or crashes.
    """
    info = read_tflite(path)
    entry = _entry(info, signature)
    tensors = info.subgraphs[entry.subgraph].tensors
    named = _by_name(entry, inputs)
    given = {name: _fit(name, named[name], tensors[at]) for name, at in entry.inputs.items()}
    if not runtime_installed():
        raise MissingRuntimeError(
            "nnlib run",
            "the package ai-edge-litert, which runs .tflite files",
            "none",
            "Install it with: pip install 'nnlib[tflite]'",
        )
    request = {
        "key": entry.key if info.signatures else None,
        "inputs": list(given),
        "outputs": list(entry.outputs),
    }
    return dict(zip(entry.outputs, _call(path, request, given, timeout), strict=True))


def file_partitions(
    path: str | os.PathLike[str], info: ModelInfo, timeout: float = 60.0
) -> Partitions | None:
    """How LiteRT shares a file among delegates, found in a process of its own.

    Args:
        path: the file.
        info: what `read_tflite` found in it.
        timeout: seconds after which it is given up.

    Returns:
        The partitions; None without `ai-edge-litert`, where LiteRT does not load the file, and for
        files of more than 1 GiB.
    """
    values = sum(tensor.bytes for tensor in info.main.tensors if not tensor.is_constant)
    if not runtime_installed() or info.size + values > _LOADED:
        return None
    with tempfile.TemporaryDirectory() as folder:
        try:
            _child("operators", path, folder, timeout)
        except ExportError:
            return None
        found = Path(folder, "operators.json").read_text(encoding="utf-8")
        return partitions_of(json.loads(found))


def _entry(info: ModelInfo, key: str | None) -> SignatureInfo:
    """The wanted signature; one made of tensor names for files without."""
    if not info.signatures and key is None:
        inputs = unique([t.name or f"input_{n}" for n, t in enumerate(info.inputs)])
        outputs = unique([t.name or f"output_{n}" for n, t in enumerate(info.outputs)])
        return SignatureInfo(
            "",
            0,
            dict(zip(inputs, info.main.inputs, strict=True)),
            dict(zip(outputs, info.main.outputs, strict=True)),
        )
    for signature in info.signatures:
        if key in (None, signature.key):
            return signature
    raise InputSpecError(
        "nnlib run",
        f"a signature among {[s.key for s in info.signatures]}",
        repr(key),
        "Leave --signature out for the first one.",
    )


def _by_name(
    entry: SignatureInfo, inputs: Mapping[str | None, np.ndarray]
) -> dict[str, np.ndarray]:
    names = list(entry.inputs)
    if set(inputs) == {None} and len(names) == 1:
        return {names[0]: inputs[None]}
    found = {str(name): value for name, value in inputs.items() if name is not None}
    if set(found) != set(names) or len(found) != len(inputs):
        given = sorted("one without a name" if name is None else name for name in inputs)
        raise InputSpecError(
            "nnlib run",
            f"the inputs {names}",
            str(given),
            f"Write --input {names[0] if names else 'name'}=x.npy for each.",
        )
    return found


def _fit(name: str, value: np.ndarray, tensor: TensorInfo) -> np.ndarray:
    """The array in the file's dtype, if it has the file's shape and loses nothing."""
    fits = value.ndim == len(tensor.shape) and all(
        want is None or want == got for want, got in zip(tensor.shape, value.shape, strict=True)
    )
    if not fits or value.size == 0:
        raise InputSpecError(
            f"input {name!r}",
            f"an array of {tensor.describe()}",
            f"{value.dtype}{list(value.shape)}",
            "Reshape it; ? stands for any size.",
        )
    try:
        wanted = np.dtype(tensor.dtype)
    except TypeError:
        wanted = None
    if value.dtype == wanted:
        return value
    floats = wanted is not None and wanted.kind == "f" and value.dtype.kind in "fiub"
    whole = wanted is not None and wanted.kind in "iub" and value.dtype.kind in "iub"
    if wanted is None or not (floats or (whole and np.array_equal(value.astype(wanted), value))):
        raise InputSpecError(
            f"input {name!r}",
            f"values of {tensor.dtype}",
            str(value.dtype),
            "Convert it; a quantised input takes round(x / scale) + zero_point.",
        )
    return value.astype(wanted)


def _call(
    path: str | os.PathLike[str],
    request: dict[str, Any],
    inputs: Mapping[str, np.ndarray],
    timeout: float,
) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        # By number: a name may be of letters that no archive and no argument can hold.
        arrays: dict[str, Any] = {str(n): value for n, value in enumerate(inputs.values())}
        np.savez(Path(folder, "inputs.npz"), **arrays)
        Path(folder, "request.json").write_text(json.dumps(request), encoding="utf-8")
        _child("run", path, folder, timeout)
        with np.load(Path(folder, "outputs.npz")) as archive:
            return [archive[str(number)] for number in range(len(request["outputs"]))]


def _child(task: str, path: str | os.PathLike[str], folder: str, timeout: float) -> None:
    # -P: the script's folder has modules whose names the standard library has too.
    command = [sys.executable, "-P", str(_CHILD), task, os.fspath(path), folder]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise ExportError(
            os.fspath(path),
            f"an end within {timeout:g} seconds",
            "none",
            "The model never ends on these inputs, or needs more time.",
        ) from None
    if done.returncode != 0:
        raise _failure(path, done)


def _failure(path: str | os.PathLike[str], done: subprocess.CompletedProcess[str]) -> ExportError:
    lines = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    reason = lines[-1] if lines else "no reason"
    if done.returncode == 1:
        return ExportError(
            os.fspath(path),
            "a file that LiteRT runs",
            reason,
            "Check sizes with `nnlib inspect`, and that the file is whole.",
        )
    return CorruptModelError(
        os.fspath(path),
        "a file that LiteRT runs",
        f"a crash with code {done.returncode}",
        "The file is damaged, or it asks LiteRT for something that it does not survive.",
    )
