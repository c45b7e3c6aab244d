"""Signatures and values at the edges: unread inputs, an output twice, infinities, free sizes."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import Interpreter, TensorSpec, export_tflite
from nnlib.tflite_export.verify import run

X = TensorSpec((None, 4))
W = np.random.default_rng(2).normal(size=(4, 2)).astype(np.float32)

CASES: dict[str, tuple[Any, Any]] = {
    "constant_output": (lambda x: (x + 1, jnp.arange(3.0)), (X,)),
    "only_constants": (lambda x: jnp.arange(3.0), (X,)),
    "input_is_output": (lambda x: x, (X,)),
    "inputs_swapped": (lambda x, y: (y, x, x + y), (X, X)),
    "same_output_twice": (lambda x: (x * 2,) * 2, (X,)),
    "unused_input": (lambda x, y: x * 2, (X, TensorSpec((None, 3)))),
    "scalar_output": (lambda x: x.sum(), (X,)),
    "scalar_input": (lambda x: x * 2, (TensorSpec(()),)),
    "scalar_int_input": (lambda x: x + 2, (TensorSpec((), np.int32),)),
    "scalar_constant_output": (lambda x: (x, np.float32(3.0)), (X,)),
    "bool_through": (lambda x: x, (TensorSpec((None, 4), np.bool_),)),
    "int8_through": (lambda x: x.reshape(-1, 2), (TensorSpec((None, 4), np.int8),)),
    "dict_input": (lambda d: {"s": d["a"] + d["b"], "m": d["a"] * d["b"]}, ({"a": X, "b": X},)),
    "nested": (lambda d, z: {"s": [d["a"][0] + d["b"], z]}, ({"a": [X], "b": X}, X)),
    "none_in_result": (lambda x: {"a": x + 1, "b": None}, (X,)),
    "fixed_batch": (lambda x: x.reshape(-1) @ W, (TensorSpec((1, 4)),)),
    "two_free_sizes": (lambda x: jax.nn.relu(x @ W), (TensorSpec((None, None, 4)),)),
    "named_free_sizes": (
        lambda x, y: x[:, :, None] * y[:, None, :],
        (TensorSpec(("n", "t")), TensorSpec(("n", "u"))),
    ),
    "split_with_two_free_sizes": (
        lambda x: x.reshape(*x.shape[:2], 2, 2),
        (TensorSpec((None, None, 4)),),
    ),
    "all_axes_free": (lambda x: x.mean((1, 2)) + x.mean(), (TensorSpec((None, None, None)),)),
    "self_attention": (
        lambda x: jax.nn.softmax(x @ jnp.swapaxes(x, 1, 2)) @ x,
        (TensorSpec((None, None, 4)),),
    ),
    "size_expression": (lambda x: jnp.concatenate([x, x, jnp.zeros((1, 4))]), (X,)),
    "size_squared": (lambda x: (x[:, None] + x[None]).reshape(-1, 4), (X,)),
    "broadcast_constant": (lambda x: jnp.zeros((x.shape[0], 4)) + 1, (X,)),
    "size_as_number": (lambda x: x * (2 * x.shape[0] + 1), (X,)),
    "nan_constant": (lambda x: jnp.where(x > 0, x, jnp.nan), (X,)),
    "infinite_constant": (lambda x: jnp.where(x > 0, x, -jnp.inf), (X,)),
    "masked_softmax": (lambda x: jax.nn.softmax(jnp.where(x > -9, x, -jnp.inf)), (X,)),
    "numpy_scalars": (lambda x: x * np.float64(2.5) + np.int64(3), (X,)),
    "float16_constant": (lambda x: x * jnp.float16(2.0).astype(jnp.float32), (X,)),
    "empty_part": (lambda x: jnp.concatenate([x, x[:, :0]], 1), (X,)),
    "remat": (jax.checkpoint(jnp.sin), (X,)),
    "vmap": (jax.vmap(lambda x: x @ W + x.sum()), (X,)),
    "gradient": (jax.grad(lambda x: (jnp.tanh(x) ** 2).sum()), (X,)),
    "gradient_of_relu": (jax.grad(lambda x: (jax.nn.relu(x) ** 2).sum()), (X,)),
    "nested_jit": (jax.jit(lambda x: jax.jit(jnp.tanh)(x) + 1), (X,)),
    "mean_of_ints": (lambda x: x.mean(-1), (TensorSpec((None, 4), np.int32),)),
    "count": (lambda x: (x > 0).sum(-1), (X,)),
    "mixed_dtypes": (lambda x, i: x * i, (X, TensorSpec((None, 4), np.int32))),
    "nan_to_num": (jnp.nan_to_num, (X,)),
    "hypot": (lambda x: jnp.hypot(x, x + 1), (X,)),
    "zero_weights": (lambda x: x @ np.zeros((4, 3), np.float32), (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_jax(name: str) -> None:
    fn, specs = CASES[name]
    report = export_tflite(fn, specs, verify=True)
    assert report.max_error is not None
    assert report.max_error <= 1e-5


def test_free_axes_are_not_taken_for_each_other() -> None:
    """Axis 0 and axis 1 of one input are different sizes, the same axis of two inputs is one."""
    spec = TensorSpec((None, None))
    report = export_tflite(lambda x, y: x * x.shape[1] + y, (spec, spec), verify=True)
    assert report.max_error is not None


def test_long_chains_neither_recurse_nor_explode() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return functools.reduce(lambda a, _: jnp.tanh(a) + 1, range(600), x)

    assert export_tflite(fn, X, verify=False).ops == {"ADD": 600, "TANH": 600}


def test_equal_work_is_done_once() -> None:
    assert export_tflite(lambda x: jnp.sin(x) * jnp.sin(x), X).ops == {"SIN": 1, "SQUARE": 1}


@pytest.mark.parametrize("index", [-11, 10])
def test_broken_promise_about_an_index_is_an_error_not_a_number(index: int) -> None:
    table = np.ones((10, 4), np.float32)
    spec = TensorSpec((None,), np.int32)
    report = export_tflite(lambda i: jnp.asarray(table).at[i].get(mode="promise_in_bounds"), spec)
    with pytest.raises(RuntimeError, match=r"out of bounds|out of range"):
        run(Interpreter(model_content=report.content), [np.array([index], np.int32)])
