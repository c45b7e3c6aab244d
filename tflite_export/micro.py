"""target="micro": files for TensorFlow Lite Micro, which has fixed shapes and fewer operators.

Source: the operators that tflite-micro 0.dev20261023182759 registers, and the dtypes that its
kernels take, found by running each.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .errors import ExportMismatchError, InputSpecError, UnsupportedOpError
from .graph import Graph, Op
from .interpreter import Interpreter, reference_kernels, runtime_installed
from .model_info import ModelInfo, TensorInfo
from .quantise.kernels import is_float
from .quantise.weights import CHANNEL_AXIS
from .reader import read_tflite
from .specs import TensorSpec, is_spec
from .verify import TOLERANCE, random_array, run

_OPERATORS = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D
DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF
L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR
LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR
RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND
SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH
TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""
# Integers that a value may differ by from LiteRT's kernels, plain or fast, whichever are closer: 1
# was seen in int8 and 4 in int16, after the 270 operators of two recurrent layers.
_STEPS = {"int16": 16.0}
_FEWEST_STEPS = 4.0
_BEHIND_INTEGERS = 0.05  # of the largest value, for float operators that read rounded values
MICRO_OPERATORS = frozenset(_OPERATORS.split())

_FLOAT_OPERATORS = (
    "ABS BATCH_MATMUL DIV FLOOR_DIV FLOOR_MOD MEAN NEG REDUCE_MAX REDUCE_MIN SELECT_V2 SUM "
    "TRANSPOSE"
)
_NO_INT32 = frozenset(_FLOAT_OPERATORS.split())
_NO_INT16 = frozenset(("REDUCE_MAX", "REDUCE_MIN", "GATHER", "RESIZE_BILINEAR", "MIRROR_PAD"))
_INSTEAD = {
    "GELU": "jax.nn.relu or jax.nn.hard_swish",
    "TILE": "jnp.broadcast_to, or a fixed batch",
    "POW": "products, or jnp.exp(y * jnp.log(x))",
    "SIGN": "jnp.where(x < 0, -1.0, 1.0)",
    "TOPK_V2": "jnp.argmax, or sorting on the side of the app",
    "REDUCE_ANY": "jnp.max of numbers",
    "REDUCE_PROD": "products",
}


def static_specs(specs: Any) -> Any:
    """The specs with a batch of 1 where it is free.

    Args:
        specs: a pytree of specs.

    Returns:
        The same tree with sizes that are numbers.

    Raises:
        InputSpecError: a size other than the batch is free.

    Example:
        >>> static_specs(TensorSpec((None, 4))).shape
        (1, 4)
    """
    return jax.tree_util.tree_map(_static, specs, is_leaf=is_spec)


def _static(leaf: Any) -> Any:
    if not is_spec(leaf):
        return leaf  # reading the specs says what is wrong with it
    shape = tuple(leaf.shape)
    sizes = (1, *shape[1:]) if shape and shape[0] is None else shape
    if not all(isinstance(size, int | np.integer) for size in sizes):
        raise InputSpecError(
            'export_tflite(target="micro")',
            "sizes that are numbers, but for a batch of None, which becomes 1",
            f"shape {shape}",
            "A microcontroller plans its memory once: give every size as a number.",
        )
    return TensorSpec(sizes, leaf.dtype, getattr(leaf, "name", None))


def check_micro(graphs: Sequence[Graph]) -> None:
    """Refuse what TensorFlow Lite Micro has no kernel for.

    Args:
        graphs: legal graphs.

    Raises:
        UnsupportedOpError: naming the operator and the user's line.
    """
    for graph in graphs:
        for part in graph.all_graphs():
            for op in part.ordered():
                _check_operator(op)


def _check_operator(op: Op) -> None:
    if op.kind not in MICRO_OPERATORS:
        raise UnsupportedOpError(
            op.where,
            "an operator that TensorFlow Lite Micro has",
            op.kind,
            f"Use {_INSTEAD[op.kind]} instead."
            if op.kind in _INSTEAD
            else 'Compute it another way, or export with target="litert".',
        )
    data = op.inputs[1] if op.kind == "SELECT_V2" else op.inputs[0] if op.inputs else None
    if op.kind in _NO_INT32 and data is not None and data.dtype == np.int32:
        raise _lacking(op, f"{op.kind} of floats", "Compute in float32: x.astype(jnp.float32).")
    if op.kind in _NO_INT16 and data is not None and data.dtype == np.int16:
        kept = f'quantize=Quantise("int16x8", keep_float=["{op.kind}"]), or use "int8".'
        raise _lacking(op, f"{op.kind} of int8 or floats", kept)
    if op.kind in CHANNEL_AXIS and is_float(data) and not is_float(op.inputs[1]):
        raise _lacking(
            op,
            f"{op.kind} of floats by floats, or of integers by integers",
            'Use quantize="int8" for the whole model, with rnn="unroll" for loops, or none.',
        )
    if op.kind == "DEQUANTIZE" and data is not None and data.data is not None:
        raise _lacking(
            op, "weights that are used as they are stored", 'Use quantize="int8", or none.'
        )


def _lacking(op: Op, expected: str, remedy: str) -> UnsupportedOpError:
    dtypes = " and ".join(str(t.dtype) for t in op.inputs[:2] if t is not None)
    what = f"{expected}, which TensorFlow Lite Micro has"
    return UnsupportedOpError(op.where, what, f"{op.kind} of {dtypes}", remedy)


def micro_installed() -> bool:
    """Whether the package `tflite-micro`, which runs such files on this machine, is there."""
    return importlib.util.find_spec("tflite_micro") is not None


def run_micro(
    content: bytes, inputs: Sequence[np.ndarray], arena: int | None = None
) -> list[np.ndarray]:
    """Run a file in TensorFlow Lite Micro.

    Args:
        content: the file.
        inputs: one array for each input, in order.
        arena: bytes of the arena; ten times the file, at least 1 MiB, if None.

    Returns:
        The outputs, in order.

    Raises:
        RuntimeError: it has no kernel for something, or the arena is too small.
    """
    runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    size = max(10 * len(content), 1 << 20) if arena is None else arena
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=size)
    for number, value in enumerate(inputs):
        interpreter.set_input(value, number)
    interpreter.invoke()
    count = len(read_tflite(content).outputs)
    return [interpreter.get_output(number) for number in range(count)]


def verify_micro(content: bytes, seed: int = 0) -> None:
    """Run a file in TensorFlow Lite Micro and compare it with LiteRT where that is installed.

    Args:
        content: the file.
        seed: seed of the random inputs.

    Raises:
        ExportMismatchError: it does not run, or gives other values.
    """
    generator = np.random.default_rng(seed)
    info = read_tflite(content)
    inputs = [_random(generator, tensor) for tensor in info.inputs]
    try:
        found = run_micro(content, inputs)
    except RuntimeError as error:
        raise _mismatch("to run", f"{error}") from error
    if not runtime_installed():
        return
    limits = _limits(info)
    try:
        _compare_all(run(Interpreter(model_content=content), inputs), found, limits)
    except ExportMismatchError as error:
        # Fast kernels round otherwise; plain ones exist for fewer operators.
        try:
            plain = run(Interpreter(model_content=content, **reference_kernels()), inputs)
        except (RuntimeError, ValueError):
            raise error from None
        _compare_all(plain, found, limits)


def _compare_all(
    wanted: Sequence[np.ndarray],
    found: Sequence[np.ndarray],
    limits: Sequence[tuple[float, float]],
) -> None:
    for want, got, (steps, share) in zip(wanted, found, limits, strict=True):
        _compare(want, got, steps, share)


def _random(generator: np.random.Generator, tensor: TensorInfo) -> np.ndarray:
    """Integers of the whole range for those that stand for numbers."""
    shape, dtype = tuple(size or 1 for size in tensor.shape), np.dtype(tensor.dtype)
    if tensor.quantisation is None or dtype.kind not in "iu":
        return random_array(generator, shape, dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def _limits(info: ModelInfo) -> list[tuple[float, float]]:
    """For each output what it may differ by, and by what share of the largest value."""
    graph = info.main
    sources = {op.outputs[0]: op.inputs[0] for op in graph.operators if op.name == "DEQUANTIZE"}
    integers = any(op.name == "QUANTIZE" for op in graph.operators) or bool(sources)
    limits = []
    for number in graph.outputs:
        source = graph.tensors[sources.get(number, number)]
        steps = _STEPS.get(source.dtype, _FEWEST_STEPS)
        if source.quantisation is None:
            # Which of two numbers is larger, say, may depend on the last step of rounding.
            decided = integers and np.dtype(source.dtype).kind != "f"
            share = _BEHIND_INTEGERS if integers else TOLERANCE
            limits.append((np.inf if decided else 0.0, share))
        else:
            scale = float(source.quantisation.scale[0]) if number in sources else 1.0
            limits.append((steps * scale, TOLERANCE if number in sources else 0.0))
    return limits


def _compare(want: np.ndarray, got: np.ndarray, steps: float, share: float) -> None:
    if want.shape != got.shape or want.dtype != got.dtype:
        raise _mismatch(f"{want.dtype}{want.shape}", f"{got.dtype}{got.shape}")
    exact, other = want.astype(np.float64), got.astype(np.float64)
    same = (exact == other) | (np.isnan(exact) & np.isnan(other))
    largest = float(np.abs(exact[np.isfinite(exact)]).max(initial=0.0))
    limit = steps + share * max(1.0, largest) * (want.dtype.kind == "f")
    with np.errstate(invalid="ignore"):
        worst = np.where(same, 0.0, np.abs(exact - other)).max(initial=0.0)
    if not worst <= limit:
        raise _mismatch(f"LiteRT's values within {limit:.2g}", f"a difference of {worst:.2g}")


def _mismatch(expected: str, got: str) -> ExportMismatchError:
    return ExportMismatchError(
        "the exported file in TensorFlow Lite Micro",
        expected,
        got,
        "Please report it; verify=False exports without this check.",
    )
