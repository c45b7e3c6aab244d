"""Parameter servers without processes: what they hold, apply, write down and read again."""

import os

import jax
import numpy as np
import optax
import pytest
from nnlib.distributed.parameter_server import engine
from nnlib.distributed.parameter_server.layout import Layout, flat
from nnlib.distributed.parameter_server.shard import ParameterShard, Rules

import nnlib as nn
from nnlib.core.errors import MissingExtraError

RNG = np.random.default_rng(0)


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("partitioner", "shape", "expected"),
    [  # as tf.distribute.experimental.partitioners say
        (nn.distributed.FixedShardsPartitioner(2), (10, 3), [2, 1]),
        (nn.distributed.FixedShardsPartitioner(4), (3,), [3]),
        (nn.distributed.FixedShardsPartitioner(4), (), []),
        (nn.distributed.MinSizePartitioner(4, max_shards=2), (6, 1), [2, 1]),
        (nn.distributed.MinSizePartitioner(4, max_shards=10), (6, 1), [6, 1]),
        (nn.distributed.MinSizePartitioner(max_shards=8), (100, 10), [1, 1]),
        (nn.distributed.MinSizePartitioner(max_shards=8), (2**17, 1), [2, 1]),
        (nn.distributed.MinSizePartitioner(64, max_shards=3), (10, 3), [2, 1]),
        (nn.distributed.MaxSizePartitioner(4), (6, 1), [6, 1]),
        (nn.distributed.MaxSizePartitioner(4, max_shards=2), (6, 1), [2, 1]),
        (nn.distributed.MaxSizePartitioner(1024), (6, 1), [1, 1]),
        (nn.distributed.MaxSizePartitioner(20), (6, 2), [3, 1]),
        (nn.distributed.MaxSizePartitioner(1), (6, 2), [6, 1]),
    ],
)
def test_partitioners(partitioner, shape, expected):
    assert partitioner(shape=shape, dtype="float32") == expected


def test_partitioner_along_another_axis():
    assert nn.distributed.FixedShardsPartitioner(2)((10, 3), "float32", axis=1) == [1, 2]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.distributed.FixedShardsPartitioner(0),
        lambda: nn.distributed.MinSizePartitioner(min_shard_bytes=0),
        lambda: nn.distributed.MinSizePartitioner(max_shards=1.5),
        lambda: nn.distributed.MaxSizePartitioner(-1),
        lambda: nn.distributed.MaxSizePartitioner(4, max_shards=0),
        lambda: nn.distributed.FixedShardsPartitioner(2)((3,), "float32", axis=1),
        lambda: Layout({("w",): ((4, 4), "float32")}, 2, lambda shape, dtype: [1, 2]),
    ],
)
def test_what_partitioners_refuse(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("servers", [1, 2, 3])
@pytest.mark.parametrize("pieces", [None, 2, 3])
@pytest.mark.parametrize("optimizer", [nn.optimizers.Adam(0.1), nn.optimizers.Nadam(0.1)])
def test_shards_together_move_weights_as_one_does(tmp_path, servers, pieces, optimizer):
    # Two are named like what optimizers keep.
    weights = {"table": {"rows": draw(7, 2)}, "step": draw(2, 3), "momentum": draw(3)}
    gradients = [jax.tree.map(lambda a: draw(*a.shape), weights) for _ in range(3)]
    specs = {path: (a.shape, a.dtype) for path, a in flat(weights).items()}
    cut = pieces and nn.distributed.FixedShardsPartitioner(pieces)
    layout = Layout(specs, servers, cut)
    assert bool(layout.cut) == (pieces is not None and servers > 1)
    shards = [ParameterShard(tmp_path / str(index)) for index in range(servers)]
    for shard, part in zip(shards, layout.split(flat(weights)), strict=True):
        shard.load(Rules(optimizer, {}), part, {}, {})
    expected, state = weights, optimizer.init(weights)
    for number, gradient in enumerate(gradients):
        for shard, part in zip(shards, layout.split(flat(gradient)), strict=True):
            assert shard.push(number, part, {}) == number + 1
        changes, state = optimizer.update(gradient, state, expected)
        expected = jax.tree.map(lambda w, c: w + np.asarray(c), expected, changes)
    parts = [shard.everything() for shard in shards]
    found = layout.join([part for part, *_ in parts])
    slots = layout.join_slots([part for _, part, *_ in parts])
    for one, other in ((found, flat(expected)), (slots, flat(state))):
        assert one.keys() == other.keys()
        for path, array in one.items():
            np.testing.assert_allclose(array, other[path], rtol=1e-6, atol=1e-7)
    again = [ParameterShard(tmp_path / "again" / str(index)) for index in range(servers)]
    for shard, weights_, slots_ in zip(
        again, layout.split(found), layout.split_slots(slots), strict=True
    ):
        shard.load(Rules(optimizer, {}), weights_, slots_, {})
    resumed = layout.join_slots([shard.everything()[1] for shard in again])
    assert all(np.array_equal(resumed[path], slots[path]) for path in slots)


def test_numbers_of_the_optimizer_go_to_all_servers():
    """Also where a weight has the name of one; a state may be like the weights alone."""
    layout = Layout({("step",): ((3,), "float32")}, 2)
    slots = draw(3)
    first, second = layout.split_slots({("step",): np.int32(5), ("momentum", "step"): slots})
    assert (first["step",], second) == (5, {("step",): 5})
    np.testing.assert_array_equal(first["momentum", "step"], slots)
    assert layout.split_slots({("step",): slots})[1] == {}


def pushed(shard, updates):
    for number in updates:
        gradient = np.full(3, number + 1, "float32")
        shard.push(number, {("w",): gradient}, {("mean",): np.float32(0.5)})


def test_the_next_process_knows_all_that_was_confirmed(tmp_path):
    shard = ParameterShard(tmp_path)
    rules = Rules(nn.optimizers.Adam(0.1), {("w",): nn.constraints.NonNeg()})
    shard.load(rules, {("w",): np.ones(3, "float32")}, {}, {("mean",): np.float32(0)})
    pushed(shard, range(20))
    for _ in range(2):  # again and again
        following = ParameterShard(tmp_path)
        for one, other in zip(following.everything(), shard.everything(), strict=True):
            assert one.keys() == other.keys()
            assert all(np.array_equal(one[path], other[path]) for path in one)
    pushed(following, range(21))  # only the last of them is new
    assert following.pull()[0] == 21
    assert following.pull()[2][("mean",)] == pytest.approx(21 * 0.5)
    assert (following.pull()[1][("w",)] >= 0).all()


def test_the_next_process_knows_an_optimizer_of_optax(tmp_path):
    rules = Rules.of(nn.optimizers.get(optax.sgd(1.0)), {})
    ParameterShard(tmp_path).load(rules, {("w",): np.ones(3, "float32")}, {}, {})
    ParameterShard(tmp_path).push(0, {("w",): np.ones(3, "float32")}, {})
    assert ParameterShard(tmp_path).pull()[1][("w",)].tolist() == [0, 0, 0]


def test_an_entry_that_was_cut_off_was_never_confirmed(tmp_path):
    shard = ParameterShard(tmp_path)
    shard.load(Rules(nn.optimizers.SGD(1.0), {}), {("w",): np.zeros(3)}, {}, {("mean",): 0.0})
    pushed(shard, range(3))
    (path,) = tmp_path.glob("entries-*")
    os.truncate(path, path.stat().st_size - 5)
    following = ParameterShard(tmp_path)
    assert following.pull()[0] == 2
    pushed(following, [2])
    np.testing.assert_allclose(ParameterShard(tmp_path).pull()[1][("w",)], -6.0)


def test_a_large_journal_becomes_a_snapshot(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlib.distributed.parameter_server.journal.COMPACT_BYTES", 1000)
    shard = ParameterShard(tmp_path)
    shard.load(Rules(nn.optimizers.SGD(1.0), {}), {("w",): np.zeros(3)}, {}, {("mean",): 0.0})
    pushed(shard, range(50))
    assert len(list(tmp_path.glob("snapshot-*"))) == 1
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 10_000
    following = ParameterShard(tmp_path)
    assert following.pull()[0] == 50
    np.testing.assert_allclose(following.pull()[1][("w",)], -50 * 51 / 2)


class Resolver:
    """What this needs of a cluster resolver."""

    def __init__(self, cluster, task_type=None):
        self.cluster, self.task_type = cluster, task_type

    def cluster_spec(self):
        return self

    def as_dict(self):
        return self.cluster


def test_clusters():
    tasks = engine.tasks_of(
        Resolver({"worker": ["localhost:1", "10.0.0.2:5"], "ps": {1: "127.0.0.1:3"}}, "chief")
    )
    assert tasks == engine.Tasks(("", "10.0.0.2"), ("",))
    with pytest.raises(ValueError, match='jobs "worker" and "ps"'):
        engine.tasks_of(Resolver({"worker": ["a:1"]}))
    with pytest.raises(RuntimeError, match="ray start"):
        engine.tasks_of(Resolver({"worker": ["a:1"], "ps": ["b:1"]}, "ps"))


def test_without_ray(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"nnlib\[ray\]"):
        nn.distributed.ParameterServerStrategy()
    with pytest.raises(ValueError, match="ParameterServerStrategy"):
        nn.distributed.ClusterCoordinator(nn.distributed.MirroredStrategy())
