"""Every layer exports and agrees with JAX in LiteRT."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from nnlib.tflite_export import Interpreter, TensorSpec, export_tflite
from nnlib.tflite_export.verify import run

from tests.contract.case import Case
from tests.contract.cases import CASES
from tests.contract.cases_recurrent import CASES as RECURRENT

# Layers with a loop have tests of their own.
FEED_FORWARD = [case for case in CASES if case not in RECURRENT and "LSTM" not in case.name]


def built(case: Case) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """A layer's inference function, its specs with a free batch, and inputs."""
    layer = case.make()
    inputs = case.arrays()
    params, state = layer.init(jax.random.key(1), *inputs)
    generator = np.random.default_rng(2)
    params = jax.tree.map(
        lambda w: w + (0.1 * generator.normal(size=w.shape)).astype(w.dtype), params
    )
    specs = jax.tree.map(lambda x: TensorSpec((None, *x.shape[1:]), x.dtype), inputs)
    return lambda *x: layer.apply(params, state, *x, training=False)[0], specs, inputs


@pytest.mark.parametrize("case", FEED_FORWARD, ids=lambda case: case.name)
def test_layer(case: Case) -> None:
    fn, specs, inputs = built(case)
    report = export_tflite(fn, specs, verify=False)
    expected = jax.tree.leaves(jax.jit(fn)(*inputs))
    arrays = [np.asarray(x) for x in jax.tree.leaves(inputs)]
    results = run(Interpreter(model_content=report.content), arrays)
    for want, got in zip(map(np.asarray, expected), results, strict=True):
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
