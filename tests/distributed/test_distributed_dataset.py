"""Distributed datasets: the splits that TensorFlow makes, and training on them."""

import gc
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

D = nn.distributed
STRATEGIES = {
    count: D.MirroredStrategy([f"cpu:{i}" for i in range(count)]) for count in (1, 2, 3, 4)
}
TWO = STRATEGIES[2]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 6)).astype("float32")
Y = RNG.integers(0, 3, 22)


def lists(strategy, element):
    return [np.asarray(part).tolist() for part in strategy.experimental_local_results(element)]


def batches(rows, size, **options):
    return nn.data.Dataset.range(rows).batch(size, **options)


# Each row was recorded from TensorFlow 2.21.
@pytest.mark.parametrize(
    ("rows", "size", "replicas", "expected"),
    [
        (10, 4, 2, [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8], [9]]]),
        (10, 3, 2, [[[0, 1], [2]], [[3, 4], [5]], [[6, 7], [8]], [[9], []]]),
        (7, 6, 3, [[[0, 1], [2, 3], [4, 5]], [[6], [], []]]),
        (14, 8, 2, [[[0, 1, 2, 3], [4, 5, 6, 7]], [[8, 9, 10], [11, 12, 13]]]),
        (5, 5, 4, [[[0, 1], [2, 3], [4], []]]),
        (13, 8, 4, [[[0, 1], [2, 3], [4, 5], [6, 7]], [[8, 9], [10, 11], [12], []]]),
        (9, 6, 4, [[[0, 1], [2, 3], [4, 5], []], [[6], [7], [8], []]]),
        (6, 5, 3, [[[0, 1], [2, 3], [4]], [[5], [], []]]),
        (1, 4, 4, [[[0], [], [], []]]),
        (2, 1, 2, [[[0], []], [[1], []]]),
        (11, 7, 3, [[[0, 1, 2], [3, 4, 5], [6]], [[7, 8], [9, 10], []]]),
        (4, 2, 1, [[[0, 1]], [[2, 3]]]),
    ],
)
def test_global_batches_are_split(rows, size, replicas, expected):
    strategy = STRATEGIES[replicas]
    dataset = strategy.experimental_distribute_dataset(batches(rows, size))
    for _ in range(2):
        assert [lists(strategy, element) for element in dataset] == expected
    dropped = strategy.experimental_distribute_dataset(batches(rows, size, drop_remainder=True))
    full = expected if rows % size == 0 else expected[:-1]
    assert [lists(strategy, element) for element in dropped] == full


def test_batches_of_any_size_and_axes():
    sizes = nn.data.Dataset.from_generator(lambda: iter([np.arange(4), np.arange(3), np.arange(1)]))
    found = [lists(TWO, e) for e in TWO.experimental_distribute_dataset(sizes)]
    assert found == [[[0, 1], [2, 3]], [[0, 1], [2]], [[0], []]]
    nothing = nn.data.Dataset.from_tensors(np.zeros((0, 3)))
    (empty,) = TWO.experimental_distribute_dataset(nothing)
    assert [part.shape for part in empty.values] == [(0, 3), (0, 3)]
    twice = TWO.experimental_distribute_dataset(batches(8, 2).batch(3))
    assert [lists(TWO, element) for element in twice] == [
        [[[0, 1], [2, 3]], [[4, 5]]],
        [[[6, 7]], []],
    ]


def test_elements_are_trees_on_the_devices():
    tree = {"x": np.arange(6.0, dtype="float32"), "y": np.arange(12).reshape(6, 2)}
    dataset = nn.data.Dataset.from_tensor_slices(tree).batch(4)
    iterator = iter(TWO.experimental_distribute_dataset(dataset))
    even, ragged = iterator.get_next(), next(iterator)
    assert lists(TWO, even["x"]) == [[0, 1], [2, 3]]
    assert lists(TWO, ragged["y"]) == [[[8, 9]], [[10, 11]]]
    for element in (even, ragged):
        devices = [part.devices() for part in element["x"].values]
        assert devices == [{device} for device in TWO.mesh.devices]
    with pytest.raises(StopIteration):
        iterator.get_next()
    end = iterator.get_next_as_optional()
    assert not end.has_value()
    with pytest.raises(ValueError, match="has_value"):
        end.get_value()
    first = iter(TWO.experimental_distribute_dataset(dataset)).get_next_as_optional()
    assert first.has_value()
    assert lists(TWO, first.get_value()["x"]) == [[0, 1], [2, 3]]
    alone = next(iter(STRATEGIES[1].experimental_distribute_dataset(dataset)))
    assert alone["x"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("loader", ["list", "torch-like"])
def test_other_iterables(loader):
    class Loader:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return [np.arange(4) + 4 * index, np.ones((4, 1))]

    class Walked(Loader):
        def __iter__(self):
            return iter([self[0], self[1]])

    dataset = TWO.experimental_distribute_dataset(Loader() if loader == "list" else Walked())
    assert [lists(TWO, x) for x, _ in dataset] == [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([1, 2], "expected a dataset"),
        (np.ones(4), "expected a dataset"),
        (iter([np.ones(4)]), "again"),
        (nn.data.Dataset.range(4), "batch axis"),
        (nn.data.Dataset.from_tensor_slices(np.array([["a"], ["b"]])), "numbers"),
        (nn.data.Dataset.from_tensors((np.ones(2), np.ones(3))), "as many rows"),
    ],
)
def test_what_is_no_dataset_of_batches(given, match):
    with pytest.raises((ValueError, TypeError), match=match):
        list(TWO.experimental_distribute_dataset(given))


def test_an_error_in_the_dataset_is_raised_where_the_element_would_come():
    def broken():
        yield np.ones(2)
        raise OSError("the disk")

    class Broken:
        def __iter__(self):
            return broken()

    iterator = iter(TWO.experimental_distribute_dataset(Broken()))
    next(iterator)
    with pytest.raises(OSError, match="the disk"):
        next(iterator)


def test_a_loop_that_is_left_leaves_no_thread():
    before = threading.active_count()
    endless = TWO.experimental_distribute_dataset(batches(4, 2).repeat())
    for index, _ in enumerate(endless):
        if index == 3:
            break
    gc.collect()
    assert threading.active_count() == before


# Datasets from functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (TWO, [[[0, 1], [2, 3]], [[4, 5], [6]]]),
        (STRATEGIES[4], [[[0], [1], [2], [3]], [[4], [5], [6], []]]),
        (STRATEGIES[1], [[[0, 1, 2, 3]], [[4, 5, 6]]]),
        (D.OneDeviceStrategy("cpu:1"), [[[0, 1, 2, 3]], [[4, 5, 6]]]),
    ],
)
def test_datasets_from_a_function(strategy, expected):
    seen = []

    def function(context):
        seen.append(context)
        return batches(7, context.get_per_replica_batch_size(4))

    dataset = strategy.distribute_datasets_from_function(function)
    for _ in range(2):
        assert [lists(strategy, element) for element in dataset] == expected
    assert seen == [D.InputContext(1, 0, strategy.num_replicas_in_sync)]


def test_a_dataset_for_each_replica():
    mode = D.InputOptions(experimental_replication_mode=D.InputReplicationMode.PER_REPLICA)
    seen = []

    def function(context):
        seen.append((context.num_input_pipelines, context.input_pipeline_id))
        return batches(7, context.get_per_replica_batch_size(4))

    dataset = TWO.distribute_datasets_from_function(function, mode)
    expected = [[[0, 1], [0, 1]], [[2, 3], [2, 3]], [[4, 5], [4, 5]], [[6], [6]]]
    assert [lists(TWO, element) for element in dataset] == expected
    assert seen == [(2, 0), (2, 1)]
    with pytest.raises(ValueError, match="PER_WORKER"):
        TWO.experimental_distribute_dataset(batches(4, 2), mode)


def test_single_numbers_from_a_function():
    def dataset(rows):
        return TWO.distribute_datasets_from_function(lambda _: nn.data.Dataset.range(rows))

    assert [lists(TWO, element) for element in dataset(4)] == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match="no empty batch"):
        list(dataset(3))
    with pytest.raises(ValueError, match="expected a dataset"):
        TWO.distribute_datasets_from_function(lambda _: [1, 2])


def test_input_context():
    assert D.InputContext() == D.InputContext(1, 0, 1)
    assert D.InputContext(1, 0, 2).get_per_replica_batch_size(4) == 2
    with pytest.raises(ValueError, match="2 replicas divide, got 5"):
        D.InputContext(1, 0, 2).get_per_replica_batch_size(5)


def test_input_options():
    kept = D.InputOptions(
        experimental_fetch_to_device=False, experimental_per_replica_buffer_size=3
    )
    for dataset in (
        TWO.experimental_distribute_dataset(batches(4, 4), kept),
        TWO.distribute_datasets_from_function(lambda _: batches(4, 2), kept),
    ):
        (element,) = dataset
        assert all(isinstance(part, np.ndarray) for part in element.values)
        assert lists(TWO, TWO.run(lambda x: x + 1, args=(element,))) == [[1, 2], [3, 4]]
    for wrong in (
        {"experimental_place_dataset_on_device": True},
        {"experimental_per_replica_buffer_size": 0},
        {"experimental_replication_mode": "PER_REPLICA"},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            D.InputOptions(**wrong)
    with pytest.raises(ValueError, match="InputOptions"):
        TWO.experimental_distribute_dataset(batches(4, 2), {"experimental_fetch_to_device": True})


# Training --------------------------------------------------------------------------------------


def model(strategy):
    nn.utils.set_random_seed(3)
    with strategy.scope():
        made = nn.Sequential([nn.Input((6,)), nn.layers.Dense(3, "softmax")])
        loss = "sparse_categorical_crossentropy"
        made.compile(nn.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    made.trainer.make_state()  # weights and keys are drawn here, not in the order of use
    return made


@pytest.mark.parametrize("shuffled", [False, True])
def test_fit_evaluate_and_predict_take_them(shuffled):
    dataset = nn.data.Dataset.from_tensor_slices((X, Y))
    dataset = (dataset.shuffle(22, seed=1) if shuffled else dataset).batch(8)
    plain, spread = model(TWO), model(TWO)
    distributed = TWO.experimental_distribute_dataset(dataset)
    expected = plain.fit(dataset, validation_data=dataset, epochs=2, verbose=0).history
    found = spread.fit(distributed, validation_data=distributed, epochs=2, verbose=0).history
    assert found == expected
    for a, b in zip(spread.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert spread.evaluate(distributed, verbose=0) == plain.evaluate(dataset, verbose=0)
    inputs = nn.data.Dataset.from_tensor_slices(X).batch(8)
    np.testing.assert_array_equal(
        spread.predict(TWO.experimental_distribute_dataset(inputs)), plain.predict(inputs)
    )


def test_fit_on_datasets_from_a_function():
    dataset = nn.data.Dataset.from_tensor_slices((X, Y))
    plain, spread = model(TWO), model(TWO)
    parts = TWO.distribute_datasets_from_function(
        lambda context: dataset.batch(context.get_per_replica_batch_size(8))
    )
    expected = plain.fit(dataset.batch(8), epochs=2, verbose=0).history["loss"]
    assert spread.fit(parts, epochs=2, verbose=0).history["loss"] == expected


def test_models_of_others_are_refused():
    dataset = TWO.experimental_distribute_dataset(batches(4, 2))
    outside = nn.Sequential([nn.Input((6,)), nn.layers.Dense(3)])
    outside.compile("sgd", "mse")
    for other in (outside, model(STRATEGIES[4])):
        with pytest.raises(ValueError, match=r"strategy\.scope\(\)"):
            other.fit(dataset, verbose=0)


def test_the_example_of_the_guide():
    x_train = RNG.normal(size=(130, 784)).astype("float32")
    y_train = RNG.integers(0, 10, 130)

    strategy = nn.distributed.MirroredStrategy()

    with strategy.scope():
        model = nn.models.Sequential(
            [
                nn.layers.Dense(128, activation="relu", input_shape=(784,)),
                nn.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )

    batch_size = 64
    dataset = nn.data.Dataset.from_tensor_slices((x_train, y_train)).batch(batch_size)
    dist_dataset = strategy.experimental_distribute_dataset(dataset)

    history = model.fit(dist_dataset, epochs=5, verbose=0).history
    assert len(history["loss"]) == 5
    assert history["loss"][-1] < history["loss"][0]
    assert strategy.num_replicas_in_sync == len(jax.devices())


def test_a_loop_over_a_dataset_with_a_short_last_batch():
    """What replicas sum and count by themselves is exact, whatever their parts are."""
    values = jnp.arange(11.0)
    dataset = nn.data.Dataset.from_tensor_slices(np.asarray(values)).batch(8)
    total, count = 0.0, 0
    for rows in TWO.experimental_distribute_dataset(dataset):
        sums, counts = TWO.run(lambda x: (x.sum(), jnp.asarray(x.size)), args=(rows,))
        total += float(TWO.reduce("SUM", sums, axis=None))
        count += int(TWO.reduce("SUM", counts, axis=None))
    assert (total, count) == (55, 11)
    last = list(TWO.experimental_distribute_dataset(dataset))[-1]
    assert float(TWO.reduce("MEAN", last, axis=0)) == 9
    assert TWO.gather(last, axis=0).tolist() == [8, 9, 10]
