"""Files for TensorFlow Lite Micro: run there, within the estimated arena, and as a C array."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from jax import lax, nn
from nnlib.tflite_export import (
    ExportError,
    ExportMismatchError,
    InputSpecError,
    Interpreter,
    Report,
    TensorSpec,
    UnsupportedOpError,
    export_tflite,
    micro,
)
from nnlib.tflite_export.builtin_names import BUILTIN_NAMES
from nnlib.tflite_export.micro import MICRO_OPERATORS, run_micro
from nnlib.tflite_export.verify import run
from tflite_micro.python.tflite_micro import runtime

import nnlib as nnl

RNG = np.random.default_rng(0)
NHWC = ("NHWC", "HWIO", "NHWC")
VECTOR = TensorSpec((None, 6))
IMAGE = TensorSpec((None, 8, 8, 4))


def weights(*shape: int) -> np.ndarray:
    return (RNG.normal(size=shape) * 0.3).astype(np.float32)


K1, K2, KD, KT = weights(3, 3, 4, 8), weights(3, 3, 8, 4), weights(3, 3, 1, 4), weights(3, 3, 4, 2)
A, B, D = weights(6, 8), weights(8, 3), weights(64, 5)


def conv(x: jax.Array, kernel: np.ndarray, **options: Any) -> jax.Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=NHWC, **options)


def mlp(x: jax.Array) -> jax.Array:
    return nn.softmax(nn.relu(x @ A) @ B)


def cnn(x: jax.Array) -> jax.Array:
    y = nn.relu(conv(x, K1))
    y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return nn.relu(conv(y, K2)).reshape(x.shape[0], -1) @ D


def norm(x: jax.Array) -> jax.Array:
    centred = x - x.mean(1, keepdims=True)
    return centred * lax.rsqrt(x.var(1, keepdims=True) + 1e-3)


MODELS: dict[str, tuple[Callable[..., Any], TensorSpec]] = {
    "mlp": (mlp, VECTOR),
    "cnn": (cnn, IMAGE),
    "depthwise": (lambda x: conv(x, KD, feature_group_count=4), IMAGE),
    "transposed": (
        lambda x: lax.conv_transpose(x, KT, (2, 2), "SAME", dimension_numbers=NHWC), IMAGE,
    ),
    "norm": (norm, VECTOR),
    "matmul": (lambda x: x.reshape(1, 2, 3) @ x.reshape(1, 3, 2), VECTOR),
    "branches": (lambda x: jnp.concatenate([nn.elu(x), jnp.where(x > 0, x, 2 * x + 1)], 1), VECTOR),
    "many": (lambda x: [jnp.tanh(x), nn.hard_swish(x), jnp.cumsum(x, 1), x[:, ::2]], VECTOR),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_runs_in_tflite_micro_within_its_arena(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fn, spec = MODELS[name]
    report = export_tflite(fn, spec, target="micro", verify=False)
    assert report.inputs[0].shape[0] == 1
    x = RNG.normal(size=report.inputs[0].shape).astype(np.float32)
    found = run_micro(report.content, [x], arena=report.arena.total)
    for got, want in zip(found, jax.tree_util.tree_leaves(fn(x)), strict=True):
        assert got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    needed = arena_used(report, x, capfd)
    assert needed <= report.arena.total <= 1.3 * needed + 700  # least while it prepares


def arena_used(report: Report, x: np.ndarray, capfd: pytest.CaptureFixture[str]) -> int:
    """What tflite-micro itself counted."""
    interpreter = runtime.Interpreter.from_bytes(report.content, arena_size=1 << 20)
    interpreter.set_input(x, 0)
    interpreter.invoke()
    capfd.readouterr()
    interpreter.print_allocations()
    text = "".join(capfd.readouterr())
    head = re.search(r"Arena allocation head (\d+) bytes", text)
    total = re.search(r"Arena allocation total (\d+) bytes", text)
    assert head is not None
    assert total is not None
    assert report.arena.activations >= int(head[1])
    return int(total[1])


def test_activations_of_a_chain_are_what_micro_plans(capfd: pytest.CaptureFixture[str]) -> None:
    report = export_tflite(cnn, IMAGE, target="micro", verify=False)
    arena_used(report, np.zeros((1, 8, 8, 4), np.float32), capfd)
    assert report.arena.activations == 8 * 8 * 4 * 4 + 8 * 8 * 8 * 4  # input and first convolution


def test_verification_runs_both_runtimes() -> None:
    assert export_tflite(mlp, VECTOR, target="micro").max_error is not None


def test_verification_of_integers_allows_for_rounding_alone() -> None:
    """A wrong sign in the last layer is seen; a step of rounding is not."""
    data = [RNG.normal(size=(1, 8, 8, 4)).astype(np.float32) for _ in range(4)]
    options: dict[str, Any] = {"quantize": "int8", "representative": data, "target": "micro"}
    for io_dtype in ("float32", "int8"):
        assert export_tflite(cnn, IMAGE, io_dtype=io_dtype, **options).bytes
    report = export_tflite(cnn, IMAGE, verify=False, **options)
    (limits,) = micro._limits(report.model)
    found = [tensor for tensor in report.model.main.tensors if tensor.dtype == "int8"]
    assert limits[0] in [4 * t.quantisation.scale[0] for t in found if t.quantisation is not None]
    want = np.array([[1.0, -5.0]], np.float32)
    micro._compare(want, want + np.float32(limits[0]), *limits)
    with pytest.raises(ExportMismatchError, match="LiteRT's values within"):
        micro._compare(want, -want, *limits)
    with pytest.raises(ExportMismatchError, match="float32"):
        micro._compare(want, want[0], *limits)


def test_a_model_of_ours() -> None:
    model = nnl.Sequential(
        [
            nnl.Input((8, 8, 1)),
            nnl.layers.Conv2D(4, 3, activation="relu"),
            nnl.layers.GlobalAveragePooling2D(),
            nnl.layers.Dense(3),
        ]
    )
    report = export_tflite(model, target="micro")
    assert report.inputs[0].shape == (1, 8, 8, 1)
    assert set(report.ops) <= MICRO_OPERATORS


@pytest.mark.parametrize(
    ("fn", "spec", "words"),
    [
        (lambda x: nn.gelu(x), VECTOR, "GELU. Use jax.nn.relu"),  # noqa: PLW0108
        (lambda x: jnp.prod(x, 1), VECTOR, "REDUCE_PROD"),
        (lambda x: lax.top_k(x, 2), VECTOR, "TOPK_V2"),
        (lambda x: jnp.abs(x), TensorSpec((2,), np.int32), "ABS of int32"),  # noqa: PLW0108
        (lambda x: x.sum(1), TensorSpec((1, 2), np.int32), "SUM of int32"),
    ],
)
def test_what_micro_lacks_is_refused_with_the_line(
    fn: Callable[..., Any], spec: TensorSpec, words: str
) -> None:
    with pytest.raises(UnsupportedOpError) as caught:
        export_tflite(fn, spec, target="micro", verify=False)
    assert words in str(caught.value)
    assert "test_micro.py" in str(caught.value)


@pytest.mark.parametrize("shape", [(None, None), ("n", 3), (2, "n")])
def test_other_free_sizes_are_refused(shape: tuple[Any, ...]) -> None:
    with pytest.raises(InputSpecError, match="sizes that are numbers"):
        export_tflite(jnp.tanh, TensorSpec(shape), target="micro")


def test_other_targets_are_refused() -> None:
    with pytest.raises(InputSpecError, match="target='litert' or 'micro'"):
        export_tflite(jnp.tanh, VECTOR, target="tpu")


_PROBE = """
import os, sys
from pathlib import Path
from tflite_micro.python.tflite_micro import runtime
for path in Path(sys.argv[1]).iterdir():
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        try:
            runtime.Interpreter.from_bytes(path.read_bytes(), arena_size=100000)
        finally:
            os._exit(0)
    os.close(writing)
    text = os.fdopen(reading, "rb").read()
    os.waitpid(child, 0)
    if b"Didn't find op" not in text:
        print(path.stem)
"""


def test_the_operators_are_those_that_the_package_registers(tmp_path: Path) -> None:
    """A file of one operator whose number is replaced: does the package know it?"""
    report = export_tflite(lambda x: -x, TensorSpec((1, 4)), verify=False)
    model = schema.ModelT.InitFromPackedBuf(report.content, 0)
    (code,) = model.operatorCodes
    for number, name in enumerate(BUILTIN_NAMES):
        if name not in ("CUSTOM", "PLACEHOLDER_FOR_GREATER_OP_CODES"):
            code.builtinCode, code.deprecatedBuiltinCode = number, min(number, 127)
            builder = flatbuffers.Builder(1024)
            builder.Finish(model.Pack(builder), b"TFL3")
            (tmp_path / f"{name}.tflite").write_bytes(builder.Output())
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert set(done.stdout.split()) == MICRO_OPERATORS


@pytest.mark.parametrize(("compiler", "suffix"), [("gcc", ".c"), ("g++", ".cc")])
def test_the_c_header_compiles_and_holds_the_file(
    tmp_path: Path, compiler: str, suffix: str
) -> None:
    report = export_tflite(mlp, VECTOR, target="micro", verify=False)
    header = report.write_c_header(tmp_path / "include" / "small_net.h")
    text = header.read_text()
    numbers = bytes(int(number, 16) for number in re.findall(r"0x([0-9a-f]{2})", text))
    assert numbers == report.content
    assert f"#define SMALL_NET_ARENA_SIZE {report.arena.total}\n" in text
    if shutil.which(compiler) is None:
        return
    source = tmp_path / f"main{suffix}"
    source.write_text(
        '#include <stdint.h>\n#include <stdio.h>\n#include "small_net.h"\n'
        "int main(void) { fwrite(small_net, 1, sizeof(small_net), stdout);"
        " return (int)((uintptr_t)small_net % 16) + (sizeof(small_net) != small_net_len); }\n"
    )
    program = tmp_path / "main"
    options = ["-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{header.parent}", "-o", str(program)]
    subprocess.run([compiler, str(source), *options], check=True, timeout=60)
    done = subprocess.run([str(program)], capture_output=True, check=True, timeout=60)
    assert done.stdout == report.content


def test_a_name_that_is_none_of_c_is_refused(tmp_path: Path) -> None:
    report = export_tflite(jnp.tanh, VECTOR, target="micro", verify=False)
    with pytest.raises(ExportError, match="letters, digits and underscores"):
        report.write_c_header(tmp_path / "m.h", name="2nd model")


@pytest.mark.parametrize("io_dtype", ["float32", "int8"])
@pytest.mark.parametrize("name", ["mlp", "cnn", "depthwise", "transposed", "norm", "branches"])
def test_integers_run_in_tflite_micro_within_the_arena(
    name: str, io_dtype: str, capfd: pytest.CaptureFixture[str]
) -> None:
    fn, spec = MODELS[name]
    generator = np.random.default_rng(3)
    samples = generator.normal(size=(8, *spec.shape[1:])).astype(np.float32)
    report = export_tflite(
        fn,
        spec,
        target="micro",
        quantize="int8",
        representative=[sample[None] for sample in samples],
        io_dtype=io_dtype,
        verify=False,
    )
    x = samples[:1]
    entry = report.model.inputs[0]
    if io_dtype == "int8":
        assert entry.quantisation is not None
        scale, zero = entry.quantisation.scale[0], entry.quantisation.zero_point[0]
        x = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8)
    (got,) = run_micro(report.content, [x], arena=report.arena.total)
    (want,) = run(Interpreter(model_content=report.content), [x])
    exact = np.asarray(fn(samples[:1]))
    step = 1 if got.dtype == np.int8 else np.abs(exact).max() / 100
    assert np.abs(got.astype(np.float64) - want).max() <= step
    if io_dtype == "float32":
        assert np.abs(got - exact).max() <= 0.1 * max(1.0, np.abs(exact).max())
    assert arena_used(report, x, capfd) <= report.arena.total
