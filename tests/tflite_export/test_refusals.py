"""What cannot be expressed is refused: the primitive, the shapes, the user's line, a remedy."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from nnlib.tflite_export import (
    ExportError,
    InputSpecError,
    TensorSpec,
    UnsupportedOpError,
    export_tflite,
)

X = TensorSpec((None, 4))
INTS = TensorSpec((None, 4), np.int32)
HERE = Path(__file__).name


def noisy(x: jax.Array) -> jax.Array:
    return x + jax.random.normal(jax.random.key(0), x.shape)


def applied(x: jax.Array) -> jax.Array:
    return x.at[jnp.array([0, 2])].apply(jnp.tanh)


def neighbour(x: jax.Array) -> jax.Array:
    return jnp.nextafter(x, x + 1)


def unsigned(x: jax.Array) -> jax.Array:
    return (x.astype(jnp.uint32) // x[:1].astype(jnp.uint32)).astype(jnp.int32)


def four_bits(x: jax.Array) -> jax.Array:
    return x.astype(jnp.int4).astype(jnp.int32)


def complex_power(x: jax.Array) -> jax.Array:
    return jnp.abs(lax.log(x + 1j * x))


def complex_divisor(x: jax.Array) -> jax.Array:
    return jnp.abs(1 / (x + 1j * x))


def long_axis(x: jax.Array) -> jax.Array:
    return jnp.abs(jnp.fft.fft(jnp.tile(x, (1, 2000))))


def running(x: jax.Array) -> jax.Array:
    return lax.cummax(x, 0)


def windows_set(x: jax.Array) -> jax.Array:
    return jax.vmap(lambda a: lax.dynamic_update_slice(a, a[:2], (a[0].astype(int),)))(x)


def own_reduction(x: jax.Array) -> jax.Array:
    return lax.reduce_window(x, 0.0, lambda a, b: a + 2 * b, (1, 2), (1, 1), "VALID")


def called_back(x: jax.Array) -> jax.Array:
    return jax.pure_callback(np.sin, x, x)


def factored(x: jax.Array) -> jax.Array:
    return jnp.linalg.cholesky(x.T @ x)


def outside(x: jax.Array) -> jax.Array:
    return x[:, 7]


CASES = [
    (noisy, X, "random_", "training=False"),
    (applied, X, "scatter", "set"),
    (four_bits, INTS, "int4", "astype"),
    (neighbour, X, "nextafter", "supported_primitives"),
    (unsigned, INTS, "uint32", "int32"),
    (complex_power, X, "log", "real"),
    (complex_divisor, X, "div", "conj"),
    (long_axis, X, "fft", "windows"),
    (running, X, "cummax", "size"),
    (windows_set, X, "scatter", "loop"),
    (own_reduction, X, "reduce_window", "loop"),
    (called_back, X, "pure_callback", "jnp"),
    (factored, X, "cholesky", "outside"),
    (outside, X, "gather", "index"),
]


@pytest.mark.parametrize(
    ("fn", "spec", "primitive", "remedy"), CASES, ids=lambda v: getattr(v, "__name__", None)
)
def test_refusal_says_what_where_and_what_instead(
    fn: Any, spec: TensorSpec, primitive: str, remedy: str
) -> None:
    with pytest.raises(UnsupportedOpError) as caught:
        export_tflite(fn, spec)
    text = str(caught.value)
    where, _, rest = text.partition(": ")
    line = inspect.getsourcelines(fn)[1] + 1
    assert where.endswith(f"{HERE}:{line}")
    assert primitive in rest
    assert "->" in rest
    assert remedy in caught.value.remedy


def test_line_inside_a_library_function_is_the_line_of_the_call() -> None:
    def first(x: jax.Array) -> jax.Array:
        return jnp.linalg.inv(x.T @ x)

    def second(x: jax.Array) -> jax.Array:
        return jnp.linalg.inv(x.T @ x)

    for fn in (first, second):  # the second is served from JAX's trace cache
        with pytest.raises(UnsupportedOpError, match="lu") as caught:
            export_tflite(fn, X)
        assert f"{HERE}:{inspect.getsourcelines(fn)[1] + 1}" in str(caught.value)


def test_complex_results() -> None:
    with pytest.raises(UnsupportedOpError, match="complex64") as caught:
        export_tflite(jnp.fft.fft, X)
    assert "x.real and x.imag" in caught.value.remedy


def test_unsupported_work_that_nothing_reads_is_left_out() -> None:
    def fn(x: jax.Array) -> jax.Array:
        jax.random.split(jax.random.key(0))
        jnp.linalg.inv(x.T @ x)
        return x + 1

    assert export_tflite(fn, X).ops == {"ADD": 1}


@pytest.mark.parametrize("dtype", [jnp.uint32, jnp.bfloat16])
def test_result_dtypes_that_no_file_hands_out(dtype: Any) -> None:
    with pytest.raises(UnsupportedOpError, match="output 'output_0'") as caught:
        export_tflite(lambda x: x.astype(dtype), X)
    assert "astype(jnp.float32)" in caught.value.remedy


def test_batched_search() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return jax.vmap(lambda a: jnp.searchsorted(jnp.sort(a), a))(x)

    with pytest.raises(UnsupportedOpError, match=HERE):
        export_tflite(fn, X)


def test_x64_values_are_refused() -> None:
    with jax.enable_x64(True), pytest.raises(ExportError, match="jax_enable_x64"):
        export_tflite(lambda x: x.astype(jnp.float64) * 2, X)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64, np.complex64])
def test_input_dtypes_that_no_file_holds(dtype: Any) -> None:
    with pytest.raises(InputSpecError, match="input 'x': dtype float32, int32"):
        export_tflite(lambda x: x, TensorSpec((None, 2), dtype))


def test_input_without_shape() -> None:
    with pytest.raises(InputSpecError, match=r"a spec with \.shape and \.dtype"):
        export_tflite(lambda x: x, (3.0,))


def test_empty_input() -> None:
    with pytest.raises(InputSpecError, match="sizes of at least 1"):
        export_tflite(lambda x: x, TensorSpec((0, 2)))


def test_empty_values() -> None:
    with pytest.raises(UnsupportedOpError, match="at least one element"):
        export_tflite(lambda x: x[:, :0], X)


def test_nothing_to_export() -> None:
    with pytest.raises(InputSpecError, match="returns arrays"):
        export_tflite(lambda x: None, X)


def test_python_branch_on_a_value() -> None:
    with pytest.raises(InputSpecError, match=r"jnp\.where"):
        export_tflite(lambda x: x if x[0, 0] > 0 else -x, X)


def test_branch_on_a_free_size() -> None:
    def fn(x: jax.Array) -> jax.Array:
        return x * 2 if x.shape[0] > 5 else x

    with pytest.raises(InputSpecError, match="as a number"):
        export_tflite(fn, X)


def test_no_specs() -> None:
    with pytest.raises(InputSpecError, match="TensorSpec"):
        export_tflite(lambda x: x)


def test_no_function() -> None:
    with pytest.raises(InputSpecError, match=r"\.input_specs"):
        export_tflite(3)


def test_too_many_dimensions() -> None:
    with pytest.raises(UnsupportedOpError, match="at most 6 dimensions for SUM"):
        export_tflite(lambda x: x.sum(-1), TensorSpec((None, 1, 2, 1, 2, 1, 3)))
