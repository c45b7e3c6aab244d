"""Arrays onto a mesh and back, also where the mesh spans several processes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from nnlib.core.keeping import is_readable, moved


def put(array: Any, sharding: Sharding) -> jax.Array:
    """An array with this sharding. All processes of the sharding give the same values.

    Args:
        array: a NumPy or JAX array, or a key.
        sharding: where it is needed.

    Returns:
        A JAX array; `array` itself if it is there already.

    >>> import numpy as np
    >>> from jax.sharding import Mesh, NamedSharding, PartitionSpec
    >>> mesh = Mesh(np.array(jax.devices()[:1]), ("replica",))
    >>> put(np.arange(3.0), NamedSharding(mesh, PartitionSpec("replica"))).tolist()
    [0.0, 1.0, 2.0]
    """
    if getattr(array, "sharding", None) == sharding:
        return array
    if sharding.is_fully_addressable:
        return jax.device_put(array, sharding)
    if isinstance(array, jax.Array) and not array.is_fully_addressable:
        return moved(sharding)(array)
    if _is_key(array):
        return like_key(array, put(as_data(array), sharding))
    host = np.asarray(array)
    host = host.astype(jax.dtypes.canonicalize_dtype(host.dtype))
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def whole(tree: Any, everywhere: Sharding) -> Any:
    """Arrays that this process can read as a whole.

    Args:
        tree: of arrays.
        everywhere: the sharding of an array that is whole on every device of the mesh.
    """
    if all(map(is_readable, jax.tree.leaves(tree))):
        return tree
    return moved(everywhere)(tree)


def as_data(array: Any) -> Any:
    """The numbers of a key; anything else as it is."""
    return jax.random.key_data(array) if _is_key(array) else array


def like_key(key: Any, data: Any) -> Any:
    """A key of the kind of `key` with these numbers; `data` itself where `key` is none."""
    return jax.random.wrap_key_data(data, impl=jax.random.key_impl(key)) if _is_key(key) else data


def _is_key(array: Any) -> bool:
    return isinstance(array, jax.Array) and jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
