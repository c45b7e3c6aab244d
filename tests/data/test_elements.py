"""What elements are: structures, dtypes, specs, copies."""

import collections

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from nnlib.data import Dataset, TensorSpec
from tests.data.listing import listed

Point = collections.namedtuple("Point", "x y")


def test_slices_keep_structure_and_dtype():
    dataset = Dataset.from_tensor_slices(
        ({"a": np.arange(3, dtype=np.int8), "b": [1.5, 2, 3]}, (["x", "y", "z"], jnp.arange(3)))
    )
    expected = [({"a": 0, "b": 1.5}, ("x", 0)), ({"a": 1, "b": 2.0}, ("y", 1))]
    assert listed(dataset.take(2)) == expected
    first = next(iter(dataset))
    assert first[0]["a"].dtype == np.int8
    assert first[0]["b"].dtype == np.float32, "Python floats are float32, as in tf.data"
    assert Dataset.from_tensor_slices([1, 2]).element_spec == TensorSpec((), np.int32)
    assert Dataset.from_tensor_slices([2**40]).element_spec == TensorSpec((), np.int64)
    assert Dataset.from_tensor_slices([np.float64(1)]).element_spec == TensorSpec((), np.float64)


def test_data_frames_are_dicts_of_columns():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})
    assert listed(Dataset.from_tensor_slices(frame).batch(2)) == [{"a": [1, 2], "b": [0.5, 1.5]}]
    pair = Dataset.from_tensor_slices((dict(frame), frame["a"]))
    assert listed(pair) == [({"a": 1, "b": 0.5}, 1), ({"a": 2, "b": 1.5}, 2)]


def test_named_tuples_stay_and_are_spread_no_further():
    dataset = Dataset.from_tensor_slices(Point(np.arange(2), np.arange(2) + 5))
    assert isinstance(next(iter(dataset)), Point)
    assert listed(dataset.map(lambda p: p.y)) == [5, 6]
    assert isinstance(next(iter(dataset.batch(2))), Point)


def test_map_spreads_tuples_and_converts_what_comes_back():
    dataset = Dataset.from_tensor_slices((np.arange(2), np.arange(2) * 10))
    assert listed(dataset.map(lambda a, b: [a, b])) == [(0, 0), (1, 10)]
    values = {"f": 1.5, "n": 3, "t": True, "s": "s", "none": None}
    out = next(iter(dataset.map(lambda a, b: values)))
    assert [getattr(v, "dtype", None) for v in out.values()] == [
        np.float32, np.int32, np.bool_, np.dtype("<U1"), None,
    ]  # fmt: skip
    assert listed(Dataset.from_tensors({"a": 1}).map(lambda d: d["a"])) == [1]


def test_jax_arrays_from_map_stay_until_a_batch():
    dataset = Dataset.range(3).map(lambda x: jnp.asarray(x) * 2)
    assert isinstance(next(iter(dataset)), jnp.ndarray)
    assert isinstance(next(dataset.as_numpy_iterator()), np.ndarray)
    batch = next(iter(dataset.batch(3)))
    assert isinstance(batch, np.ndarray)
    assert batch.tolist() == [0, 2, 4]


def test_elements_may_be_written_to_without_changing_the_source():
    source = np.zeros((4, 2))
    for dataset in (
        Dataset.from_tensor_slices(source),
        Dataset.from_tensor_slices(source).batch(2),
        Dataset.from_tensor_slices(source).shuffle(4).batch(2),
        Dataset.from_tensors(source),
        Dataset.from_tensor_slices(source).map(lambda x: x).cache(),
    ):
        for _ in range(2):
            for element in dataset:
                assert not element.any()
                np.add(element, 1, out=element)
    assert not source.any()


def test_element_spec():
    rows = Dataset.from_tensor_slices((np.zeros((5, 3)), {"s": ["a"] * 5}))
    spec = rows.batch(2).element_spec
    assert spec == (TensorSpec((None, 3), float), {"s": TensorSpec((None,), str)})
    assert rows.batch(2, drop_remainder=True).element_spec[0].shape == (2, 3)
    assert rows.batch(2).unbatch().element_spec[0].shape == (3,)
    assert rows.padded_batch(2, ([None], {"s": []})).element_spec[0].shape == (None, None)
    assert rows.padded_batch(2, ([4], {"s": []})).element_spec[0].shape == (None, 4)
    assert rows.map(lambda x, s: x[:1]).element_spec == TensorSpec((1,), float)
    assert rows.enumerate().element_spec[0] == TensorSpec((), np.int64)
    assert rows.filter(lambda x, s: True).shuffle(2).cache().prefetch(1).element_spec == (
        rows.element_spec
    )
    assert Dataset.zip(rows, rows.repeat()).element_spec == (rows.element_spec,) * 2
    assert rows.concatenate(rows).element_spec == rows.element_spec
    windows = Dataset.range(3).window(2).element_spec
    assert windows.element_spec == TensorSpec((), np.int64)
    assert Dataset.range(2).flat_map(Dataset.from_tensors).element_spec.shape == ()


def test_generators():
    calls = []

    def numbers(stop, text):
        calls.append((type(stop), str(text)))
        yield from ((i, [i, i]) for i in range(stop))

    signature = (TensorSpec((), "int64"), TensorSpec((None,), "float32"))
    dataset = Dataset.from_generator(numbers, args=(2, "t"), output_signature=signature)
    assert listed(dataset) == listed(dataset) == [(0, [0.0, 0.0]), (1, [1.0, 1.0])]
    assert calls == [(np.int32, "t")] * 2
    assert dataset.element_spec == signature
    old = Dataset.from_generator(numbers, ("int64", "float32"), ((), (2,)), args=(2, "t"))
    assert old.element_spec[1] == TensorSpec((2,), "float32")
    assert listed(old) == listed(dataset)
    free = Dataset.from_generator(numbers, args=(2, "t"))
    assert listed(free) == [(0, [0, 0]), (1, [1, 1])]
    assert free.element_spec[1].dtype == np.int32
    types_only = Dataset.from_generator(numbers, ("int64", "float32"), args=(1, "t"))
    assert types_only.element_spec[1].shape is None


@pytest.mark.parametrize(
    ("element", "signature", "message"),
    [
        ([1, 2, 3], TensorSpec((), "int64"), "expected elements of shape"),
        ([1, 2, 3], (TensorSpec((2,), "int64"),) * 2, "one structure"),
        (["x"], TensorSpec((1,), "int64"), "expected elements of dtype"),
    ],
)
def test_a_generator_must_keep_to_its_signature(element, signature, message):
    dataset = Dataset.from_generator(lambda: iter([element]), output_signature=signature)
    with pytest.raises(ValueError, match=message):
        list(dataset)


def test_padded_batches():
    rows = [([1], 5), ([2, 3], 6), ([], 7)]
    signature = (TensorSpec((None,), "int64"), TensorSpec((), "int64"))
    dataset = Dataset.from_generator(lambda: iter(rows), output_signature=signature)
    assert listed(dataset.padded_batch(2)) == [([[1, 0], [2, 3]], [5, 6]), ([[]], [7])]
    assert listed(dataset.padded_batch(2, ([3], []), (-1, 0), drop_remainder=True)) == [
        ([[1, -1, -1], [2, 3, -1]], [5, 6])
    ]
    lengths = dataset.map(lambda a, b: a).padded_batch(3, (None,), 9)
    assert listed(lengths) == [[[1, 9], [2, 3], [9, 9]]]
    with pytest.raises(ValueError, match="expected elements that fit"):
        listed(dataset.padded_batch(2, ([1], [])))
    with pytest.raises(ValueError, match="rank"):
        listed(dataset.padded_batch(2, ([1, 1], [])))
    words = Dataset.from_generator(lambda: iter([{"w": ["a"]}, {"w": ["bb", "c"]}]))
    assert listed(words.padded_batch(2)) == [{"w": [["a", ""], ["bb", "c"]]}]


def test_files(tmp_path):
    for name in ("b.txt", "a.txt", "c.csv"):
        (tmp_path / name).touch()
    pattern = str(tmp_path / "*.txt")
    in_order = [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]
    assert listed(Dataset.list_files(pattern, shuffle=False)) == in_order
    assert sorted(listed(Dataset.list_files(pattern, seed=1))) == in_order
    both = Dataset.list_files([pattern, str(tmp_path / "*.csv")], shuffle=False)
    assert len(both) == 3
    with pytest.raises(ValueError, match="got none"):
        Dataset.list_files(str(tmp_path / "*.png"))


def test_bytes_stay_bytes():
    dataset = Dataset.from_generator(lambda: iter([b"a\0", b"bc"]))
    assert list(dataset) == [b"a\0", b"bc"]
    assert next(iter(dataset.batch(2))).tolist() == [b"a\0", b"bc"]
