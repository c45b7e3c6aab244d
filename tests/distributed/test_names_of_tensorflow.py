"""What scripts written for tf.distribute call; the answers are those of TensorFlow 2.21."""

import threading

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

D = nn.distributed


@pytest.fixture(scope="module")
def two():
    return D.MirroredStrategy(["cpu:0", "cpu:1"])


@pytest.fixture
def chosen(two):
    D.experimental_set_strategy(two)
    yield two
    D.experimental_set_strategy(None)


def test_names_are_where_tensorflow_has_them():
    """Those of dir(tf.distribute...) in TensorFlow 2.21, without what docs/distributed.md lists."""
    tree = {
        "": "CrossDeviceOps DistributedDataset DistributedIterator DistributedValues "
        "HierarchicalCopyAllReduce InputContext InputOptions InputReplicationMode MirroredStrategy "
        "MultiWorkerMirroredStrategy NcclAllReduce OneDeviceStrategy ParameterServerStrategy "
        "ReduceOp ReductionToOneDevice ReplicaContext RunOptions Server Strategy TPUStrategy "
        "cluster_resolver coordinator experimental experimental_set_strategy get_replica_context "
        "get_strategy has_strategy in_cross_replica_context",
        "coordinator": "ClusterCoordinator PerWorkerValue RemoteValue",
        "experimental": "CollectiveCommunication CollectiveHints CommunicationImplementation "
        "CommunicationOptions MultiWorkerMirroredStrategy ParameterServerStrategy TPUStrategy "
        "ValueContext coordinator partitioners",
        "experimental.coordinator": "ClusterCoordinator PerWorkerValues RemoteValue",
        "experimental.partitioners": "FixedShardsPartitioner MaxSizePartitioner "
        "MinSizePartitioner Partitioner",
        "cluster_resolver": "ClusterResolver GCEClusterResolver KubernetesClusterResolver "
        "KubernetesExecutableLocation SimpleClusterResolver SlurmClusterResolver "
        "TFConfigClusterResolver TPUClusterResolver UnionResolver",
    }
    for place, names in tree.items():
        module = D
        for part in filter(None, place.split(".")):
            module = getattr(module, part)
        assert [name for name in names.split() if not hasattr(module, name)] == []
    with pytest.raises(AttributeError, match="ParameterServerStrategy"):
        D.experimental.CentralStorageStrategy()
    assert D.experimental.CollectiveHints(bytes_per_pack=5).bytes_per_pack == 5


@pytest.mark.parametrize(
    ("name", "way"),
    [("extended", "all_reduce"), ("experimental_make_numpy_dataset", "from_tensor_slices")],
)
def test_attributes_that_are_not_here_name_the_way(two, name, way):
    assert not hasattr(two, name)
    with pytest.raises(AttributeError, match=way):
        getattr(two, name)
    with pytest.raises(AttributeError, match="'nonsense'"):
        _ = two.nonsense

    class Broken(D.OneDeviceStrategy):
        @property
        def thing(self):
            return (1).missing

    with pytest.raises(AttributeError, match="'missing'"):  # why, and not that there is none
        _ = Broken("cpu:0").thing


def state():
    return (
        D.has_strategy(),
        D.get_strategy(),
        D.in_cross_replica_context(),
        D.get_replica_context() is None,
    )


def test_a_strategy_for_the_whole_thread(chosen):
    other = D.OneDeviceStrategy("cpu:0")
    assert state() == (True, chosen, True, True)
    model = nn.Sequential([nn.Input((2,)), nn.layers.Dense(1)])
    assert model.distribute_strategy is chosen
    with chosen.scope():
        assert D.get_strategy() is chosen
        with pytest.raises(RuntimeError, match="within that of"):
            D.experimental_set_strategy(other)
    with pytest.raises(RuntimeError, match="Mixing different"), other.scope():
        pass
    assert chosen.run(D.in_cross_replica_context) is False
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(D.has_strategy()))
    thread.start()
    thread.join(10)
    assert elsewhere == [False]
    D.experimental_set_strategy(other)
    assert D.get_strategy() is other
    D.experimental_set_strategy(None)
    assert state() == (False, D.get_strategy(), False, False)
    with pytest.raises(ValueError, match="a strategy or None, got 3"):
        D.experimental_set_strategy(3)


def test_merge_call(two):
    def merge(strategy, value, more=0):
        inside = D.in_cross_replica_context() and D.get_strategy() is strategy
        return inside, strategy.reduce("SUM", value, axis=None) + more

    context = D.get_replica_context()
    assert context.merge_call(merge, args=(4,), kwargs={"more": 1}) == (True, 5)
    one = D.OneDeviceStrategy("cpu:0")

    def replica(x):
        return D.get_replica_context().merge_call(merge, args=(x,))

    assert one.run(replica, args=(jnp.float32(3),)) == (True, 3.0)
    with pytest.raises(ValueError, match="merge_call: expected a function"):
        context.merge_call(3)
    with pytest.raises(RuntimeError, match="all_reduce"):
        two.run(replica, args=(jnp.float32(3),))


class Bare:
    """A dataset that does not tell what its elements are."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.zeros((2, 1))


def shapes(spec):
    return [None if one is None else one.shape for one in spec.values]


def test_element_spec(two):
    data = nn.data.Dataset.range(10)
    dataset = two.experimental_distribute_dataset(data.batch(4))
    assert shapes(dataset.element_spec) == [(None,), (None,)]
    assert shapes(iter(dataset).element_spec) == [(None,), (None,)]
    even = two.experimental_distribute_dataset(data.batch(4, drop_remainder=True))
    assert shapes(even.element_spec) == [(2,), (2,)]
    assert even.element_spec.values[0].dtype == next(iter(even)).values[0].dtype
    uneven = two.experimental_distribute_dataset(data.batch(5, drop_remainder=True))
    assert shapes(uneven.element_spec) == [(None,), (None,)]
    named = nn.data.Dataset.from_tensor_slices({"a": np.zeros((6, 3), "float32")}).batch(2)
    assert shapes(two.experimental_distribute_dataset(named).element_spec["a"]) == [(None, 3)] * 2
    made = two.experimental_distribute_datasets_from_function(
        lambda context: data.batch(2, drop_remainder=True)
    )
    assert shapes(made.element_spec) == [(None,), (None,)]  # the last may be of one replica alone
    endless = two.experimental_distribute_datasets_from_function(
        lambda context: data.repeat().batch(2, drop_remainder=True)
    )
    assert shapes(endless.element_spec) == [(2,), (2,)]
    one = D.OneDeviceStrategy("cpu:0").experimental_distribute_dataset(data.batch(4))
    assert one.element_spec == nn.data.TensorSpec((None,), next(iter(one)).dtype)
    with pytest.raises(TypeError):  # as TensorFlow's: ask the dataset before
        len(dataset)
    with pytest.raises(ValueError, match=r"next\(iter\(dataset\)\)"):
        two.experimental_distribute_dataset(Bare()).element_spec  # noqa: B018


def test_run_options(two):
    assert two.run(lambda: 1, options=D.RunOptions()) == 1
    with pytest.raises(ValueError, match="XLA_FLAGS"):
        D.RunOptions(experimental_bucketizing_dynamic_shape=True)
    with pytest.raises(ValueError, match="RunOptions"):
        two.run(lambda: 1, options=3)
