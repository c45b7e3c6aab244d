"""Looks at all targets before training: shapes, NaN, labels out of range, each with its remedy."""

from typing import Any

import numpy as np

from nnlib.core.errors import DataError, DTypeError, ShapeError


def shape_text(dims: Any) -> str:
    """The shape of targets as users think of it: "(batch, 9)"."""
    return f"({', '.join(['batch', *map(str, dims)])}{'' if len(dims) else ','})"


def output_text(output: Any) -> str:
    """The shape of an output: "(None, 10)"."""
    dims = [str(d) if isinstance(d, int | np.integer) else "None" for d in output.shape]
    return f"({', '.join(dims)}{',' if len(dims) == 1 else ''})"


def known_dims(shape: Any) -> tuple[int | None, ...]:
    """`shape` with None for every dim that is not a number."""
    return tuple(int(d) if isinstance(d, int | np.integer) else None for d in shape)


def same_dims(have: Any, want: Any) -> bool:
    """Whether two shapes agree wherever both are known."""
    have, want = known_dims(have), known_dims(want)
    return len(have) == len(want) and all(
        h == w or None in (h, w) for h, w in zip(have, want, strict=True)
    )


def check_numbers(place: str, targets: Any) -> None:
    """DTypeError for strings, objects and dates."""
    dtype = np.dtype(targets.dtype) if hasattr(targets, "dtype") else np.asarray(targets).dtype
    if dtype.kind in "OSUMm":
        raise DTypeError(
            f"{place}: expected targets that are numbers, got dtype {dtype}. Number the classes: "
            "names, labels = np.unique(targets, return_inverse=True)."
        )


def check_without_nan(place: str, targets: Any) -> None:
    """DataError naming the first row that holds a NaN."""
    targets = np.asarray(targets)
    if targets.dtype.kind in "biu" or not targets.size:
        return
    if np.isnan(targets.min()):
        row = int(np.argmax(np.isnan(targets).reshape(len(targets), -1).any(axis=1)))
        raise DataError(
            f"{place}: expected finite targets, got NaN at row {row}. "
            "Drop such rows or fill them in: keep = ~np.isnan(y)."
        )


def check_shapes_broadcast(place: str, targets: Any, output: Any) -> None:
    """ShapeError unless targets fit the output, up to a last axis of size 1 and broadcasting."""
    targets = np.asarray(targets)
    have, want = known_dims(targets.shape), known_dims(output.shape)
    if abs(len(have) - len(want)) == 1:
        if len(have) > len(want) and have[-1] == 1:
            have = have[:-1]
        elif len(want) > len(have) and want[-1] == 1:
            want = want[:-1]
    fit = len(have) == len(want) and all(
        h == w or None in (h, w) or 1 in (h, w) for h, w in zip(have[1:], want[1:], strict=True)
    )
    if not fit:
        raise shapes_differ(place, targets, output, _hint(targets, output))


def _hint(targets: np.ndarray, output: Any) -> str:
    if targets.dtype.kind in "biu" and len(output.shape) == targets.ndim + 1:
        return "For class labels use the loss 'sparse_categorical_crossentropy'."
    return "Reshape the targets, or give the last layer as many units as a target has values."


def shapes_differ(place: str, targets: Any, output: Any, remedy: str) -> ShapeError:
    """The error of targets that have another shape than the output."""
    return ShapeError(
        f"{place}: expected targets of shape {shape_text(known_dims(output.shape)[1:])} for output "
        f"of shape {output_text(output)}, got {shape_text(targets.shape[1:])}. {remedy}"
    )


def check_same_shape(place: str, targets: Any, output: Any) -> None:
    """As check_shapes_broadcast, but nothing is broadcast."""
    check_shapes_broadcast(place, targets, output)
    targets = np.asarray(targets)
    have, want = targets.shape[1:], known_dims(output.shape)[1:]
    if len(have) == len(want) and not same_dims(have, want):
        raise shapes_differ(place, targets, output, _hint(targets, output))


def check_one_hot(place: str, targets: Any, output: Any, axis: int) -> None:
    """What categorical_crossentropy needs: one number per class."""
    targets = np.asarray(targets)
    classes = class_count(place, "categorical_crossentropy", output, axis)
    if classes == 1:
        raise ShapeError(
            f"{place}: expected an output with at least 2 classes for categorical_crossentropy, "
            f"got {output_text(output)}. Use the loss 'binary_crossentropy', or one unit per class."
        )
    lead = without_axis(output.shape, axis)
    labels_given = same_dims(targets.shape[1:], lead[1:]) or (
        targets.shape[-1:] == (1,) and same_dims(targets.shape[1:-1], lead[1:])
    )
    if labels_given:
        remedy = (
            "These look like class labels: use the loss 'sparse_categorical_crossentropy', "
            f"or nn.utils.to_categorical(y, {classes})."
        )
        raise shapes_differ(place, targets, output, remedy)
    if not same_dims(targets.shape[1:], output.shape[1:]):
        remedy = (
            f"Make them with nn.utils.to_categorical(y, num_classes={classes}), "
            f"or give the last layer {targets.shape[-1] if targets.ndim else 1} units."
        )
        raise shapes_differ(place, targets, output, remedy)


def class_count(place: str, loss: str, output: Any, axis: int) -> int | None:
    """The size of the class axis of an output."""
    if len(output.shape) < 2:
        raise ShapeError(
            f"{place}: expected an output of shape (None, classes) for {loss}, "
            f"got {output_text(output)}."
        )
    return known_dims(output.shape)[axis]


def without_axis(shape: Any, axis: int) -> tuple[int | None, ...]:
    """`shape` less one axis."""
    dims = list(known_dims(shape))
    del dims[axis]
    return tuple(dims)


def check_labels(
    place: str, targets: Any, output: Any, axis: int, ignore_class: int | None
) -> None:
    """What sparse_categorical_crossentropy needs: one class number per sample, within range."""
    targets = np.asarray(targets)
    classes = class_count(place, "sparse_categorical_crossentropy", output, axis)
    lead = without_axis(output.shape, axis)
    fit = same_dims(targets.shape[1:], lead[1:]) or (
        targets.shape[-1:] == (1,) and same_dims(targets.shape[1:-1], lead[1:])
    )
    if not fit:
        one_hot = same_dims(targets.shape[1:], output.shape[1:])
        remedy = (
            "These look like one-hot rows: use the loss 'categorical_crossentropy', "
            "or y.argmax(-1) as labels."
            if one_hot
            else "Give one class number per sample."
        )
        raise ShapeError(
            f"{place}: expected labels of shape {shape_text(lead[1:])} for output of shape "
            f"{output_text(output)}, got {shape_text(targets.shape[1:])}. {remedy}"
        )
    if classes is not None and targets.size:
        _check_range(place, targets, output, classes, ignore_class)


def _check_range(
    place: str, targets: np.ndarray, output: Any, classes: int, ignore_class: int | None
) -> None:
    rows = targets.reshape(len(targets), -1)
    if targets.dtype.kind not in "biu":
        _check_whole(place, rows)
    if rows.min() >= 0 and rows.max() < classes:
        return
    wrong = (rows < 0) | (rows >= classes)
    if ignore_class is not None:
        wrong &= rows != ignore_class
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value = rows[row, column].item()
    remedy = (
        "Negative labels mark nothing by themselves: pass ignore_class= to leave them out."
        if value < 0
        else "Labels begin at 0: subtract what they begin with, or give the last layer "
        f"{int(rows.max()) + 1} units."
    )
    raise DataError(
        f"{place}: expected labels from 0 to {classes - 1} for output of shape "
        f"{output_text(output)}, got {value:g} at row {row}. {remedy}"
    )


def _check_whole(place: str, rows: np.ndarray) -> None:
    wrong = rows != np.floor(rows)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise DataError(
            f"{place}: expected class numbers, got {rows[row, column]:g} at row {row}. For "
            "probabilities per class use 'categorical_crossentropy'; for quantities, 'mse'."
        )
