"""Arrays that users pass to `fit`, checked and made ready for the device."""

from collections.abc import Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ArgumentError, DataError, DTypeError
from nnlib.core.settings import floatx, max_epochs, max_steps_per_epoch
from nnlib.core.specs import is_arraylike
from nnlib.training.batch import Batch, row_count


def as_arrays(tree: Any, what: str, place: str) -> Any:
    """Lists of numbers, data frames and arrays as numeric arrays with a batch axis; None as None.

    float64 becomes the default float type and int64 becomes int32, as JAX computes with them.

    Raises:
        DTypeError: for strings and objects.
        DataError: for scalars, and for integers beyond 32 bits.
    """
    if tree is None:
        return None
    if isinstance(tree, Mapping):
        return {key: as_arrays(value, f"{what}[{key!r}]", place) for key, value in tree.items()}
    if isinstance(tree, list | tuple) and any(is_arraylike(leaf) for leaf in tree):
        parts = [as_arrays(v, f"{what}[{i}]", place) for i, v in enumerate(tree)]
        return type(tree)(parts) if type(tree) in (list, tuple) else parts
    if hasattr(tree, "to_numpy"):
        tree = _from_frame(tree)
    return _numeric(tree, what, place)


def _from_frame(frame: Any) -> Any:
    """A data frame or series; columns of numbers and flags, which differ in dtype, as floats."""
    array = frame.to_numpy()
    dtypes = np.atleast_1d(np.asarray(getattr(frame, "dtypes", array.dtype), object))
    if array.dtype == object and all(dtype.kind in "biuf" for dtype in dtypes):
        return frame.to_numpy(dtype=floatx(), na_value=np.nan)
    return array


def _numeric(value: Any, what: str, place: str) -> Any:
    if isinstance(value, jax.Array):
        array: Any = value
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise DataError(
                f"{place}: expected {what} to be an array, got rows of different lengths. Pad them "
                "to one length first."
            ) from error
    kind = array.dtype
    if not (jnp.issubdtype(kind, jnp.number) or kind == jnp.bool_):
        raise DTypeError(
            f"{place}: expected {what} to hold numbers, got dtype {kind}. Turn strings into "
            "numbers first, and ragged rows into a padded array."
        )
    if jnp.issubdtype(kind, jnp.complexfloating):
        raise DTypeError(
            f"{place}: expected {what} to hold real numbers, got dtype {kind}. Give real and "
            "imaginary parts as two channels."
        )
    if array.ndim == 0:
        raise DataError(f"{place}: expected {what} with a batch axis, got the single {array}.")
    if isinstance(array, jax.Array) or jax.config.read("jax_enable_x64"):
        return array
    if kind == np.float64:
        return array.astype(floatx())
    if kind in (np.int64, np.uint64):
        return _as_int32(array, what, place)
    return array


def _as_int32(array: np.ndarray, what: str, place: str) -> np.ndarray:
    limits = np.iinfo(np.int32)
    if array.size and (array.max() > limits.max or array.min() < limits.min):
        raise DataError(
            f"{place}: expected integers of {what} within 32 bits, got {array.min()} to "
            f"{array.max()}. Scale them, or make them floats."
        )
    return array.astype(np.int32)


def prepare(x: Any, y: Any, sample_weight: Any, place: str) -> Batch:
    """All rows as one Batch on the host.

    Raises:
        DataError: if there are none, or x, y and sample_weight differ in their number.
    """
    data = Batch(
        as_arrays(x, "x", place),
        as_arrays(y, "y", place),
        as_arrays(sample_weight, "sample_weight", place),
    )
    if not jax.tree.leaves(data.x):
        raise DataError(f"{place}: expected x to hold arrays, got {x!r}.")
    named = [
        (f"{name}{jax.tree_util.keystr(path)}", leaf.shape[0])
        for name, tree in (("x", data.x), ("y", data.y), ("sample_weight", data.sample_weight))
        for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]
    ]
    counts = {count for _, count in named}
    if len(counts) > 1:
        raise DataError(
            f"{place}: expected all arrays to have the same number of rows, got "
            f"{', '.join(f'{name} with {count}' for name, count in named)}."
        )
    if counts == {0}:
        raise DataError(f"{place}: expected at least one row, got arrays of shape (0, ...).")
    return data


def check_batch_size(batch_size: Any, place: str) -> int:
    """An int of at least 1; 32 for None."""
    if batch_size is None:
        return 32
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer):
        raise ArgumentError(f"{place}: expected batch_size to be an integer, got {batch_size!r}.")
    if batch_size < 1:
        raise ArgumentError(f"{place}: expected batch_size of at least 1, got {batch_size}.")
    return int(batch_size)


def check_epoch(epoch: Any, what: str) -> int:
    """An int of at least 0."""
    integer = isinstance(epoch, int | np.integer) and not isinstance(epoch, bool)
    if not integer or epoch < 0:
        raise ArgumentError(f"fit: expected {what} to be an integer of at least 0, got {epoch!r}.")
    return int(epoch)


def check_steps(steps: Any, what: str, place: str) -> int | None:
    """None, or an int of at least 1."""
    if steps is None:
        return None
    integer = isinstance(steps, int | np.integer) and not isinstance(steps, bool)
    if not integer or steps < 1:
        raise ArgumentError(
            f"{place}: expected {what} to be an integer of at least 1, or None, got {steps!r}."
        )
    return int(steps)


def limited(steps: int | None, total: int | None = None) -> int | None:
    """`steps` (None for all `total`), or what `nnlib.config.set_max_steps_per_epoch` allows."""
    most, wanted = max_steps_per_epoch(), steps or total
    return most if most is not None and (wanted is None or wanted > most) else steps


def limited_epochs(epochs: int) -> int:
    """`epochs`, or what `nnlib.config.set_max_epochs` allows."""
    most = max_epochs()
    return epochs if most is None else min(epochs, most)


def check_frequency(frequency: Any) -> Any:
    """A number of epochs, or a collection of epoch numbers."""
    if isinstance(frequency, Collection) and not isinstance(frequency, str):
        return frequency
    return check_steps(frequency, "validation_freq", "fit") or 1


def split(data: Batch, fraction: float) -> tuple[Batch, Batch]:
    """(training, validation): the last `fraction` of the rows, before any shuffling.

    Raises:
        ArgumentError: if either part would be empty.
    """
    rows = row_count(data.x)
    if not 0 < fraction < 1:
        raise ArgumentError(f"fit: expected validation_split between 0 and 1, got {fraction!r}.")
    cut = int(rows * (1 - fraction))
    if cut in (0, rows):
        raise ArgumentError(
            f"fit: expected validation_split={fraction} to leave rows on both sides, got "
            f"{cut} and {rows - cut} of {rows}."
        )
    return (
        jax.tree.map(lambda a: a[:cut], data),
        jax.tree.map(lambda a: a[cut:], data),
    )


def with_class_weight(data: Batch, class_weight: Mapping[int, float] | None) -> Batch:
    """Each row weighted by its class; classes that are not named weigh 1.

    Raises:
        DataError: unless there is one target of class numbers or one-hot rows.
    """
    if class_weight is None:
        return data
    if not is_arraylike(data.y):
        raise DataError("fit: expected one array of targets for class_weight, got several.")
    y = np.asarray(data.y)
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y), -1)[:, 0]
    highest = int(max(classes.max(), *class_weight))
    table = np.ones(highest + 1, floatx())
    for label, weight in class_weight.items():
        table[int(label)] = weight
    weights = table[classes.astype(np.int64)]
    if data.sample_weight is not None:
        weights = weights * np.asarray(data.sample_weight).reshape(len(y))
    return data._replace(sample_weight=weights)
