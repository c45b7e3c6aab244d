"""Runs an exported file in LiteRT and compares it with JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .dim_expression import evaluate, symbols_of
from .errors import ExportMismatchError
from .interpreter import Interpreter
from .quick_compile import quick_jit
from .trace import Traced

SIZES = (1, 2, 7)  # of the batch, as verify=True runs them
_OTHER_AXES = 32
TOLERANCE = 1e-4  # of the largest value of an output, at least 1
_HALF_TOLERANCES = {"bf16[": 0.05, "f16[": 0.01}  # by how a jaxpr writes the dtype


def verify(
    content: bytes | Path,
    fn: Callable[..., Any],
    traced: Traced,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
    key: str | None = None,
) -> float:
    """Compare a file with the function that it was exported from, on random inputs.

    Args:
        content: the .tflite file, or where it is.
        fn: the function.
        traced: what the export traced it to.
        sizes: values for the free sizes; a file with fixed sizes runs once.
        seed: seed of the random inputs: normal floats, integers of 0 and 1.
        key: key of the function's signature; the first one by default.

    Returns:
        The largest absolute difference of a float output.

    Raises:
        ExportMismatchError: an output differs by more than `TOLERANCE` times its largest value, or
            an integer or bool differs at all.
    """
    free = free_sizes(traced)
    generator = np.random.default_rng(seed)
    interpreter = _interpreter(content)
    chosen_names = [leaf.name for leaf in traced.inputs], traced.output_names
    call = run if key is None else partial(run_signature, key=key, names=chosen_names)
    reference = quick_jit(fn)
    worst, tolerance = 0.0, _tolerance(traced)
    for size in sizes if free else (1,):
        chosen = _sizes(traced, free, size)
        inputs = random_inputs(generator, traced, size)
        args = jax.tree_util.tree_unflatten(traced.tree, inputs)
        expected = [np.asarray(leaf) for leaf in jax.tree_util.tree_leaves(reference(*args))]
        actual = _run_or_explain(
            call, interpreter, inputs, f"sizes {chosen}" if free else "its size"
        )
        for name, want, got in zip(traced.output_names, expected, actual, strict=True):
            when = f"sizes {chosen}" if free else "its size"
            worst = max(worst, _difference(name, want, got, when, tolerance))
    return worst


def _tolerance(traced: Traced) -> float:
    """Of float32, or of the shortest floats inside: JAX rounds each of their results, we do not."""
    text = str(traced.jaxpr)
    return next((t for mark, t in _HALF_TOLERANCES.items() if mark in text), TOLERANCE)


def free_sizes(traced: Traced) -> list[str]:
    """Names of the sizes that whoever runs the file chooses."""
    return sorted(
        {name for leaf in traced.inputs for dim in leaf.shape for name in symbols_of(dim)}
    )


def random_inputs(generator: np.random.Generator, traced: Traced, size: int) -> list[np.ndarray]:
    """A random array for each input, with `size` for free batch axes."""
    chosen = _sizes(traced, free_sizes(traced), size)
    shapes = [tuple(evaluate(d, chosen) for d in leaf.shape) for leaf in traced.inputs]
    return [
        random_array(generator, shape, leaf.dtype)
        for shape, leaf in zip(shapes, traced.inputs, strict=True)
    ]


def _sizes(traced: Traced, free: Sequence[str], size: int) -> dict[str, int]:
    """`size` for batch axes; more for other axes, which windows and strides must fit into.

    Different numbers for different symbols, so that a confusion of axes shows.
    """
    batch = {str(leaf.shape[0]) for leaf in traced.inputs if leaf.shape}
    return {
        name: offset + (size if name in batch else _OTHER_AXES) for offset, name in enumerate(free)
    }


def run(interpreter: Interpreter, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Resize a model to these inputs, run it, and return its outputs.

    Args:
        interpreter: the model.
        inputs: one array for each input, in order.

    Returns:
        The outputs, in order.
    """
    details = interpreter.get_input_details()
    for detail, value in zip(details, inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def run_signature(
    interpreter: Interpreter,
    inputs: Sequence[np.ndarray],
    key: str,
    names: tuple[Sequence[str], Sequence[str]],
) -> list[np.ndarray]:
    """Run one of several functions of a file.

    Args:
        interpreter: the model.
        inputs: one array for each input, in order.
        key: key of the function.
        names: names of its inputs and of its outputs.

    Returns:
        The outputs, in order.
    """
    results = interpreter.get_signature_runner(key)(**dict(zip(names[0], inputs, strict=True)))
    return [results[name] for name in names[1]]


def _interpreter(content: bytes | Path) -> Interpreter:
    if isinstance(content, bytes):
        return Interpreter(model_content=content)
    return Interpreter(model_path=content)


def _run_or_explain(
    call: Callable[..., list[np.ndarray]],
    interpreter: Interpreter,
    inputs: Sequence[np.ndarray],
    when: str,
) -> list[np.ndarray]:
    try:
        return call(interpreter, inputs)
    except (RuntimeError, ValueError) as error:
        raise ExportMismatchError(
            "the exported file",
            f"to run in LiteRT at {when}",
            f"{type(error).__name__}: {error}",
            "Give free sizes as numbers if the function cannot take this size; otherwise please "
            "report it. verify=False exports without this check.",
        ) from error


def random_array(generator: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Normal floats; bools; integers of 0 and 1, which are safe as indices."""
    if np.issubdtype(dtype, np.floating):
        return generator.normal(size=shape).astype(dtype)
    return generator.integers(0, 2, size=shape).astype(dtype)


def _difference(
    name: str, want: np.ndarray, got: np.ndarray, when: str, tolerance: float = TOLERANCE
) -> float:
    if want.shape != got.shape or want.dtype != got.dtype:
        raise _mismatch(name, when, f"{want.dtype}{want.shape}", f"{got.dtype}{got.shape}")
    if not np.issubdtype(want.dtype, np.floating):
        wrong = int((want != got).sum())
        if wrong:
            raise _mismatch(name, when, "JAX's values", f"{wrong} others of {want.size}")
        return 0.0
    # Equal infinities and common NaNs are no difference.
    same = (want == got) | (np.isnan(want) & np.isnan(got))
    with np.errstate(invalid="ignore"):
        error = float(np.max(np.where(same, 0.0, np.abs(want - got)), initial=0.0))
    finite = np.abs(want[np.isfinite(want)])
    limit = tolerance * max(1.0, float(finite.max(initial=0.0)))
    if not error <= limit:
        raise _mismatch(name, when, f"a difference from JAX of at most {limit:.2g}", f"{error:.2g}")
    return error


def _mismatch(name: str, when: str, expected: str, got: str) -> ExportMismatchError:
    return ExportMismatchError(
        f"output {name!r} at {when}",
        expected,
        f"{got} in LiteRT",
        "This is a bug in the exporter, or the function amplifies rounding: please report it; "
        "verify=False exports without this check.",
    )
