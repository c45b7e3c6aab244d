"""Elements kept."""

import numpy as np
import pytest

from nnlib.data import Dataset
from tests.data.listing import listed


def counted(dataset):
    calls = []

    def note(*element):
        calls.append(1)
        return element if len(element) > 1 else element[0]

    return dataset.map(note), calls


def test_memory_computes_each_element_once():
    dataset, calls = counted(Dataset.range(4))
    cached = dataset.cache()
    next(iter(cached))  # does not finish, so it keeps nothing
    assert listed(cached) == listed(cached) == [0, 1, 2, 3]
    assert len(calls) == 5
    assert listed(cached.shuffle(4).batch(4).map(np.sort)) == [[0, 1, 2, 3]]
    assert len(calls) == 5


def test_a_cached_order_stays():
    cached = Dataset.range(20).shuffle(20).cache()
    assert listed(cached) == listed(cached)


def test_arrays_need_no_cache_and_stay_fast():
    dataset = Dataset.from_tensor_slices(np.arange(4))
    assert dataset.cache().node is dataset.node


def test_a_file_serves_other_datasets_too(tmp_path):
    name = tmp_path / "deep" / "cache"
    tree = ({"a": np.arange(6.0).reshape(3, 2)}, ["x", "yy", "z"], None)
    dataset, calls = counted(Dataset.from_tensor_slices(tree))
    cached = dataset.cache(name)
    iterator = iter(cached)
    next(iterator)
    iterator.close()
    assert not name.exists(), "a pass that ended early leaves nothing"
    expected = [({"a": [0.0, 1.0]}, "x", None), ({"a": [2.0, 3.0]}, "yy", None)]
    assert listed(cached)[:2] == expected
    assert listed(cached)[:2] == expected
    assert len(calls) == 4
    other, other_calls = counted(Dataset.from_tensor_slices(tree))
    assert listed(other.cache(str(name)))[:2] == expected
    assert not other_calls
    assert [path.name for path in name.parent.iterdir()] == ["cache"]


def test_a_file_keeps_dtypes_and_bytes(tmp_path):
    element = (np.int8(3), b"\0a\0", b"", np.float16([1.5]), True)
    dataset = Dataset.from_generator(lambda: iter([element])).cache(tmp_path / "c")
    for _ in range(2):
        (found,) = dataset
        assert found[1:3] == (b"\0a\0", b"")
        assert [np.asarray(part).dtype for part in (found[0], found[3], found[4])] == [
            np.int8, np.float16, np.bool_,
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("element", "message"),
    [({1: 2}, "strings as keys"), (np.array([{}], object), "numbers or strings")],
)
def test_what_a_file_cannot_hold_is_refused(tmp_path, element, message):
    dataset = Dataset.from_generator(lambda: iter([element])).cache(tmp_path / "c")
    with pytest.raises(ValueError, match=message):
        list(dataset)
    assert not list(tmp_path.iterdir())
