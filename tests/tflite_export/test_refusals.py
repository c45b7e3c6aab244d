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


def scanned(x: jax.Array) -> jax.Array:
    return lax.scan(lambda c, _: (c, c.astype(jnp.uint8)), x, None, length=3)[1]


def noisy(x: jax.Array) -> jax.Array:
    return x + jax.random.normal(jax.random.key(0), x.shape)


def half(x: jax.Array) -> jax.Array:
    return x.astype(jnp.float16) * 2


def brain(x: jax.Array) -> jax.Array:
    return x.astype(jnp.bfloat16) * 2


def fourier(x: jax.Array) -> jax.Array:
    return jnp.abs(jnp.fft.fft(x))


def bits(x: jax.Array) -> jax.Array:
    return x & 1


def called_back(x: jax.Array) -> jax.Array:
    return jax.pure_callback(np.sin, x, x)


def factored(x: jax.Array) -> jax.Array:
    return jnp.linalg.cholesky(x.T @ x)


def strided_batch(x: jax.Array) -> jax.Array:
    return x[::2, 1:3]


def outside(x: jax.Array) -> jax.Array:
    return x[:, 7]


def quantised(x: jax.Array) -> jax.Array:
    return x.astype(jnp.int8) * x.astype(jnp.int8)


def sorted_rows(x: jax.Array) -> jax.Array:
    return jnp.sort(x, axis=-1)


def interior(x: jax.Array) -> jax.Array:
    return lax.pad(x, 0.0, ((0, 0, 0), (0, 0, 1)))


CASES = [
    (scanned, X, "scan", "after the loop"),
    (noisy, X, "random_", "training=False"),
    (half, X, "float16", "astype"),
    (brain, X, "bfloat16", "astype"),
    (fourier, X, "complex64", "astype"),
    (bits, INTS, "and", "bool"),
    (called_back, X, "pure_callback", "jnp"),
    (factored, X, "cholesky", "outside"),
    (strided_batch, X, "gather", "jnp.take"),
    (outside, X, "gather", "index"),
    (quantised, X, "int8", "float32"),
    (sorted_rows, X, "sort", "top_k"),
    (interior, X, "pad", "stack"),
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
        return jnp.median(x, axis=-1)

    def second(x: jax.Array) -> jax.Array:
        return jnp.median(x, axis=-1)

    for fn in (first, second):  # the second is served from JAX's trace cache
        with pytest.raises(UnsupportedOpError, match="sort") as caught:
            export_tflite(fn, X)
        assert f"{HERE}:{inspect.getsourcelines(fn)[1] + 1}" in str(caught.value)


def test_unsupported_work_that_nothing_reads_is_left_out() -> None:
    def fn(x: jax.Array) -> jax.Array:
        jax.random.split(jax.random.key(0))
        jnp.sort(x)
        return x + 1

    assert export_tflite(fn, X).ops == {"ADD": 1}


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
