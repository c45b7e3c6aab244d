"""Bad arguments."""

import numpy as np
import pytest

from nnlib.core.errors import ArgumentError, DataError, DTypeError, NnlibError
from nnlib.data import Dataset, Options, TensorSpec, experimental

FIVE = Dataset.range(5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FIVE.batch(0), "batch: expected batch_size to be an integer of at least 1, got 0"),
        (lambda: FIVE.batch(2.0), "batch_size"),
        (lambda: FIVE.batch(True), "batch_size"),
        (lambda: FIVE.batch(2, num_parallel_calls=0), "num_parallel_calls"),
        (lambda: FIVE.batch(2, deterministic=1), "deterministic"),
        (lambda: FIVE.shuffle(0), "buffer_size"),
        (lambda: FIVE.shuffle(3, seed="a"), "seed"),
        (lambda: FIVE.take(-2), "count"),
        (lambda: FIVE.skip(1.5), "count"),
        (lambda: FIVE.repeat(-3), "count"),
        (lambda: FIVE.map(3), "map_func"),
        (lambda: FIVE.filter(None), "predicate"),
        (lambda: FIVE.flat_map("x"), "map_func"),
        (lambda: FIVE.shard(2, 2), "index below 2"),
        (lambda: FIVE.shard(0, 0), "num_shards"),
        (lambda: FIVE.window(0), "size"),
        (lambda: FIVE.window(2, shift=0), "shift"),
        (lambda: FIVE.interleave(Dataset.range, cycle_length=0), "cycle_length"),
        (lambda: FIVE.interleave(Dataset.range, 2, 0), "block_length"),
        (lambda: FIVE.prefetch(-2), "buffer_size"),
        (lambda: FIVE.apply(lambda d: 3), "return a Dataset"),
        (lambda: FIVE.with_options({}), "nn.data.Options"),
        (lambda: list(FIVE.flat_map(lambda x: x)), "flat_map: expected the function to return"),
        (Dataset.range, "1 to 3 numbers"),
        (Dataset.zip, "expected datasets"),
        (lambda: Dataset.zip(FIVE, datasets=(FIVE,)), "expected datasets"),
        (lambda: Dataset.zip((FIVE, [1, 2])), "datasets in tuples"),
        (lambda: Dataset.from_grain([1]), "MapDataset, IterDataset or DataLoader"),
        (lambda: Dataset.from_generator(range(3)), "generator"),
        (
            lambda: Dataset.from_generator(list, "int32", output_signature=TensorSpec()),
            "output_signature or output_types",
        ),
        (lambda: Dataset.from_generator(list, output_shapes=()), "output_types with"),
        (lambda: Dataset.from_generator(list, output_signature=3), "TensorSpec"),
        (lambda: setattr(Options(), "determinstic", True), "expected one of deterministic"),
        (lambda: setattr(Options().threading, "spin", 1), "no effect"),
        (lambda: experimental.at(FIVE.shuffle(2), 0), "random access"),
    ],
)
def test_bad_arguments_are_refused_where_they_are_given(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dataset.from_tensor_slices(3), DataError, "first axis"),
        (lambda: Dataset.from_tensor_slices(()), DataError, "first axis"),
        (lambda: Dataset.from_tensor_slices(([1, 2], [1])), DataError, "number of rows, got 2, 1"),
        (lambda: Dataset.from_tensor_slices([[1, 2], [1]]), DataError, "ragged"),
        (lambda: Dataset.from_tensors(object()), DTypeError, "expected arrays, numbers or strings"),
        (lambda: list(FIVE.map(np.zeros).batch(3)), DataError, "Use padded_batch"),
        (lambda: list(FIVE.filter(lambda x: np.ones(2))), DataError, "one bool, got shape"),
        (lambda: list(FIVE.unbatch()), DataError, "unbatch: expected arrays with a first axis"),
        (
            lambda: list(FIVE.concatenate(Dataset.zip(FIVE, FIVE)).batch(6)),
            DataError,
            "one structure",
        ),
        (lambda: Dataset.range(0).map(lambda x: x).element_spec, DataError, "at least one element"),
    ],
)
def test_bad_data_is_refused(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert isinstance(caught.value, NnlibError)


def test_options_travel_along_the_chain_and_merge():
    one, two = Options(), Options()
    one.experimental_distribute.auto_shard_policy = experimental.AutoShardPolicy.OFF
    two.experimental_deterministic = False
    left = FIVE.with_options(one).batch(2)
    assert left.options().distribute.auto_shard_policy == experimental.AutoShardPolicy.OFF
    both = left.with_options(two)
    assert both.options().distribute.auto_shard_policy == -1
    assert both.options().deterministic is False
    zipped = Dataset.zip(left, FIVE.with_options(two)).take(1)
    assert zipped.options().distribute.auto_shard_policy == -1
    assert zipped.options().deterministic is False
    zipped.options().deterministic = True
    assert zipped.options().deterministic is False
