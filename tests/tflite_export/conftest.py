"""Help for the exporter's tests: export, run in LiteRT, compare with JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import Interpreter, Report, TensorSpec, export_tflite
from nnlib.tflite_export.verify import random_array, run

Check = Callable[..., Report]


def outputs_of(report: Report, *inputs: Any) -> list[np.ndarray]:
    """What LiteRT computes for these inputs."""
    return run(Interpreter(model_content=report.content), [np.asarray(x) for x in inputs])


def _sized(spec: TensorSpec, size: int) -> tuple[int, ...]:
    return tuple(size + axis if not isinstance(d, int) else d for axis, d in enumerate(spec.shape))


def check_export(
    fn: Callable[..., Any],
    *specs: TensorSpec,
    ops: dict[str, int] | None = None,
    sizes: tuple[int, ...] = (1, 7),
    tol: float = 1e-5,
    make: Callable[[np.ndarray], np.ndarray] = lambda x: x,
) -> Report:
    """Export `fn`, then compare LiteRT with JAX at several sizes; `make` maps the random inputs.

    Free sizes of axis k become size + k, so that a confusion of axes shows.
    """
    report = export_tflite(fn, tuple(specs), verify=False)
    generator = np.random.default_rng(0)
    interpreter = Interpreter(model_content=report.content)
    reference = jax.jit(fn)
    for size in sizes:
        inputs = [make(random_array(generator, _sized(s, size), np.dtype(s.dtype))) for s in specs]
        expected = jax.tree_util.tree_leaves(reference(*map(jnp.asarray, inputs)))
        for want, got in zip(map(np.asarray, expected), run(interpreter, inputs), strict=True):
            assert got.shape == want.shape
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=tol, atol=tol)
    if ops is not None:
        assert report.ops == ops
    return report


@pytest.fixture
def check() -> Check:
    return check_export
