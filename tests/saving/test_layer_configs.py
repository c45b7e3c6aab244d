"""Every layer: its config read by Keras, what Keras then writes read here, and back again."""

import json

import numpy as np
import pytest

from nnlib import initializers, layers, saving
from nnlib.core.errors import UnknownNameError
from nnlib.saving.keras_form import written
from tests.contract.cases import CASES

NOT_IN_KERAS = {"Operation"}
FUNCTIONS = {"JaxLayer", "FlaxLayer", "Lambda"}
NEED_TENSORFLOW = {
    "IntegerLookup",
    "Hashing",
    "HashedCrossing",
    "StringLookup",
    "TextVectorization",
}


def plain(data):
    return json.loads(json.dumps(data))


def there(case):
    return case.name.partition("-")[0] not in NOT_IN_KERAS | FUNCTIONS | NEED_TENSORFLOW


@pytest.mark.parametrize("case", list(filter(there, CASES)), ids=lambda case: case.name)
def test_layer_there_and_back(keras, case):
    theirs = keras.saving.deserialize_keras_object(plain(written(case.make())))
    config = plain(keras.saving.serialize_keras_object(theirs))
    back = saving.deserialize_keras_object(config)
    assert type(back) is type(case.make())
    again = keras.saving.deserialize_keras_object(plain(written(back)))
    assert plain(keras.saving.serialize_keras_object(again))["config"] == config["config"]


POLICY = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}}
OF_KERAS = {"name": "la", "trainable": True, "dtype": {**POLICY, "registered_name": None}}
LOOKUP = {
    "invert": False,
    "max_tokens": None,
    "num_oov_indices": 1,
    "mask_token": None,
    "output_mode": "int",
    "sparse": False,
    "pad_to_max_tokens": False,
    "idf_weights": None,
    "vocabulary_size": 3,
    "oov_method": "floormod",
    "salt": None,
}


def test_lookups_as_keras_writes_them():
    """The installed Keras makes them only where TensorFlow is; their keys are from its source."""
    config = {
        **OF_KERAS,
        **LOOKUP,
        "dtype": "int64",
        "oov_token": "[UNK]",
        "vocabulary": ["a", "b"],
    }
    layer = layers.StringLookup.from_config({**config, "encoding": "utf-8"})
    assert layer(np.array(["b", "c"])).tolist() == [2, 0]
    config |= {"oov_token": -1, "vocabulary": [7, 9], "vocabulary_dtype": "int64"}
    assert layers.IntegerLookup.from_config(config)(np.array([9, 8])).tolist() == [2, 0]
    text = {
        "standardize": "lower_and_strip_punctuation",
        "split": "whitespace",
        "ngrams": None,
        "output_mode": "int",
        "output_sequence_length": 3,
        "ragged": False,
        "encoding": "utf-8",
        "vocabulary": ["hello"],
    }
    config = {k: LOOKUP[k] for k in ("max_tokens", "pad_to_max_tokens", "sparse", "idf_weights")}
    layer = layers.TextVectorization.from_config({**OF_KERAS, **config, **text})
    assert layer(np.array(["Hello you!"])).tolist() == [[2, 1, 0]]
    ints = {**OF_KERAS, "dtype": "int64", "output_mode": "int", "sparse": False, "num_bins": 3}
    layers.Hashing.from_config({**ints, "salt": None, "mask_value": None})
    layers.HashedCrossing.from_config({k: v for k, v in ints.items() if k != "trainable"})


def test_names_that_nobody_knows():
    with pytest.raises(UnknownNameError, match=r"no 'mine' here.*custom_objects=.*register_keras"):
        saving.deserialize_keras_object(
            {"module": "keras.layers", "class_name": "Dense",
             "config": {"units": 1, "activation": "mine"}}
        )  # fmt: skip
    initializer = {"class_name": "Mine", "config": {}}
    with pytest.raises(UnknownNameError, match=r"got 'Mine'.*custom_objects=.*register_keras"):
        layers.Dense.from_config({"units": 1, "kernel_initializer": initializer})
    identity = {"class_name": "Identity", "config": {"gain": 2.0}}
    layer = layers.Dense.from_config({"units": 1, "kernel_initializer": identity})
    assert isinstance(layer.kernel_initializer, initializers.Identity)
