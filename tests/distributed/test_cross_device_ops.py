"""How sums over devices are asked for: equal values, and a warning where a wish has no effect."""

import re
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

D = nn.distributed
CPUS = [f"cpu:{i}" for i in range(8)]


def mirrored(count, ops):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NCCL is not for CPUs
        return D.MirroredStrategy(CPUS[:count], cross_device_ops=ops)


def value(context):
    return jnp.arange(3.0) * (1 + context.replica_id_in_sync_group)


def reduced(strategy, op, x):
    return strategy.run(lambda x: D.get_replica_context().all_reduce(op, x), args=(x,))


@pytest.mark.parametrize("op", ["SUM", "MEAN"])
@pytest.mark.parametrize("count", [2, 3, 4, 6, 8])
@pytest.mark.parametrize(
    "ops", [D.NcclAllReduce, D.HierarchicalCopyAllReduce, D.ReductionToOneDevice]
)
def test_values_are_equal(ops, count, op):
    strategy = mirrored(count, ops())
    values = strategy.experimental_distribute_values_from_function(value)
    total = np.arange(3.0) * count * (count + 1) / 2
    expected = total / count if op == "MEAN" else total
    for own in strategy.experimental_local_results(reduced(strategy, op, values)):
        np.testing.assert_allclose(own, expected, rtol=1e-6)
    np.testing.assert_allclose(strategy.reduce(op, values, axis=None), expected, rtol=1e-6)
    np.testing.assert_allclose(
        strategy.reduce(op, values, axis=0), expected.sum() / (3 if op == "MEAN" else 1), rtol=1e-6
    )


@pytest.mark.parametrize("ops", [D.HierarchicalCopyAllReduce(), D.ReductionToOneDevice()])
def test_gradients_are_equal(ops):
    def gradient(x):
        def loss(x):
            weight = 1.0 + D.get_replica_context().replica_id_in_sync_group
            return jnp.sum(D.get_replica_context().all_reduce("SUM", x * x)) * weight

        return jax.grad(loss)(x)

    strategy = mirrored(4, ops)
    values = strategy.experimental_distribute_values_from_function(value)
    found = strategy.experimental_local_results(strategy.run(gradient, args=(values,)))
    for own, x in zip(found, values.values, strict=True):
        np.testing.assert_allclose(own, 2 * x * (1 + 2 + 3 + 4), rtol=1e-6)


def test_the_algorithm_is_the_one_asked_for():
    def collectives(ops):
        strategy = mirrored(4, ops)
        step = jax.jit(lambda x: reduced(strategy, "SUM", x))
        values = strategy.experimental_distribute_values_from_function(value)
        return re.findall(r"stablehlo\.(all_\w+|reduce_scatter)", step.lower(values).as_text())

    assert collectives(None) == ["all_reduce"]
    two_levels = ["reduce_scatter", "all_reduce", "all_gather"]
    assert collectives(D.HierarchicalCopyAllReduce()) == two_levels
    assert collectives(D.ReductionToOneDevice()) == ["all_gather"]


def test_a_tree_of_gradients_is_summed_at_once():
    strategy = mirrored(4, None)
    values = strategy.experimental_distribute_values_from_function(
        lambda context: {"kernel": value(context), "bias": value(context)[:1]}
    )
    text = jax.jit(lambda x: reduced(strategy, "MEAN", x)).lower(values).as_text()
    assert text.count("stablehlo.all_reduce") <= 2
    compiled = jax.jit(lambda x: reduced(strategy, "MEAN", x)).lower(values).compile().as_text()
    assert len(re.findall(r" all-reduce(?:-start)?\(", compiled)) == 1


def test_a_function_that_accumulates():
    strategy = mirrored(2, D.ReductionToOneDevice(accumulation_fn=lambda values: values[0]))
    values = strategy.experimental_distribute_values_from_function(value)
    assert strategy.reduce("SUM", values, axis=None).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="accumulation_fn"):
        D.ReductionToOneDevice(accumulation_fn="sum")


@pytest.mark.parametrize("given", ["nccl", "NcclAllReduce", 3, D.NcclAllReduce])
def test_names_are_refused(given):
    with pytest.raises(ValueError, match=r"NcclAllReduce\(\)"):
        D.MirroredStrategy(cross_device_ops=given)


@pytest.mark.parametrize("ops", [D.NcclAllReduce, D.HierarchicalCopyAllReduce])
def test_packs(ops):
    for wrong in (-1, "x", True, 1.5):
        with pytest.raises(ValueError, match="num_packs"):
            ops(wrong)
    with pytest.warns(UserWarning, match="num_packs=2 has no effect"):
        ops(2)
    assert ops().num_packs == 1


def test_wishes_without_effect_warn():
    with pytest.warns(UserWarning, match="reduce_to_device='cpu:0' has no effect"):
        D.ReductionToOneDevice("cpu:0")
    with pytest.warns(UserWarning, match="expected GPUs, got cpu"):
        D.MirroredStrategy(CPUS[:2], D.NcclAllReduce())


def test_training_leaves_sums_to_xla():
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    for ops in (D.HierarchicalCopyAllReduce(), D.ReductionToOneDevice()):
        with mirrored(2, ops).scope():
            model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
            model.compile("sgd", "mse")
        with pytest.warns(UserWarning, match="leaves the sums of gradients to XLA"):
            model.fit(x, y, verbose=0)


# CommunicationOptions ----------------------------------------------------------------------------


def test_communication_options():
    assert D.experimental.CommunicationOptions is D.CommunicationOptions
    options = D.CommunicationOptions()
    assert (options.bytes_per_pack, options.timeout_seconds) == (0, None)
    assert options.implementation is D.CommunicationImplementation.AUTO
    assert [one.value for one in D.CommunicationImplementation] == ["AUTO", "RING", "NCCL"]
    for given in ("ring", "RING", D.experimental.CommunicationImplementation.RING):
        made = D.CommunicationOptions(implementation=given)
        assert made.implementation is D.CommunicationImplementation.RING


@pytest.mark.parametrize(
    "wrong",
    [
        {"bytes_per_pack": -1},
        {"bytes_per_pack": 1.5},
        {"timeout_seconds": 0},
        {"timeout_seconds": "1"},
        {"timeout_seconds": float("nan")},
        {"implementation": "mpi"},
        {"implementation": None},
    ],
)
def test_communication_options_that_are_refused(wrong):
    with pytest.raises(ValueError, match="CommunicationOptions: expected"):
        D.CommunicationOptions(**wrong)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"bytes_per_pack": 1024}, "bytes_per_pack=1024 has no effect"),
        ({"timeout_seconds": 5.0}, "timeout_seconds=5.0 has no effect"),
        ({"implementation": "NCCL"}, "JAX takes RING for cpu"),
    ],
)
def test_options_of_all_reduce(options, match):
    strategy = mirrored(2, None)

    def total(options):
        return D.get_replica_context().all_reduce("SUM", jnp.ones(()), options)

    with pytest.warns(UserWarning, match=match):
        result = strategy.run(total, args=(D.CommunicationOptions(**options),))
    assert float(result.values[0]) == 2
    strategy.run(total, args=(D.CommunicationOptions(implementation="RING"),))
    with pytest.raises(ValueError, match="expected CommunicationOptions"):
        strategy.run(total, args=("ring",))


def test_a_timeout_may_have_its_effect():
    D.CommunicationOptions(timeout_seconds=5.0).warn_of_no_effect("here", "cpu", timed=True)


# OneDeviceStrategy -------------------------------------------------------------------------------


def test_one_device_strategy():
    strategy = D.OneDeviceStrategy("/cpu:3")
    assert strategy.run(lambda x: x + 1, args=(jnp.ones(2),)).devices() == {jax.devices()[3]}
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")
    with strategy.scope():
        model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
        model.compile("sgd", "mse")
    dataset = nn.data.Dataset.from_tensor_slices((x, y)).batch(2)
    model.fit(strategy.experimental_distribute_dataset(dataset), verbose=0)
    assert model.layers[0].kernel.devices() == {jax.devices()[3]}
    assert model.predict(x).shape == (4, 1)


@pytest.mark.parametrize("device", ["quantum:0", ["cpu:0"], None, "cpu:99"])
def test_devices_that_are_refused(device):
    with pytest.raises(ValueError, match="OneDeviceStrategy: expected"):
        D.OneDeviceStrategy(device)
