"""Random arrays, by seed, generator or key.

`seed` is an integer (always the same draw), a SeedGenerator (another draw each time), a
`jax.random.key` (then the functions are pure) or None: inside `call` the key of the call, outside
the next one of the process, see `nn.utils.set_random_seed`. With an integer the numbers are those
that Keras draws on JAX.

>>> import nnlib as nn
>>> nn.random.uniform((2, 3), seed=7).shape
(2, 3)
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DTypeError, ShapeError
from nnlib.core.seeds import SeedGenerator, key_of
from nnlib.core.settings import floatx
from nnlib.ops.dropout import dropout as dropped

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

Shape = int | Sequence[Any]


def normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Normal numbers with `mean` and standard deviation `stddev`.

    Args:
        shape: of the result.
        mean: a number.
        stddev: a number of at least 0.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    Raises:
        DTypeError: for a dtype that is no float.

    >>> normal((3,), stddev=0.0, mean=2.0).tolist()
    [2.0, 2.0, 2.0]
    """
    _check_spread("normal", stddev)
    dtype = _float("normal", dtype)
    draw = jax.random.normal(key_of("normal", seed), _dims("normal", shape), dtype)
    return (draw * stddev + mean).astype(dtype)


def truncated_normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """As `normal`, but drawn again beyond two standard deviations.

    Args:
        shape: of the result.
        mean: of the normal that is cut.
        stddev: of the normal that is cut; that of the result is 0.8796 of it.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    Raises:
        DTypeError: for a dtype that is no float.

    >>> bool((abs(truncated_normal((1000,), stddev=3.0)) <= 6).all())
    True
    """
    place = "truncated_normal"
    _check_spread(place, stddev)
    dtype = _float(place, dtype)
    draw = jax.random.truncated_normal(key_of(place, seed), -2.0, 2.0, _dims(place, shape), dtype)
    return (draw * stddev + mean).astype(dtype)


def uniform(
    shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Numbers from `minval` to below `maxval`, all as likely.

    Args:
        shape: of the result.
        minval: the least number.
        maxval: beyond the largest.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    Raises:
        DTypeError: for a dtype that is no float.
        ArgumentError: for `minval > maxval`.

    >>> draw = uniform((100,), 2.0, 3.0)
    >>> bool(((draw >= 2) & (draw < 3)).all())
    True
    """
    _check_order("uniform", minval, maxval, minval, maxval)
    key, dims = key_of("uniform", seed), _dims("uniform", shape)
    return jax.random.uniform(key, dims, _float("uniform", dtype), minval, maxval)


def randint(
    shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    """Integers from `minval` to below `maxval`, all as likely.

    Args:
        shape: of the result.
        minval: the least.
        maxval: beyond the largest.
        dtype: an integer type.
        seed: see `nn.random`.

    Raises:
        DTypeError: for a dtype that is no integer.
        ArgumentError: unless `minval < maxval`.

    >>> sorted(set(randint((100,), 0, 3).tolist()))
    [0, 1, 2]
    """
    if not jnp.issubdtype(jnp.dtype(dtype), jnp.integer):
        raise DTypeError(f"randint: expected dtype to be an integer type, got {dtype!r}.")
    _check_order("randint", minval, maxval, minval, maxval - 1)
    return jax.random.randint(
        key_of("randint", seed), _dims("randint", shape), minval, maxval, dtype
    )


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Indices of classes, drawn for each row with probabilities `softmax(logits)`.

    Args:
        logits: (rows, classes).
        num_samples: how many for each row.
        dtype: of the indices.
        seed: see `nn.random`.

    Returns:
        (rows, num_samples).

    Raises:
        ShapeError: for logits that have not two axes.

    >>> categorical([[-99.0, 0.0], [0.0, -99.0]], 3).tolist()
    [[1, 1, 1], [0, 0, 0]]
    """
    logits = jnp.asarray(logits)
    if logits.ndim != 2:
        raise ShapeError(
            f"categorical: expected logits of shape (rows, classes), got {logits.shape}."
        )
    dims = logits.shape[0], *_dims("categorical", num_samples)
    key = key_of("categorical", seed)
    return jax.random.categorical(key, logits[..., None], axis=1, shape=dims).astype(dtype)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    """`x` in a new order along `axis`, each vector along it for itself, as Keras does on JAX.

    To keep rows together: `x[jax.random.permutation(key, len(x))]`.

    Args:
        x: any shape.
        axis: along which elements move.
        seed: see `nn.random`.

    >>> sorted(shuffle([3, 1, 2]).tolist())
    [1, 2, 3]
    """
    x = jnp.asarray(x)
    if not -x.ndim <= axis < x.ndim:
        raise ShapeError(f"shuffle: expected an array that has an axis {axis}, got {x.ndim} axes.")
    return jax.random.permutation(key_of("shuffle", seed), x, axis, independent=True)


def dropout(
    inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> jax.Array:
    """Zero with probability `rate`, and the rest scaled by `1 / (1 - rate)`.

    Args:
        inputs: any shape.
        rate: from 0 to 1.
        noise_shape: of the mask, None where the input's size is taken, 1 where all share a draw.
        seed: see `nn.random`.

    Raises:
        ArgumentError: for a rate out of range.
        ShapeError: for a noise_shape of another number of axes.

    >>> sorted(set(dropout([1.0] * 50, 0.5).tolist()))
    [0.0, 2.0]
    """
    if (
        isinstance(rate, bool)
        or not isinstance(rate, int | float | np.number)
        or not 0 <= rate <= 1
    ):
        raise ArgumentError(f"dropout: expected rate to be a number from 0 to 1, got {rate!r}.")
    x = jnp.asarray(inputs)
    wanted = x.shape if noise_shape is None else tuple(noise_shape)
    if len(wanted) != x.ndim:
        raise ShapeError(f"dropout: expected a noise_shape of {x.ndim} axes, got {noise_shape}.")
    dims = [size if want is None else want for want, size in zip(wanted, x.shape, strict=True)]
    return dropped(x, key_of("dropout", seed), rate, dims) if 0 < rate < 1 else x * (1 - rate)


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers of a gamma distribution, `x^(alpha - 1) exp(-x) / Gamma(alpha)`.

    Args:
        shape: of the result.
        alpha: above 0; a number or an array that broadcasts to `shape`.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    >>> bool((gamma((5,), 2.0) > 0).all())
    True
    """
    dims, dtype = _dims("gamma", shape), _float("gamma", dtype)
    return jax.random.gamma(key_of("gamma", seed), _spread(alpha, dims), dims, dtype)


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Numbers from 0 to 1 of a beta distribution, `x^(alpha - 1) (1 - x)^(beta - 1) / B`.

    Args:
        shape: of the result.
        alpha: above 0; a number or an array that broadcasts to `shape`.
        beta: as alpha.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    >>> nn_draw = beta((5,), 2.0, 3.0)
    >>> bool(((nn_draw > 0) & (nn_draw < 1)).all())
    True
    """
    dims, dtype = _dims("beta", shape), _float("beta", dtype)
    key = key_of("beta", seed)
    return jax.random.beta(key, _spread(alpha, dims), _spread(beta, dims), dims, dtype)


def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """How many of `counts` tries succeed, each with one of `probabilities`.

    Args:
        shape: of the result.
        counts: a number or an array that broadcasts to `shape`.
        probabilities: from 0 to 1; as counts.
        dtype: a float type; `nn.config.floatx()` if None.
        seed: see `nn.random`.

    >>> binomial((3,), 4, [0.0, 1.0, 1.0]).tolist()
    [0.0, 4.0, 4.0]
    """
    dims, dtype = _dims("binomial", shape), _float("binomial", dtype)
    key = key_of("binomial", seed)
    return jax.random.binomial(
        key, _spread(counts, dims), _spread(probabilities, dims), dims, dtype
    )


def _dims(place: str, shape: Shape) -> tuple[Any, ...]:
    """A tuple of dims, which may be symbolic."""
    dims = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    if wrong := [d for d in dims if d is None or isinstance(d, str | float) or d < 0]:
        raise ArgumentError(
            f"{place}: expected dims that are integers of at least 0, got {wrong[0]!r}."
        )
    return dims


def _float(place: str, dtype: Any) -> Any:
    dtype = jnp.dtype(floatx() if dtype is None else dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise DTypeError(f"{place}: expected dtype to be a float type, got {dtype.name!r}.")
    return dtype


def _check_spread(place: str, stddev: Any) -> None:
    if isinstance(stddev, int | float) and not stddev >= 0:
        raise ArgumentError(f"{place}: expected stddev to be at least 0, got {stddev!r}.")


def _check_order(place: str, minval: Any, maxval: Any, low: Any, high: Any) -> None:
    known = all(isinstance(bound, int | float) for bound in (low, high))
    if known and not low <= high:
        raise ArgumentError(
            f"{place}: expected minval below maxval, got {minval!r} and {maxval!r}."
        )


def _spread(value: Any, dims: tuple[Any, ...]) -> jax.Array:
    return jnp.broadcast_to(jnp.asarray(value), dims)
