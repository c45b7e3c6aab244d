"""Rows of the layers that prepare tables and texts, as far as they can be traced."""

from nnlib import layers
from tests.contract.case import case

INTEGERS = {"dtype": "int32", "follows_policy": False}

CASES = [
    case(layers.Normalization, inputs=[(3, 4)], wrong=[(3, 5)], free=[(None, 4)]),
    case(
        layers.Normalization, inputs=[(3, 4)], wrong=[(2, 4)], note="given",
        options={
            "axis": (1, 2), "mean": [0.5, 1.0, 2.0, 3.0], "variance": [1.0, 2.0, 3.0, 4.0],
            "invert": True,
        },
    ),
    case(
        layers.Discretization, [1.0, 2.5, 3.0], inputs=[(4,)], free=[(None,)], note="int",
        **INTEGERS,
    ),
    case(
        layers.Discretization, [-1.0, 0.0], inputs=[(4,)], smooth=False,
        options={"output_mode": "one_hot"},
    ),
    case(layers.CategoryEncoding, 6, inputs=[(4,)], dtype="int32", free=[(None,)]),
    case(
        layers.CategoryEncoding, 6, inputs=[(1,)], dtype="int32",
        options={"output_mode": "one_hot"}, note="one_hot",
    ),
    case(
        layers.IntegerLookup, inputs=[(4,)], free=[(None,)], **INTEGERS,
        options={"vocabulary": [3, 1], "num_oov_indices": 2, "mask_token": 0},
    ),
    case(
        layers.IntegerLookup, inputs=[(4,)], note="tf_idf", **INTEGERS,
        options={
            "vocabulary": [3, 1], "idf_weights": [0.5, 1.5], "output_mode": "tf_idf",
            "max_tokens": 5, "pad_to_max_tokens": True, "num_oov_indices": 2,
        },
    ),
    case(
        layers.IntegerLookup, inputs=[(4,)], note="invert", **INTEGERS,
        options={"vocabulary": [30, 10], "invert": True, "mask_token": 7},
    ),
    case(layers.Hashing, 3, inputs=[(4,)], free=[(None,)], options={"mask_value": 2}, **INTEGERS),
    case(layers.HashedCrossing, 5, inputs=[(1,), (1,)], wrong=[(1,), (2,)], listed=True, **INTEGERS),
    case(
        layers.HashedCrossing, 5, inputs=[(), ()], wrong=[(2,), (2,)], listed=True, note="one_hot",
        options={"output_mode": "one_hot"}, **INTEGERS,
    ),
]  # fmt: skip
