"""Attention over a sequence on several devices, against attention on one."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

import nnlib as nn
from nnlib.ops.attention import attention

MESH = jax.make_mesh((2, 4), ("data", "sequence"), (AxisType.Auto, AxisType.Auto))
KEYS = jax.random.split(jax.random.key(0), 4)
Q, WEIGHTS = (jax.random.normal(key, (2, 16, 4, 8)) for key in KEYS[:2])
K, V = (jax.random.normal(key, (2, 16, 2, 8)) for key in KEYS[2:])


def ring(q, k, v, **options):
    return nn.distributed.ring_attention(q, k, v, mesh=MESH, **options)


# The first row sees half of the keys, the second all but the first, and so, if causal, its first
# query sees none.
MASK = np.stack([np.arange(16) % 2 == 0, np.arange(16) > 0])


def on_one_device(q, k, v, mask=None, causal=False, scale=None):
    """softmax(q k^T) v, written out."""
    k, v = (jnp.repeat(a, q.shape[2] // a.shape[2], axis=2) for a in (k, v))
    scores = jnp.einsum("bqhd,bshd->bhqs", q, k) * (scale or q.shape[-1] ** -0.5)
    seen = np.tril(np.ones(scores.shape, bool)) if causal else np.ones(scores.shape, bool)
    if mask is not None:
        seen = seen & mask[:, None, None, :]
    weights = jax.nn.softmax(jnp.where(seen, scores, -1e9))
    return jnp.einsum("bhqs,bshd->bqhd", weights, v)


@pytest.mark.parametrize(
    "options",
    [{}, {"mask": MASK}, {"causal": True, "scale": 3.0}, {"causal": True, "mask": MASK}],
    ids=" ".join,
)
def test_outputs_and_gradients(options):
    def both(function):
        def loss(*arrays):
            out = function(*arrays, **options)
            return (out * WEIGHTS).sum(), out

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(Q, K, V)

    for a, b in zip(*map(jax.tree.leaves, (both(ring), both(on_one_device))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * np.abs(b).max())


def test_rows_without_any_key():
    """They get what attention on one device gives them: the mean of all values."""
    mask = np.zeros((2, 16), bool)
    mask[1] = True
    found = ring(Q, K, V, mask=mask)
    k, v = (jnp.repeat(a, 2, axis=2) for a in (K, V))
    plain = attention(Q, k, v, mask[:, None, None, :])
    np.testing.assert_allclose(found, plain, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[0], np.broadcast_to(v[0].mean(0), (16, 4, 8)), atol=1e-6)


def test_other_lengths_and_narrow_dtypes():
    """Sums are float32: outputs and gradients are the exact ones of these inputs, rounded once."""
    narrow = [a.astype("bfloat16") for a in (Q, K[:, :8], V[:, :8, :, :4])]
    weights = WEIGHTS[..., :4].astype("bfloat16").astype("float32")  # as their gradient is

    def both(function, arrays):
        def loss(*arrays):
            out = function(*arrays)
            return (out.astype("float32") * weights).sum(), out

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(*arrays)

    (_, out), grads = both(ring, narrow)
    (_, exact), exact_grads = both(on_one_device, [a.astype("float32") for a in narrow])
    for a, b in zip((out, *grads), (exact, *exact_grads), strict=True):
        assert (a.shape, a.dtype) == (b.shape, "bfloat16")
        np.testing.assert_allclose(a.astype("float32"), b, rtol=2**-8, atol=1e-4)


def test_parts_of_keys_and_values_go_round_and_nothing_else():
    """With the batch over another axis: one row and four positions on a device."""
    where = NamedSharding(MESH, P("data", "sequence"))
    function = jax.jit(
        jax.grad(lambda *a: (ring(*a, causal=True) ** 2).sum(), (0, 1, 2)),
        in_shardings=where,
        out_shardings=where,
    )
    text = function.lower(Q, K, V).compile().as_text()
    moved = set(re.findall(r"= \(?(\S+?)\{.*? (all-[a-z]+|reduce-scatter|collective-\w+)\(", text))
    assert moved == {("f32[1,4,2,8]", "collective-permute")}


@pytest.mark.parametrize(
    ("arrays", "options", "match"),
    [
        ((Q, K[:, :6], V[:, :6]), {}, "4 devices divide"),
        ((Q, K[:, :8], V[:, :8]), {"causal": True}, "equal lengths"),
        ((Q, K, V[:, :8]), {}, "expected a query of"),
        ((Q[..., 0], K, V), {}, "expected a query of"),
        ((Q[:, :, :3], K, V), {}, "expected a query of"),
        ((Q, K, V), {"axis": "sequences"}, "Did you mean 'sequence'"),
        ((Q, K, V), {"mask": np.ones((2, 16, 16), bool)}, "causal=True"),
        ((Q, K, V), {"mask": np.ones((2, 16))}, "a mask of booleans"),
    ],
)
def test_what_is_refused(arrays, options, match):
    with pytest.raises(ValueError, match=match):
        ring(*arrays, **options)
