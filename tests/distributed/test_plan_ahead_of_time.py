"""plan for machines that are not here, by their own compilers. Run with JAX_PLATFORMS=cpu."""

import importlib.util
import math

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


def reading(recurrent, policy="float32"):
    """A table that is also what scores are made with."""
    ids = nn.Input((64,), dtype="int32")
    table = nn.layers.ReversibleEmbedding(1024, 256, dtype=policy)
    layer = nn.layers.SimpleRNN(256, return_sequences=True, dtype=policy)
    h = layer(table(ids)) if recurrent else nn.layers.Dense(256, "tanh", dtype=policy)(table(ids))
    model = nn.Model(ids, table(h, reverse=True))
    model.compile("adam", nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize(
    "target", [pytest.param("v5e:2x4", marks=tpu), pytest.param("h100:8", marks=cuda)]
)
@pytest.mark.parametrize(
    ("recurrent", "policy", "bits"),
    [(False, "float32", 32), (True, "float32", 32), (False, "mixed_bfloat16", 16)],
)
def test_a_weight_that_is_read_twice_moves_once(target, recurrent, policy, bits):
    model = reading(recurrent, policy)
    strategy = nn.distributed.ShardedStrategy()
    found = nn.distributed.plan(model, strategy, 64, target, verbose=False)
    assert found.collective_bytes <= 1.01 * bits / 32 * found.least_bytes


@pytest.mark.parametrize(
    ("target", "devices", "slices"),
    [pytest.param("2xv5e:2x4", 16, 2, marks=tpu), pytest.param("4xv5p:2x2x1", 16, 4, marks=tpu)],
)
def test_between_slices_goes_only_what_each_device_summed_up(target, devices, slices):
    """Sums are made in each slice, of their parts between slices, and the parts gathered again."""
    found = nn.distributed.plan(
        network(512), nn.distributed.MirroredStrategy(), 2048, target, verbose=False
    )
    weights = 4 * (64 * 512 + 512 + 512 * 512 + 512 + 512 * 8 + 8)
    in_slice = devices // slices
    assert (found.devices, found.slices) == (devices, slices)
    assert found.least_between_slices == 2 * (slices - 1) / slices * weights / in_slice
    # Parts are padded to the tiles of the chip.
    assert 1 <= found.between_slices / found.least_between_slices < 1.1
    assert 1 <= found.collective_bytes / found.least_bytes < 1.02
    assert {one.group for one in found.collectives if one.between_slices} == {slices}
    assert {one.group for one in found.collectives if not one.between_slices} == {in_slice}


@pytest.mark.aot_tpu
@pytest.mark.skipif(not there("libtpu"), reason="needs the extra aot-tpu")
def test_a_second_axis_stays_within_slices_and_need_not_be_one_of_the_chip():
    strategy = nn.distributed.ShardedStrategy({"data": 4, "model": 2}, {"out": "model"})
    found = nn.distributed.plan(network(), strategy, 2048, "2xv5e:4x4", verbose=False)
    assert found.mesh == {"data": 16, "model": 2}
    assert {one.group for one in found.collectives} <= {2, 8, 16}
    assert {one.group for one in found.collectives if one.between_slices} == {2}


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
        pytest.param({"rows": 1, "columns": 8}, "2xv5e:2x2", "8 devices in each", marks=tpu),
        pytest.param({"rows": 1}, "h100:12", "whole hosts", marks=cuda),
    ],
)
def test_machines_that_are_refused(axes, target, match):
    devices = np.array(jax.devices()[: math.prod(axes.values())])
    mesh = Mesh(devices.reshape(tuple(axes.values())), tuple(axes))
    with pytest.raises(ValueError, match=match):
        nn.distributed.plan(network(), mesh, 64, target)
