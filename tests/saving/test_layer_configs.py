"""Every layer: its config read by Keras, what Keras then writes read here, and back again."""

import json

import pytest

from nnlib import saving
from nnlib.saving.keras_form import written
from tests.contract.cases import CASES

NOT_IN_KERAS = {"Operation"}
FUNCTIONS = {"JaxLayer", "FlaxLayer", "Lambda"}
NEED_TENSORFLOW = {"IntegerLookup", "Hashing", "HashedCrossing", "StringLookup", "TextVectorization"}


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
