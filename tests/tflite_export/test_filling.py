"""Constants over the free batch: right for every dtype, whatever the input holds, and static."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.tflite_export import TensorSpec

X = TensorSpec((None, 3))
WORDS = TensorSpec((4, None), np.int32)
CASES: dict[str, tuple[Any, TensorSpec]] = {
    "zeros": (lambda x: jnp.zeros((x.shape[0], 2, 3)), X),
    "ones": (lambda x: jnp.ones((x.shape[0],)), X),
    "negative_zero": (lambda x: 1.0 / jnp.full((x.shape[0], 2), -0.0), X),
    "rows": (lambda x: jnp.broadcast_to(jnp.arange(4.0), (x.shape[0], 4)), X),
    "inner_axis": (lambda x: jnp.full((2, x.shape[0], 3), 2.5), X),
    "last_axis": (lambda x: jnp.full((2, x.shape[1]), 7, jnp.int32), WORDS),
    "from_integers": (lambda x: jnp.full((x.shape[1], 2), 1.5), WORDS),
    "integers": (lambda x: jnp.full((x.shape[0], 2), 1 << 25, jnp.int32), X),
    "true": (lambda x: jnp.full((x.shape[0], 2), True), X),
    "false": (lambda x: jnp.full((x.shape[0], 2), False), X),
    "bytes": (lambda x: jnp.full((x.shape[0], 2), 200, jnp.uint8), X),
    "expression": (lambda x: jnp.full((2 * x.shape[0], 2), 3.0), X),
    "infinite": (lambda x: jnp.full((x.shape[0], 2), -jnp.inf), X),
}


@pytest.mark.parametrize("name", CASES)
def test_constant_over_the_batch(check: Any, name: str) -> None:
    fn, spec = CASES[name]
    make = (lambda x: x) if spec is WORDS else (lambda x: x * np.float32(np.nan))
    check(fn, spec, sizes=(1, 4), make=make)


def test_shape_is_no_value(check: Any) -> None:
    """No shape vector is computed while running: everything behind it would become dynamic."""

    def fn(x: jax.Array) -> jax.Array:
        return jnp.concatenate([x, jnp.zeros((x.shape[0], 2))], axis=1)

    assert not {"SHAPE", "BROADCAST_TO"} & set(check(fn, X).ops)
