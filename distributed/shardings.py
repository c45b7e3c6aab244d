"""Shardings for research code: the trees that `jax.jit` takes, and gathers at use."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jax.sharding import Mesh

from nnlib.core.errors import ArgumentError
from nnlib.core.tree import Tree, put

from .axis_rules import AxisRules
from .meshes import known_axes, mesh_of
from .sharded_placement import ShardedPlacement
from .weight_cuts import WeightCuts

NOTHING = object()


def shardings(
    model: Any,
    mesh: Mesh,
    rules: Mapping[Any, Any] | None = None,
    *,
    fsdp: str | Sequence[str] | None = None,
    of: Any = NOTHING,
) -> Any:
    """NamedShardings of a model's weights, for `in_shardings` and `out_shardings` of `jax.jit`.

    Args:
        model: a layer or model that is built.
        mesh: with automatic axes.
        rules: as `ShardedStrategy` takes them.
        fsdp: the axes over which every weight is cut besides; "data" if the mesh has it, else its
            first axis, if None; () for none.
        of: a tree with arrays or specs that belong to weights: an optimizer's slots, gradients, a
            TrainState. An array belongs to the weight whose path its own path ends in, if it has
            the weight's shape, or that without one axis; others are whole on every device.

    Returns:
        `(params, state)`, trees as `model.init` returns them; with `of=` a tree as that.

    Raises:
        ArgumentError: for a mesh that is none, and for a rule that is about none of the weights.

    >>> import jax, nnlib as nn
    >>> from jax.sharding import AxisType
    >>> mesh = jax.make_mesh((1,), ("data",), (AxisType.Auto,), devices=jax.devices()[:1])
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(8, use_bias=False)])
    >>> where = nn.distributed.shardings(model, mesh)
    >>> where[0]["dense"]["kernel"].spec
    P('data',)
    >>> params, state = jax.jit(model.init, out_shardings=where)(jax.random.key(0))
    """
    cuts = _cuts("shardings", mesh, rules, fsdp)
    if of is not NOTHING:
        return ShardedPlacement(model, cuts, cuts.gathered, None).shardings(of)
    trees: tuple[Tree, Tree] = {}, {}
    for cut in cuts.of(model):
        put(trees[not cut.weight.trainable], cut.path, cut.kept)
    return trees


@contextlib.contextmanager
def gathered_at_use(
    model: Any,
    mesh: Mesh,
    rules: Mapping[Any, Any] | None = None,
    *,
    fsdp: str | Sequence[str] | None = None,
) -> Iterator[None]:
    """Within the block, `model.apply` gathers each weight where a layer reads it.

    Without it XLA is free to move activations in place of weights, and often does where a batch is
    small. The arguments are those of `shardings`.

    Raises:
        ArgumentError: as `shardings` does.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> from jax.sharding import AxisType
    >>> mesh = jax.make_mesh((1,), ("data",), (AxisType.Auto,), devices=jax.devices()[:1])
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(8)])
    >>> def loss(params, state, x):
    ...     with nn.distributed.gathered_at_use(model, mesh):
    ...         y, _ = model.apply(params, state, x)
    ...     return jnp.mean(y**2)
    >>> where = nn.distributed.shardings(model, mesh)
    >>> params, state = jax.jit(model.init, out_shardings=where)(jax.random.key(0))
    >>> grads = jax.jit(jax.grad(loss), out_shardings=where[0])(params, state, jnp.ones((2, 4)))
    """
    cuts = _cuts("gathered_at_use", mesh, rules, fsdp)
    with ShardedPlacement(model, cuts, cuts.gathered, None).step():
        yield


def _cuts(
    place: str, mesh: Any, rules: Mapping[Any, Any] | None, fsdp: str | Sequence[str] | None
) -> WeightCuts:
    if not isinstance(mesh, Mesh):
        raise ArgumentError(f"{place}: expected a jax.sharding.Mesh, got {mesh!r}.")
    mesh = mesh_of(place, mesh, (), "data")
    if fsdp is None:
        fsdp = "data" if "data" in mesh.shape else mesh.axis_names[0]
    axes = known_axes(place, (fsdp,) if isinstance(fsdp, str) else fsdp, mesh)
    return WeightCuts(mesh, AxisRules(place, mesh, rules), axes)
