"""Networks, loops and branches in TensorFlow Lite Micro: values, arena, and what is refused."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import (
    ExportMismatchError,
    Interpreter,
    Quantise,
    Report,
    TensorSpec,
    UnsupportedOpError,
    export_tflite,
    micro,
)
from nnlib.tflite_export.micro import run_micro, verify_micro
from nnlib.tflite_export.quantise.running import run_real

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
W = RNG.normal(size=(16, 16)).astype(np.float32)
SPEC = TensorSpec((1, 16))
ROWS = [RNG.normal(size=(1, 16)).astype(np.float32) for _ in range(8)]


def run_within(report: Report, x: np.ndarray) -> np.ndarray:
    """The output, computed in the estimated arena, which is at most 1.3 times the least."""
    too_small = int((report.arena.total - 600) / 1.3)
    with pytest.raises(RuntimeError):
        run_micro(report.content, [x], arena=too_small)
    return run_micro(report.content, [x], arena=report.arena.total)[0]


def residual() -> Any:
    image = nn.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(image)
    for _ in range(3):
        y = layers.Conv2D(6, 3, padding="same", activation="relu6")(x)
        y = layers.DepthwiseConv2D(3, padding="same")(y)
        x = layers.ReLU()(layers.Add()([x, y]))
    return nn.Model(image, layers.Dense(4)(layers.GlobalAveragePooling2D()(x)))


def recurrent(layer: Any) -> Any:
    return nn.Sequential([nn.Input((4, 3)), layer(8), layers.Dense(2)])


NETWORKS = {
    "residual": residual,
    "lstm": lambda: recurrent(layers.LSTM),
    "gru": lambda: recurrent(layers.GRU),
    "mlp": lambda: nn.Sequential(
        [nn.Input((9,)), layers.Dense(16, "relu"), layers.Dense(4, "softmax")]
    ),
}


@pytest.mark.parametrize("mode", ["int8", "int16x8"])
@pytest.mark.parametrize("name", NETWORKS)
def test_network_within_its_arena(name: str, mode: str) -> None:
    model = NETWORKS[name]()
    shape = model.input_specs[0].shape[1:]
    data = RNG.normal(size=(16, *shape)).astype(np.float32)
    io_dtype = mode.split("x", maxsplit=1)[0]
    report = export_tflite(
        model, target="micro", quantize=mode, representative=data, rnn="unroll", io_dtype=io_dtype
    )
    assert report.quantisation is not None
    assert report.quantisation.kept_float == ()
    found = run_within(report, np.zeros((1, *shape), io_dtype))
    assert found.dtype == io_dtype


def loop(x: jax.Array) -> jax.Array:
    return lax.fori_loop(0, 3, lambda i, c: jnp.tanh(c @ W), x)


def branch(x: jax.Array) -> jax.Array:
    return lax.cond(x[0, 0] > 0, lambda v: jax.nn.relu(v @ W) @ W, lambda v: v * 2, x)


def nested(x: jax.Array) -> jax.Array:
    def step(i: Any, c: jax.Array) -> jax.Array:
        return lax.cond(c[0, 0] > 0, lambda v: v @ W, lambda v: v + 1, c)

    return lax.fori_loop(0, 3, step, x)


@pytest.mark.parametrize("fn", [loop, branch, nested])
def test_inner_graphs_within_the_arena(fn: Any) -> None:
    report = export_tflite(fn, SPEC, target="micro", verify=False)
    for x in (ROWS[0], -ROWS[0]):
        found = run_within(report, x)
        np.testing.assert_allclose(found, fn(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("fn", "lacking"),
    [
        (lambda x: jax.nn.relu6(x[:, ::-1]), "RELU6"),
        (lambda x: jnp.clip(x.reshape(4, 4), -1, 1), "RELU_N1_TO_1"),
        (lambda x: jnp.clip(x.reshape(4, 4), 0, 1), "RELU_0_TO_1"),
        (lambda x: jnp.tile(x.reshape(4, 4), (2, 3)), "TILE"),
    ],
)
def test_what_micro_lacks_or_computes_otherwise_is_rewritten(fn: Any, lacking: str) -> None:
    """RELU6 of int8 ignores the scale of its result there."""
    assert lacking in export_tflite(fn, SPEC, verify=False).ops
    options: dict[str, Any] = {"quantize": "int8", "representative": ROWS, "io_dtype": "int8"}
    report = export_tflite(fn, SPEC, target="micro", **options)
    assert lacking not in report.ops
    assert report.quantisation is not None
    assert report.quantisation.kept_float == ()
    (want,) = run_real(Interpreter(model_content=report.content), ROWS[:1])
    np.testing.assert_allclose(want, fn(ROWS[0]), atol=0.06)
    assert lacking == "RELU6" or lacking not in export_tflite(fn, SPEC, target="micro").ops


@pytest.mark.parametrize(
    ("fn", "mode", "words"),
    [
        (lambda x: x[:, np.array([3, 1])], "int16x8", r'keep_float=\["GATHER"\]'),
        (lambda x: x.reshape(4, 4).max(1), "int16x8", "REDUCE_MAX of int8 or floats"),
        (lambda x: x @ np.tile(W, (1, 8)), "dynamic", "FULLY_CONNECTED of floats by floats"),
        (lambda x: x @ np.tile(W, (1, 8)), "float16", "weights that are used as they are stored"),
    ],
)
def test_dtypes_that_micro_lacks_are_refused(fn: Any, mode: str, words: str) -> None:
    data = ROWS if mode == "int16x8" else None
    with pytest.raises(UnsupportedOpError, match=words) as caught:
        export_tflite(fn, SPEC, target="micro", quantize=mode, representative=data)
    assert "test_micro_networks.py" in str(caught.value)


def test_the_remedy_for_int16_works() -> None:
    kept = Quantise("int16x8", keep_float=["GATHER"])
    fn = lambda x: (x @ W)[:, np.array([3, 1])]  # noqa: E731
    report = export_tflite(fn, SPEC, target="micro", quantize=kept, representative=ROWS)
    assert report.ops["GATHER"] == 1


def test_verification_sees_values_that_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    fn = lambda x: jnp.tanh(x @ W)  # noqa: E731
    options: dict[str, Any] = {"quantize": "int8", "representative": ROWS, "io_dtype": "int8"}
    report: Report = export_tflite(fn, SPEC, target="micro", verify=False, **options)
    verify_micro(report.content)
    original = micro.run_micro

    def changed(*args: Any) -> list[np.ndarray]:
        return [np.where(y < 0, y + steps, y - steps).astype(y.dtype) for y in original(*args)]

    monkeypatch.setattr(micro, "run_micro", changed)
    for steps, sound in ((3, True), (9, False)):  # noqa: B007
        if sound:
            verify_micro(report.content)
        else:
            with pytest.raises(ExportMismatchError, match="within 4"):
                verify_micro(report.content)
