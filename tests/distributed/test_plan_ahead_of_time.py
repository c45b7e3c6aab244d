"""plan for machines that are not here, by their own compilers. Run with JAX_PLATFORMS=cpu."""

import importlib.util

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

import nnlib as nn


def there(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


tpu = [
    pytest.mark.aot_tpu,
    pytest.mark.skipif(not there("libtpu"), reason="needs the extra aot-tpu"),
]
cuda = [
    pytest.mark.aot_cuda,
    pytest.mark.skipif(not there("jax_plugins.xla_cuda13"), reason="needs the extra aot-cuda"),
]


def network(units=32):
    layers = [nn.layers.Dense(unit, "tanh") for unit in (units, units, 8)]
    model = nn.Sequential([nn.Input((64,)), *layers])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("target", "devices"),
    [
        pytest.param("v3:2x2", 8, marks=tpu),
        pytest.param("v4:2x2x1", 4, marks=tpu),
        pytest.param("v5e:4x4", 16, marks=tpu),
        pytest.param("v6e:2x2", 4, marks=tpu),
        pytest.param("tpu7x:2x2x1", 8, marks=tpu),
        pytest.param("v5p:8x8x8", 512, marks=tpu),
        pytest.param("h100:1", 1, marks=cuda),
        pytest.param("h100:8", 8, marks=cuda),
        pytest.param("h100:64", 64, marks=cuda),
    ],
)
def test_data_parallel_training_sends_the_least(target, devices):
    found = nn.distributed.plan(
        network(), nn.distributed.MirroredStrategy(), 1024, target, verbose=False
    )
    weights = 4 * (64 * 32 + 32 + 32 * 32 + 32 + 32 * 8 + 8)
    share = 2 * (devices - 1) / devices
    assert found.devices == devices
    assert found.least_bytes == share * weights
    assert found.collective_bytes == share * (weights + 4)
    assert len(found.collectives) <= 2
    assert found.memory.needed < found.facts.memory


@pytest.mark.parametrize(
    "target", [pytest.param("v5e:2x4", marks=tpu), pytest.param("h100:8", marks=cuda)]
)
def test_sharded_training_gathers_weights_and_scatters_gradients(target):
    """What a device sends and keeps is within a hundredth of the least."""
    found = nn.distributed.plan(
        network(512), nn.distributed.ShardedStrategy(), 2048, target, verbose=False
    )
    weights = 4 * (64 * 512 + 512 + 512 * 512 + 512 + 512 * 8 + 8)
    assert found.collective_bytes <= 1.01 * 2 * 7 / 8 * weights
    memory = found.memory
    least = (memory.all_weights + memory.all_optimizer) / 8
    assert memory.weights + memory.optimizer <= 1.01 * least


@pytest.mark.parametrize(
    ("target", "rows"),
    [
        pytest.param("v5e:2x4", 2**22, marks=tpu),
        pytest.param("h100:8", 2**25, marks=cuda),
    ],
)
def test_activations_that_do_not_fit(target, rows):
    strategy = nn.distributed.MirroredStrategy()
    with pytest.raises(nn.distributed.DoesNotFitError, match="a batch of about"):
        nn.distributed.plan(network(4096), strategy, rows, target, verbose=False)


@pytest.mark.parametrize("target", [pytest.param("v5e:4x4", marks=tpu)])
def test_weights_that_do_not_fit(target):
    model = network(40_000)
    with pytest.raises(nn.distributed.DoesNotFitError, match=r"ShardedStrategy\(\) they are"):
        nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 512, target)


@pytest.mark.parametrize(
    ("axes", "target", "match"),
    [
        pytest.param({"rows": 2, "columns": 3}, "v5e:4x4", "a multiple of 3", marks=tpu),
        pytest.param({"rows": 1}, "v5e:3x7", "libtpu knows", marks=tpu),
        pytest.param({"rows": 1}, "h100:12", "whole hosts", marks=cuda),
    ],
)
def test_machines_that_are_refused(axes, target, match):
    devices = np.array(jax.devices()[:6] if len(axes) > 1 else jax.devices()[:1])
    mesh = Mesh(devices.reshape(tuple(axes.values())), tuple(axes))
    with pytest.raises(ValueError, match=match):
        nn.distributed.plan(network(), mesh, 64, target)
