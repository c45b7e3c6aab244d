"""Attention over sequences that are cut over devices: keys and values go round in a ring."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ArgumentError, ShapeError

from .meshes import known_axes, mesh_of

MASKED = -1e30
"""The score of what may not be looked at: finite, so that no difference is NaN."""


class Ring(NamedTuple):
    """What is the same on all devices of the ring."""

    axis: str
    size: int
    causal: bool
    scale: float


def ring_attention(
    query: Any,
    key: Any,
    value: Any,
    *,
    mesh: Mesh,
    axis: str = "sequence",
    mask: Any = None,
    causal: bool = False,
    scale: float | None = None,
) -> jax.Array:
    """`softmax(scale * query @ key^T) @ value`, where each device has a part of the sequence.

    Scores of one part of the queries with one part of the keys are computed at a time, and the
    softmax is summed up as they come, so no device ever has more than a part of the keys, the
    values or the scores; the backward pass goes round once more. It can be differentiated once, in
    reverse. Batch and heads may be cut over other axes of the mesh.

    Args:
        query: (batch, length, heads, size), floats; sums are float32 at least.
        key: (batch, source length, key heads, size); the number of heads is a multiple of this.
        value: likewise.
        mesh: with automatic axes.
        axis: of the mesh, over which the lengths are cut.
        mask: (batch, source length), True where a key may be looked at; None for all. As in
            `nnlib.ops.attention`, a query that may look at none gets the mean of all values.
        causal: whether a position looks at itself and at earlier ones only.
        scale: of the scores; `1 / sqrt(size)` if None.

    Returns:
        (batch, length, heads, size), cut as the queries, in their dtype.

    Raises:
        ArgumentError: for an axis that the mesh has not.
        ShapeError: for shapes that do not fit each other or the axis.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> from jax.sharding import AxisType
    >>> mesh = jax.make_mesh((1,), ("sequence",), (AxisType.Auto,), devices=jax.devices()[:1])
    >>> x = jax.random.normal(jax.random.key(0), (2, 8, 4, 16))
    >>> nn.distributed.ring_attention(x, x, x, mesh=mesh, causal=True).shape
    (2, 8, 4, 16)

    Source: Liu et al., "Ring Attention with Blockwise Transformers for Near-Infinite Context",
    2023.
    """
    if not isinstance(mesh, Mesh):
        raise ArgumentError(f"ring_attention: expected a jax.sharding.Mesh, got {mesh!r}.")
    mesh = mesh_of("ring_attention", mesh, (), axis)
    known_axes("ring_attention", (axis,), mesh)
    query, key, value = map(jnp.asarray, (query, key, value))
    size = int(mesh.shape[axis])
    _check(query.shape, key.shape, value.shape, size, causal)
    if mask is not None:
        mask = _checked_mask(mask, key.shape)
    given = query.shape[-1] ** -0.5 if scale is None else float(scale)
    positions = jnp.arange(size, dtype=jnp.int32)
    ring = Ring(axis, size, bool(causal), given)
    return _compiled(mesh, ring)(positions, query, key, value, mask)


def _check(query: Any, key: Any, value: Any, size: int, causal: bool) -> None:
    shapes = f"got {query}, {key} and {value}"
    fits = len(query) == len(key) == len(value) == 4 and (
        key == value[:3] + key[3:] and query[0] == key[0] and query[3] == key[3]
    )
    if not fits or query[2] % key[2]:
        raise ShapeError(
            "ring_attention: expected a query of (batch, length, heads, size), and a key and a "
            f"value of (batch, source length, heads or fewer, size), {shapes}."
        )
    if query[1] % size or key[1] % size:
        raise ShapeError(
            f"ring_attention: expected lengths that {size} devices divide, {shapes}. Fill the "
            "sequences up."
        )
    if causal and query[1] != key[1]:
        raise ShapeError(f"ring_attention: expected equal lengths with causal=True, {shapes}.")


def _checked_mask(mask: Any, key: tuple[int, ...]) -> jax.Array:
    mask = jnp.asarray(mask)
    if mask.shape != key[:2] or mask.dtype != bool:
        raise ShapeError(
            f"ring_attention: expected a mask of booleans (batch, source length), {key[:2]}, got "
            f"{mask.dtype} {mask.shape}. It hides keys from all queries alike; what each query "
            "may see apart from that, only causal=True says."
        )
    return mask


@functools.lru_cache(maxsize=32)
def _compiled(mesh: Mesh, ring: Ring) -> Any:
    part = P(None, ring.axis)
    return jax.jit(
        jax.shard_map(
            functools.partial(_local, ring),
            mesh=mesh,
            in_specs=(P(ring.axis), part, part, part, part),
            out_specs=part,
            axis_names={ring.axis},
            check_vma=False,
        )
    )


def _local(ring: Ring, where: Any, q: Any, k: Any, v: Any, mask: Any) -> jax.Array:
    """The outputs for the queries of this device; `where` is (1,), its place in the ring."""
    batch, length, heads, size = q.shape
    grouped = q.reshape(batch, length, k.shape[2], heads // k.shape[2], size)
    out = _attend(ring, where[0], grouped, k, v, mask)
    return out.reshape(batch, length, heads, v.shape[-1]).astype(q.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _attend(ring: Ring, where: Any, q: Any, k: Any, v: Any, mask: Any) -> jax.Array:
    return _forward(ring, where, q, k, v, mask)[0]


def _forward(ring: Ring, where: Any, q: Any, k: Any, v: Any, mask: Any) -> tuple[jax.Array, Any]:
    """Once round: the running maximum of the scores, the sum of exponentials, the weighted sum."""
    exact = _exact(q)

    def turn(carry: Any, step: Any) -> tuple[Any, None]:
        moving, top, total, out = carry
        k, v, mask = moving
        scores, _ = _scores(ring, where, (where - step) % ring.size, q, k, mask)
        new = jnp.maximum(top, scores.max(-1))
        # Before a key is seen that counts, all others have equal weights: these shrink to 0 then.
        weights = jnp.exp(scores - new[..., None])
        shrink = jnp.exp(top - new)
        total = total * shrink + weights.sum(-1)
        update = jnp.einsum("bkgqs,bskd->bqkgd", weights, v.astype(exact))
        out = out * _over_size(shrink) + update
        return (_passed_on(ring, moving), new, total, out), None

    shape = (q.shape[0], k.shape[2], q.shape[3], q.shape[1])
    begin = (
        (k, v, mask),
        jnp.full(shape, MASKED, exact),
        jnp.zeros(shape, exact),
        jnp.zeros((*q.shape[:4], v.shape[-1]), exact),
    )
    (_, top, total, out), _ = jax.lax.scan(turn, begin, jnp.arange(ring.size))
    out = out / _over_size(total)
    return out, (where, q, k, v, mask, out, top, total)


def _backward(ring: Ring, kept: Any, grad: Any) -> tuple[Any, ...]:
    """Once round again: gradients of keys and values travel with them, and end at home."""
    where, q, k, v, mask, out, top, total = kept
    exact = _exact(q)
    inner = jnp.moveaxis((grad * out).sum(-1), 1, -1)  # (batch, key heads, group, queries)

    def turn(carry: Any, step: Any) -> tuple[Any, None]:
        (k, v, mask, dk, dv), dq = carry
        scores, seen = _scores(ring, where, (where - step) % ring.size, q, k, mask)
        weights = jnp.exp(scores - top[..., None]) / total[..., None]
        dv = dv + jnp.einsum("bkgqs,bqkgd->bskd", weights, grad)
        toward = jnp.einsum("bqkgd,bskd->bkgqs", grad, v.astype(exact))
        dscores = weights * (toward - inner[..., None]) * ring.scale
        if seen is not None:
            dscores = jnp.where(seen, dscores, 0)
        dq = dq + jnp.einsum("bkgqs,bskd->bqkgd", dscores, k.astype(exact))
        dk = dk + jnp.einsum("bkgqs,bqkgd->bskd", dscores, q.astype(exact))
        return (_passed_on(ring, (k, v, mask, dk, dv)), dq), None

    dk, dv, dq = (jnp.zeros(a.shape, exact) for a in (k, v, q))
    begin: Any = (k, v, mask, dk, dv), dq
    ((*_, dk, dv), dq), _ = jax.lax.scan(turn, begin, jnp.arange(ring.size))
    return None, dq.astype(q.dtype), dk.astype(k.dtype), dv.astype(v.dtype), None


_attend.defvjp(_forward, _backward)


def _scores(
    ring: Ring, where: Any, source: Any, q: Any, k: Any, mask: Any
) -> tuple[jax.Array, jax.Array | None]:
    """(batch, key heads, group, queries, keys), and which of them count; None for all."""
    equation, exact = "bqkgd,bskd->bkgqs", _exact(q)
    scores = jnp.einsum(equation, q, k, preferred_element_type=exact) * ring.scale
    seen = None
    if ring.causal:
        rows = where * q.shape[1] + jnp.arange(q.shape[1])
        columns = source * k.shape[1] + jnp.arange(k.shape[1])
        seen = (rows[:, None] >= columns[None, :])[None, None, None]
    if mask is not None:
        keys = mask[:, None, None, None, :]
        seen = keys if seen is None else seen & keys
    if seen is None:
        return scores, None
    seen = jnp.broadcast_to(seen, scores.shape)
    return jnp.where(seen, scores, MASKED), seen


def _over_size(rows: jax.Array) -> jax.Array:
    """(batch, key heads, group, queries) as (batch, queries, key heads, group, 1)."""
    return jnp.moveaxis(rows, -1, 1)[..., None]


def _passed_on(ring: Ring, tree: Any) -> Any:
    pairs = [(index, (index + 1) % ring.size) for index in range(ring.size)]
    return jax.tree.map(lambda a: jax.lax.ppermute(a, ring.axis, pairs), tree)


def _exact(q: jax.Array) -> Any:
    return jnp.promote_types(q.dtype, jnp.float32)
