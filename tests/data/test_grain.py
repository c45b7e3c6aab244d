"""Grain's datasets in and out."""

import grain
import numpy as np
import pytest

import nnlib.data.grain_bridge as bridge
from nnlib.core.errors import MissingExtraError
from nnlib.data import INFINITE_CARDINALITY, Dataset
from tests.data.listing import listed


def test_a_map_dataset_is_read_by_number():
    source = grain.MapDataset.range(6).map(lambda x: (x, x * 10))
    dataset = Dataset.from_grain(source)
    assert len(dataset) == 6
    assert listed(dataset)[2] == (2, 20)
    shuffled = dataset.shuffle(6, seed=0).batch(4)
    a, b = next(iter(shuffled))
    assert (a * 10 == b).all()
    assert sorted(x for a, _ in shuffled for x in a.tolist()) == list(range(6))


def test_a_repeated_map_dataset_has_no_end():
    dataset = Dataset.from_grain(grain.MapDataset.range(2).repeat())
    assert dataset.cardinality() == INFINITE_CARDINALITY
    assert listed(dataset.take(3)) == [0, 1, 0]


def test_iterables_and_loaders():
    stream = grain.MapDataset.range(4).to_iter_dataset().filter(lambda x: x != 1)
    dataset = Dataset.from_grain(stream)
    assert listed(dataset) == listed(dataset) == [0, 2, 3]
    loader = grain.DataLoader(
        data_source=grain.sources.RangeDataSource(0, 4, 1),
        sampler=grain.samplers.SequentialSampler(4, shard_options=grain.sharding.NoSharding()),
        worker_count=0,
    )
    assert listed(Dataset.from_grain(loader)) == [0, 1, 2, 3]


def test_random_access_goes_out_as_a_map_dataset():
    dataset = Dataset.zip(Dataset.range(5), Dataset.range(5).map(lambda x: x * x)).batch(2)
    out = dataset.to_grain()
    assert isinstance(out, grain.MapDataset)
    assert len(out) == 3
    assert [part.tolist() for part in out[2]] == [[4], [16]]
    assert listed(Dataset.from_grain(out)) == listed(dataset)


def test_a_stream_goes_out_with_a_place_that_can_be_saved():
    dataset = Dataset.range(9).shuffle(9, seed=2).filter(lambda x: x != 4)
    out = dataset.to_grain()
    assert isinstance(out, grain.IterDataset)
    iterator = iter(out)
    before = [int(next(iterator)) for _ in range(3)]
    state = iterator.get_state()
    after = [int(x) for x in iterator]
    assert before + after == [int(x) for x in dataset.iterate(0)]
    fresh = iter(out)
    fresh.set_state(state)
    assert [int(x) for x in fresh] == after
    batched = out.batch(2, drop_remainder=True)
    assert np.concatenate(list(batched)).tolist() == before + after


def test_without_grain_the_error_names_the_extra(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(bridge.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"nnlib\[data\]"):
        Dataset.range(3).to_grain()
