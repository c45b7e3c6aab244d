"""Settings of the process and dtype policies by path."""

import inspect
import logging

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

SKIPPED = {
    *("backend", "set_backend", "disable_flash_attention", "enable_flash_attention"),
    *("is_flash_attention_enabled", "disable_traceback_filtering", "enable_traceback_filtering"),
    *("is_traceback_filtering_enabled", "is_nnx_enabled"),
    *("get_uid", "is_float_dtype", "is_int_dtype", "is_keras_tensor", "result_type"),
    "standardize_dtype",
}


@pytest.mark.parametrize("module", ["config", "backend"])
def test_names_and_arguments_of_keras(keras, module):
    theirs, ours = getattr(keras, module), getattr(nn, module)
    names = {name for name in dir(theirs) if callable(getattr(theirs, name))} - SKIPPED
    assert {name for name in names if not name.startswith("_")} == set(ours.__all__)
    for name in ours.__all__:
        assert len(inspect.signature(getattr(ours, name)).parameters) == len(
            inspect.signature(getattr(theirs, name)).parameters
        )


def test_defaults_of_keras(keras):
    for name in ("floatx", "epsilon", "image_data_format", "max_epochs", "max_steps_per_epoch"):
        assert getattr(nn.config, name)() == getattr(keras.config, name)()
    assert nn.config.dtype_policy().name == keras.config.dtype_policy().name
    assert nn.config.is_interactive_logging_enabled()


def test_what_is_set_is_read():
    nn.config.set_floatx("float16")
    assert nn.backend.floatx() == "float16"
    assert nn.layers.Dense(2).dtype == "float16"
    assert nn.random.normal((2,)).dtype == jnp.float16
    assert nn.initializers.Ones()((2,)).dtype == jnp.float16
    nn.backend.set_epsilon(1e-3)
    assert nn.config.epsilon() == 1e-3
    nn.config.set_image_data_format("channels_first")
    assert nn.layers.Conv2D(2, 3).data_format == "channels_first"
    nn.config.set_max_epochs(3)
    nn.config.set_max_steps_per_epoch(4)
    assert (nn.config.max_epochs(), nn.config.max_steps_per_epoch()) == (3, 4)


def test_a_cleared_session_begins_anew():
    nn.config.set_dtype_policy("mixed_bfloat16")
    nn.config.disable_interactive_logging()
    nn.config.set_epsilon(1e-3)
    nn.backend.clear_session()
    assert nn.config.dtype_policy().name == "float32"
    assert nn.config.is_interactive_logging_enabled()
    assert nn.config.epsilon() == 1e-3


def test_progress_goes_to_the_log(capsys, caplog):
    model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    nn.config.disable_interactive_logging()
    with caplog.at_level(logging.INFO, "nnlib"):
        model.fit(x, y, epochs=2, verbose=1)
        model.evaluate(x, y, verbose=1)
        model.summary()
    assert capsys.readouterr().out == ""
    assert [record.message[:9] for record in caplog.records[:2]] == ["Epoch 1/2", "Epoch 2/2"]
    assert "loss" in caplog.records[-2].message
    assert "Output shape" in caplog.records[-1].message
    nn.config.enable_interactive_logging()
    model.fit(x, y, verbose=2)
    assert "Epoch 1/1" in capsys.readouterr().out


POLICIES = {"block/.*": "mixed_bfloat16", "block/second": "float32", "head": "float16"}


class Block(nn.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = nn.layers.Dense(2, name="first", dtype=self.dtype_policy)
        self.second = nn.layers.Dense(2, name="second", dtype=self.dtype_policy)

    def call(self, x):
        return self.second(self.first(x))


def functional(policies):
    x = nn.Input((2,))
    y = Block(name="block", dtype=policies)(x)
    return nn.Model(x, nn.layers.Dense(1, name="head", dtype=policies)(y))


class Subclassed(nn.Model):
    def __init__(self, policies):
        super().__init__()
        self.block = Block(name="block", dtype=policies)
        self.head = nn.layers.Dense(1, name="head", dtype=policies)

    def call(self, x):
        return self.head(self.block(x))


@pytest.mark.parametrize("make", [functional, Subclassed])
def test_policies_by_path(make):
    policies = nn.dtype_policies.DTypePolicyMap("float32", POLICIES)
    model = make(policies)
    assert model(jnp.ones((1, 2))).dtype == jnp.float16
    layers = {"/".join(path): layer for path, layer in model.layout()}
    dtypes = {path: (layer.variable_dtype, layer.compute_dtype) for path, layer in layers.items()}
    assert dtypes["block/first"] == ("float32", "bfloat16")
    assert dtypes["block/second"] == ("float32", "float32")
    assert dtypes["head"] == ("float16", "float16")
    assert layers["head"].kernel.dtype == jnp.float16
    twin = nn.layers.Dense.from_config(layers["head"].get_config())
    assert twin.dtype_policy == policies


def test_a_global_map():
    nn.config.set_dtype_policy(nn.dtype_policies.DTypePolicyMap(policy_map={"a": "float16"}))
    a, b = (nn.layers.Dense(1, name=name) for name in "ab")
    assert a(jnp.ones((1, 2))).dtype == jnp.float16
    assert b(jnp.ones((1, 2))).dtype == jnp.float32


def test_maps_as_those_of_keras(keras):
    for policies in (nn.dtype_policies, keras.dtype_policies):
        mapped = policies.DTypePolicyMap(
            "mixed_float16", {"enc/.*": policies.DTypePolicy("float32")}
        )
        mapped["enc/last"] = policies.DTypePolicy("bfloat16")
        assert mapped.name == "map_mixed_float16"
        assert (mapped.variable_dtype, mapped.compute_dtype) == ("float32", "float16")
        names = [mapped[path].name for path in ("enc/last", "enc/first", "enc", "dec/enc/x")]
        assert names == ["bfloat16", "float32", "mixed_float16", "mixed_float16"]
        assert list(mapped) == ["enc/.*", "enc/last"]
        assert len(mapped) == 2
        assert "enc/first" not in mapped
        twin = policies.deserialize(policies.serialize(mapped))
        assert [twin[path].name for path in ("enc/last", "enc")] == ["bfloat16", "mixed_float16"]
        del mapped["enc/last"]
        assert mapped["enc/last"].name == "float32"


def test_single_policies(keras):
    nn.config.set_dtype_policy("mixed_bfloat16")
    assert nn.dtype_policies.DTypePolicy().name == "mixed_bfloat16"
    for policies in (nn.dtype_policies, keras.dtype_policies):
        for given in ("float16", jnp.float16, policies.DTypePolicy("float16")):
            assert policies.get(given) == policies.DTypePolicy("float16")
        config = policies.serialize(policies.DTypePolicy("mixed_float16"))
        assert policies.deserialize(config).compute_dtype == "float16"
        assert config["config"] == {"name": "mixed_float16"}
