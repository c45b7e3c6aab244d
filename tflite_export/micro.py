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
from .interpreter import Interpreter, runtime_installed
from .model_info import ModelInfo
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
_KERNEL_STEPS = 8  # kernels of integers round differently, by a step in each layer
MICRO_OPERATORS = frozenset(_OPERATORS.split())

_FLOAT_OPERATORS = (
    "ABS BATCH_MATMUL DIV FLOOR_DIV FLOOR_MOD MEAN NEG REDUCE_MAX REDUCE_MIN SELECT_V2 SUM "
    "TRANSPOSE"
)
_NO_INT32 = frozenset(_FLOAT_OPERATORS.split())
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
        raise UnsupportedOpError(
            op.where,
            f"{op.kind} of floats, which TensorFlow Lite Micro has",
            f"{op.kind} of {data.dtype}",
            "Compute in float32: x.astype(jnp.float32).",
        )


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
    inputs = [
        random_array(generator, tuple(size or 1 for size in tensor.shape), np.dtype(tensor.dtype))
        for tensor in info.inputs
    ]
    try:
        found = run_micro(content, inputs)
    except RuntimeError as error:
        raise _mismatch("to run", f"{error}") from error
    if not runtime_installed():
        return
    outputs = run(Interpreter(model_content=content), inputs)
    for want, got, step in zip(outputs, found, _steps(info), strict=True):
        _compare(want, got, step)


def _steps(info: ModelInfo) -> list[float]:
    """What one step of the integers behind each output of the main graph is worth, 0 for none."""
    graph = info.main
    sources = {op.outputs[0]: op.inputs[0] for op in graph.operators if op.name == "DEQUANTIZE"}
    steps = []
    for number in graph.outputs:
        source = graph.tensors[sources.get(number, number)].quantisation
        if source is None or source.scale.size == 0:
            steps.append(0.0)
        else:
            steps.append(float(source.scale[0]) if number in sources else 1.0)
    return steps


def _compare(want: np.ndarray, got: np.ndarray, step: float) -> None:
    if want.shape != got.shape or want.dtype != got.dtype:
        raise _mismatch(f"{want.dtype}{want.shape}", f"{got.dtype}{got.shape}")
    whole = want.dtype.kind in "iub"
    rounding = 0.0 if whole else TOLERANCE * max(1.0, float(np.abs(want).max(initial=0)))
    limit = rounding + _KERNEL_STEPS * step
    worst = np.abs(want.astype(np.float64) - got.astype(np.float64)).max(initial=0)
    if not worst <= limit:
        raise _mismatch(f"LiteRT's values within {limit:.2g}", f"a difference of {worst:.2g}")


def _mismatch(expected: str, got: str) -> ExportMismatchError:
    return ExportMismatchError(
        "the exported file in TensorFlow Lite Micro",
        expected,
        got,
        "Please report it; verify=False exports without this check.",
    )
