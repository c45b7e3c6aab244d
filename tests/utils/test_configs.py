"""Custom objects, objects as plain data, Config, names of dtypes."""

import copy
import json

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import saving, utils
from nnlib.core.errors import ArgumentError, DTypeError, UnknownNameError


class Thing:
    """Not of nnlib, and nothing captures its arguments."""

    def __init__(self, size, part=None):
        self.size, self.part = size, part

    def get_config(self):
        return {"size": self.size, "part": self.part}


@utils.register_keras_serializable("tests_of_configs", "Named")
class Registered(Thing):
    pass


def free_function(x):
    return x


def round_trip(value, **options):
    return saving.deserialize_keras_object(
        json.loads(json.dumps(saving.serialize_keras_object(value))), **options
    )


def test_plain_data_and_arrays(keras):
    for value in (None, True, 3, 2.5, "text", [1, [2]], {"a": {"b": 1}}, slice(1, None, 2), b"raw"):
        assert round_trip(value) == value
    nested = {"a": (1, np.float32(2.5), [np.arange(3)]), "b": slice(0, 4)}
    assert str(utils.serialize_keras_object(nested)) == str(
        keras.utils.serialize_keras_object(nested)
    )
    for array in (np.arange(4, dtype="int16").reshape(2, 2), jnp.ones(2, jnp.bfloat16)):
        again = round_trip(array)
        assert type(again) is type(array)
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again, array)
    assert utils.serialize_keras_object(np.dtype("float16")) == "float16"


def test_objects_and_functions():
    things = [
        nn.layers.Dense(3, "relu", kernel_initializer=nn.initializers.HeNormal(seed=1)),
        nn.losses.Huber(2.0),
        nn.optimizers.Adam(0.5),
        nn.initializers.Identity(2.0),
        nn.layers.Identity(name="same"),
    ]
    for thing in things:
        again = round_trip(thing)
        assert type(again) is type(thing)
        assert str(again.get_config()) == str(thing.get_config())
    functions = [nn.activations.relu, nn.losses.mean_squared_error, nn.metrics.binary_accuracy]
    assert round_trip(functions) == functions
    made = round_trip(Thing(3, Registered(4)), custom_objects={"Thing": Thing})
    assert (type(made), made.size, type(made.part), made.part.size) == (Thing, 3, Registered, 4)
    assert utils.serialize_keras_object(made.part)["registered_name"] == "tests_of_configs>Named"
    assert round_trip(free_function, custom_objects={"free_function": free_function}) is (
        free_function
    )


def test_configs_that_keras_wrote(keras):
    theirs = [keras.losses.Huber(2.0), keras.initializers.Identity(), keras.layers.Identity()]
    theirs += [keras.activations.relu, keras.metrics.mean_squared_error]
    ours = utils.deserialize_keras_object(keras.utils.serialize_keras_object(theirs))
    assert [getattr(one, "__name__", type(one).__name__) for one in ours] == [
        getattr(one, "__name__", type(one).__name__) for one in theirs
    ]
    assert isinstance(ours[1], nn.initializers.Identity)
    assert isinstance(ours[2], nn.layers.Identity)


def test_scopes_and_registers():
    assert utils.get_registered_name(Registered) == "tests_of_configs>Named"
    assert utils.get_registered_object("tests_of_configs>Named") is Registered
    assert saving.get_custom_objects() is utils.get_custom_objects()
    config = saving.serialize_keras_object(Thing(1))
    with utils.custom_object_scope({"Thing": Thing}), utils.CustomObjectScope({"other": len}):
        assert saving.deserialize_keras_object(config).size == 1
        assert utils.get_registered_object("other") is len
    with pytest.raises(UnknownNameError, match="class of nnlib or a known one, got 'Thing'"):
        saving.deserialize_keras_object(config)


def test_what_no_data_can_stand_for():
    with pytest.raises(ArgumentError, match="a function that its name leads to"):
        saving.serialize_keras_object(lambda x: x)
    with pytest.raises(ArgumentError, match="get_config"):
        saving.serialize_keras_object(object())
    with pytest.raises(ArgumentError, match="get_config"):
        saving.serialize_keras_object(Thing)
    config = saving.serialize_keras_object(free_function)
    with pytest.raises(UnknownNameError, match="function of nnlib or a known one"):
        saving.deserialize_keras_object(config)
    with pytest.raises(UnknownNameError, match="'system'"):
        saving.deserialize_keras_object({**config, "module": "os", "config": "system"})
    with pytest.raises(ArgumentError, match="a lambda's code"):
        saving.deserialize_keras_object({"class_name": "__lambda__", "config": {"value": "x"}})
    with pytest.raises(ArgumentError, match="safe_mode=True"):
        saving.deserialize_keras_object(config, safe_mode=False)


def test_config_against_that_of_keras(keras):
    ours, theirs = (module.utils.Config(rate=0.1, momentum=0.9, steps=3) for module in (nn, keras))
    for config in (ours, theirs):
        config.seed = 1
        config["name"] = "x"
        config.update({"a": 1}, b=2)
        del config["a"]
    readings = [
        *(list, len, repr),
        lambda c: (list(c.keys()), list(c.values()), list(c.items())),
        lambda c: (c.as_dict(), c.to_json(), "seed" in c, "sead" in c),
        lambda c: (c.pop("b"), c.pop("c", 5), c.get("d", 6), c.seed, c["name"]),
    ]
    for read in readings:
        assert read(ours) == read(theirs)
    public = lambda c: {n for n in dir(type(c)) if not n.startswith("_")}  # noqa: E731
    assert public(theirs) <= public(ours)
    assert copy.deepcopy(ours) == ours
    ours.freeze()
    assert ours.frozen
    for change in (lambda: setattr(ours, "seed", 2), lambda: ours.pop("seed"), ours.clear):
        with pytest.raises(ArgumentError, match="frozen"):
            change()
    ours.unfreeze()
    del ours.seed
    with pytest.raises(AttributeError, match=r"no entry 'stepz' here\. Did you mean 'steps'"):
        _ = ours.stepz
    with pytest.raises(ArgumentError, match=r"config\['items'\]"):
        ours.items = 3
    assert utils.Config.from_json(ours.to_json()) == ours


def test_names_of_dtypes(keras):
    written = [None, int, float, bool, str, "int", "string", "float16", np.float64, jnp.bfloat16]
    for dtype in [*written, np.dtype("uint8"), jnp.dtype("int32"), "float8_e5m2", complex]:
        assert utils.standardize_dtype(dtype) == keras.utils.standardize_dtype(dtype)
    with pytest.raises(DTypeError, match="got 'floaty'"):
        utils.standardize_dtype("floaty")


def test_names_that_stand_elsewhere_too():
    assert utils.is_keras_tensor(nn.Input((2,)))
    assert not utils.is_keras_tensor(jnp.ones(2))
    utils.disable_interactive_logging()
    assert not nn.config.is_interactive_logging_enabled()
    assert not utils.is_interactive_logging_enabled()
    utils.clear_session()
    assert utils.is_interactive_logging_enabled()
    assert nn.preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
