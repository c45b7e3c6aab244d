"""`check_targets`: what fit says about targets that cannot be learnt from."""

import numpy as np
import pytest

from nnlib import losses
from nnlib.core.errors import DataError, DTypeError, ShapeError


class Output:
    def __init__(self, *shape):
        self.shape, self.dtype = (None, *shape), np.dtype("float32")


def check(loss, y_true, output):
    losses.as_loss(loss).check_targets(np.asarray(y_true), output, "fit")


LABELS = np.array([3, 0, 10, 9])

REFUSED = [
    (
        "categorical_crossentropy",
        np.eye(9),
        Output(10),
        ShapeError,
        r"fit: expected targets of shape \(batch, 10\) for output of shape \(None, 10\), "
        r"got \(batch, 9\)\. Make them with nn.utils.to_categorical\(y, num_classes=10\), "
        "or give the last layer 9 units",
    ),
    (
        "categorical_crossentropy",
        np.array([1, 2]),
        Output(10),
        ShapeError,
        r"got \(batch,\).*'sparse_categorical_crossentropy', or nn.utils.to_categorical\(y, 10\)",
    ),
    ("categorical_crossentropy", np.array([[1], [2]]), Output(10), ShapeError, "to_categorical"),
    ("categorical_crossentropy", np.zeros((4, 1)), Output(1), ShapeError, "binary_crossentropy"),
    (
        "sparse_categorical_crossentropy",
        LABELS,
        Output(10),
        DataError,
        r"fit: expected labels from 0 to 9 for output of shape \(None, 10\), got 10 at row 2\. "
        ".*subtract.*11 units",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([[0, 1], [2, -1]]),
        Output(2, 3),
        DataError,
        "got -1 at row 1.*ignore_class",
    ),
    (
        losses.SparseCategoricalCrossentropy(ignore_class=255),
        np.array([0, 255, 7]),
        Output(3),
        DataError,
        "got 7 at row 2",
    ),
    (
        "sparse_categorical_crossentropy",
        np.eye(10),
        Output(10),
        ShapeError,
        r"labels of shape \(batch,\) .*got \(batch, 10\).*'categorical_crossentropy', "
        r"or y.argmax\(-1\)",
    ),
    (
        "sparse_categorical_crossentropy",
        np.zeros((4, 3)),
        Output(10),
        ShapeError,
        "Give one class number per sample",
    ),
    (
        "sparse_categorical_crossentropy",
        np.array([0.0, 0.5]),
        Output(10),
        DataError,
        "class numbers, got 0.5 at row 1",
    ),
    ("sparse_categorical_crossentropy", np.array([1]), Output(), ShapeError, r"\(None, classes\)"),
    ("sparse_categorical_crossentropy", [1.0, np.nan], Output(2), DataError, "NaN at row 1"),
    ("binary_crossentropy", np.array([0, 1]), Output(2), ShapeError, "sparse_categorical"),
    ("binary_crossentropy", np.zeros((4, 1)), Output(3), ShapeError, r"got \(batch, 1\)"),
    ("mse", np.zeros((4, 2)), Output(3), ShapeError, r"\(batch, 3\).*got \(batch, 2\)"),
    ("mse", np.zeros(4, int), Output(10), ShapeError, "For class labels use"),
    ("mse", np.array([[1.0], [np.nan]]), Output(1), DataError, "got NaN at row 1.*isnan"),
    ("mse", np.array([["a"]]), Output(1), DTypeError, "dtype <U1.*return_inverse"),
    ("mse", np.array([["a"]], object), Output(1), DTypeError, "dtype object"),
    (lambda y, p: p, np.array(["a"]), Output(1), DTypeError, "numbers"),
]


@pytest.mark.parametrize(("loss", "y_true", "output", "error", "text"), REFUSED)
def test_refused(loss, y_true, output, error, text):
    with pytest.raises(error, match=text):
        check(loss, y_true, output)


@pytest.mark.parametrize(
    ("loss", "y_true", "output"),
    [
        ("categorical_crossentropy", np.eye(10), Output(10)),
        ("categorical_crossentropy", np.full((4, 10), 0.1), Output(10)),
        ("categorical_crossentropy", np.zeros((4, 7, 10)), Output(None, 10)),
        ("sparse_categorical_crossentropy", np.arange(10), Output(10)),
        ("sparse_categorical_crossentropy", np.arange(10.0)[:, None], Output(10)),
        ("sparse_categorical_crossentropy", np.zeros((4, 7), "uint8"), Output(None, 10)),
        ("sparse_categorical_crossentropy", np.zeros((4, 7, 1), bool), Output(7, 2)),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), np.array([0, -1]), Output(3)),
        ("binary_crossentropy", np.array([0, 1]), Output(1)),
        ("binary_crossentropy", np.array([[7.0]]), Output(1)),
        ("binary_crossentropy", np.zeros((4, 3)), Output(3)),
        ("mse", np.zeros(4), Output(1)),
        ("mse", np.zeros(4), Output()),
        ("mse", np.zeros((4, 3, 1)), Output(3)),
        ("mse", np.zeros((4, 1)), Output(3)),
        ("huber", np.zeros((4, 5, 3)), Output(None, 3)),
        (lambda y, p: p, np.array([np.nan]), Output(7)),
        (losses.Loss(), np.array([np.nan]), Output(7)),
    ],
)
def test_accepted(loss, y_true, output):
    check(loss, y_true, output)


def test_pytrees_of_targets():
    loss = losses.as_loss(lambda y, p: p)
    loss.check_targets({"a": np.zeros(3), "b": np.ones((3, 1))}, Output(1), "fit")
    with pytest.raises(DTypeError):
        loss.check_targets({"a": np.array(["x"])}, Output(1), "fit")
