"""Research code by replica: a function that runs on every device, on its own rows."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P

from nnlib.core.errors import ArgumentError, ShapeError

from .devices import devices_of

PLACE = "per_replica"


def per_replica(
    fn: Callable[..., Any],
    *,
    devices: Sequence[Any] | None = None,
    axis_name: str = "replica",
    in_axes: Any = 0,
    out_axes: Any = 0,
    static_argnums: int | Sequence[int] = (),
    donate_argnums: int | Sequence[int] = (),
) -> Callable[..., Any]:
    """`fn` on every device at once, as `jax.pmap` has it: one entry of an axis for each.

    Within `fn` stand collectives over `axis_name`: `jax.lax.psum`, `pmean`, `all_gather`,
    `ppermute`, `axis_index`. Gradients are those of the replica alone until `fn` reduces them;
    the gradient of a `psum` is a `psum`. The function is compiled once for each shape and each
    value of static arguments.

    Args:
        fn: takes and returns arrays or trees of them; positional arguments only.
        devices: as "gpu:0" or of `jax.devices()`; None for all of this process.
        axis_name: what collectives call the devices.
        in_axes: for each argument, or for all, the axis that is cut, which each replica gets one
            entry of, without the axis; None gives it to all replicas as it is. Static arguments
            have an entry too, which is not read.
        out_axes: likewise for each output; None returns the value of one replica, which has to
            be the same on all of them, as it is behind a `pmean`: nobody checks.
        static_argnums: arguments that are compiled in; they are hashable.
        donate_argnums: arguments whose memory the outputs may take.

    Returns:
        A function of the same arguments.

    Raises:
        ArgumentError: for keywords, and for axes that fit no argument.
        ShapeError: when it is called with another number of entries than devices.

    >>> import jax, jax.numpy as jnp, nnlib as nn
    >>> one = nn.distributed.per_replica(
    ...     lambda x: x - jax.lax.pmean(x, "replica"), devices=jax.devices()[:1])
    >>> one(jnp.array([[1.0, 2.0]])).tolist()
    [[0.0, 0.0]]
    """
    mesh = Mesh(np.array(devices_of(PLACE, devices)), (axis_name,))
    static, donated = _numbers("static_argnums", static_argnums), donate_argnums
    out_specs = _mapped(lambda axis, _: _spec(axis, axis_name), out_axes, out_axes)

    def on_devices(*arguments: Any) -> Any:
        moving = [index for index in range(len(arguments)) if index not in static]
        axes = [_axes_of_arguments(in_axes, len(arguments))[index] for index in moving]

        def one(*own: Any) -> Any:
            given = dict(enumerate(arguments))
            for index, axis, tree in zip(moving, axes, own, strict=True):
                given[index] = _mapped(_without_axis, axis, tree)
            out = fn(*given.values())
            return _mapped(_with_axis, out_axes, out)

        chosen = [arguments[index] for index in moving]
        for index, axis, tree in zip(moving, axes, chosen, strict=True):
            _check_entries(mesh.size, index, axis, tree)
        specs = tuple(_mapped(lambda axis, _: _spec(axis, axis_name), a, a) for a in axes)
        run = jax.shard_map(one, mesh=mesh, in_specs=specs, out_specs=out_specs, check_vma=False)
        return run(*chosen)

    compiled = jax.jit(
        on_devices, static_argnums=static, donate_argnums=_numbers("donate_argnums", donated)
    )

    @functools.wraps(fn)
    def call(*arguments: Any) -> Any:  # keywords would be given to all replicas whole
        return compiled(*arguments)

    return call


def _numbers(name: str, given: int | Sequence[int]) -> tuple[int, ...]:
    numbers = (given,) if isinstance(given, int) else tuple(given)
    if any(not isinstance(n, int) or n < 0 for n in numbers):
        raise ArgumentError(f"{PLACE}: expected {name} from 0 on, got {given!r}.")
    return numbers


def _axes_of_arguments(in_axes: Any, count: int) -> Sequence[Any]:
    if in_axes is None or isinstance(in_axes, int):
        return [in_axes] * count
    if not isinstance(in_axes, tuple | list) or len(in_axes) != count:
        raise ArgumentError(
            f"{PLACE}: expected in_axes with an entry for each of {count} arguments, got "
            f"{in_axes!r}."
        )
    return in_axes


def _mapped(function: Callable[[Any, Any], Any], axes: Any, tree: Any) -> Any:
    """`function(axis, leaf)` for every leaf, where one axis may stand for a whole tree."""

    def below(axis: Any, part: Any) -> Any:
        if axis is not None and (not isinstance(axis, int) or axis < 0):
            raise ArgumentError(f"{PLACE}: expected axes from 0 on or None, got {axis!r}.")
        return jax.tree.map(lambda leaf: function(axis, leaf), part, is_leaf=lambda a: a is axis)

    return jax.tree.map(below, axes, tree, is_leaf=lambda axis: axis is None)


def _spec(axis: int | None, name: str) -> P:
    return P() if axis is None else P(*[None] * axis, name)


def _without_axis(axis: int | None, array: Any) -> Any:
    return array if axis is None else jnp.squeeze(array, axis)


def _with_axis(axis: int | None, array: Any) -> Any:
    return array if axis is None else jnp.expand_dims(array, axis)


def _check_entries(count: int, index: int, axes: Any, tree: Any) -> None:
    def check(axis: int | None, leaf: Any) -> None:
        shape = np.shape(leaf)
        if axis is not None and (len(shape) <= axis or shape[axis] != count):
            raise ShapeError(
                f"{PLACE}: expected {count} entries, one for each device, on axis {axis} of "
                f"argument {index}, got shape {shape}. Reshape it, or set in_axes to None there."
            )

    _mapped(check, axes, tree)
