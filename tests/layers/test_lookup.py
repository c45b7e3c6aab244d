"""StringLookup and IntegerLookup: the examples of Keras, sklearn, refusals at run time, files."""

import jax
import numpy as np
import pytest

from nnlib import Input, Model, errors, layers

LETTERS = ["a", "b", "c", "d"]
NUMBERS = [12, 36, 1138, 42]
DOCUMENTS = [["a", "c", "d", "d"], ["d", "z", "b", "z"]]
INTEGER_DOCUMENTS = np.array([[12, 1138, 42, 42], [42, 7, 36, 7]])
IDF = [0.25, 0.75, 0.6, 0.4]
# output mode -> what both give, as in the examples of Keras
VECTORS = {
    "multi_hot": [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]],
    "count": [[0, 1, 0, 1, 2], [2, 0, 1, 0, 1]],
    "tf_idf": [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]],
}
BOTH = [(layers.StringLookup, LETTERS, DOCUMENTS), (layers.IntegerLookup, NUMBERS, INTEGER_DOCUMENTS)]  # fmt: skip


@pytest.mark.parametrize("mode", VECTORS)
@pytest.mark.parametrize(("kind", "vocabulary", "data"), BOTH)
def test_vectors_of_keras(kind, vocabulary, data, mode):
    idf = IDF if mode == "tf_idf" else None
    layer = kind(vocabulary=vocabulary, output_mode=mode, idf_weights=idf)
    for made in (layer, kind.from_config(layer.get_config())):
        np.testing.assert_allclose(made(data), VECTORS[mode], rtol=1e-6)
    if kind is layers.IntegerLookup:
        traced = jax.jit(lambda x: layer.apply({}, {}, x)[0])(data)
        np.testing.assert_allclose(traced, VECTORS[mode], rtol=1e-6)
    wide = kind(vocabulary=vocabulary, output_mode=mode, idf_weights=idf, max_tokens=7,
                pad_to_max_tokens=True)  # fmt: skip
    np.testing.assert_allclose(wide(data)[:, 5:], np.zeros((2, 2)))


def test_idf_of_special_tokens_may_be_given():
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.set_vocabulary(["[UNK]", *LETTERS], idf_weights=[0.9, *IDF])
    np.testing.assert_allclose(layer(DOCUMENTS)[:, 0], [0, 1.8], rtol=1e-6)


def test_numbers_of_keras():
    assert layers.StringLookup(vocabulary=LETTERS)(DOCUMENTS).tolist() == [[1, 3, 4, 4], [4, 0, 2, 0]]  # fmt: skip
    two = layers.StringLookup(vocabulary=LETTERS, num_oov_indices=2)
    assert two([["a", "c", "d"], ["m", "z", "b"]]).tolist() == [[2, 4, 5], [0, 1, 3]]
    two = layers.IntegerLookup(vocabulary=NUMBERS, num_oov_indices=2)
    assert two(np.array([[12, 1138, 42], [37, 1000, 36]])).tolist() == [[2, 4, 5], [1, 0, 3]]
    strong = layers.IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4, oov_method="farmhash")
    assert strong(np.array([100, 300, 700, 1100, 1700, 2000])).tolist() == [3, 3, 2, 2, 0, 1]
    masked = layers.StringLookup(vocabulary=LETTERS, mask_token="")
    assert masked(["", "z", "a"]).tolist() == [0, 1, 2]
    assert masked("a").shape == ()
    hot = layers.StringLookup(vocabulary=LETTERS, output_mode="one_hot")
    np.testing.assert_array_equal(hot([*LETTERS, "z"]), np.eye(5)[[1, 2, 3, 4, 0]])


def test_numbers_to_terms_and_back():
    strings = layers.StringLookup(vocabulary=LETTERS)
    back = layers.StringLookup(vocabulary=strings.get_vocabulary(), invert=True)
    want = [["a", "c", "d"], ["d", "[UNK]", "b"]]
    assert back(strings([["a", "c", "d"], ["d", "z", "b"]])).tolist() == want
    integers = layers.IntegerLookup(vocabulary=NUMBERS, invert=True, mask_token=0)
    assert integers(np.array([0, 1, 2, 5, 9, -3])).tolist() == [0, -1, 12, 42, -1, -1]


@pytest.mark.parametrize("whole", [True, False])
def test_adapt_orders_by_count_then_by_falling_term(whole):
    data = [["a", "c", "d"], ["d", "z", "b"]]
    strings = layers.StringLookup()
    strings.adapt(data if whole else (np.array([row]) for row in data))
    assert strings.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    integers = layers.IntegerLookup(mask_token=0, max_tokens=4)
    rows = np.array([[12, 1138, 42, 0, 0], [42, 1000, 36, 0, -1]])
    integers.adapt(rows if whole else [rows[:1], rows[1:]])
    assert integers.get_vocabulary() == [0, -1, 42, 1138]
    assert integers.get_vocabulary(include_special_tokens=False) == [42, 1138]
    assert integers.vocabulary_size() == 4


def test_adapt_takes_batches_of_pairs_and_stops_after_steps():
    pairs = ((np.array([word]), np.zeros(1)) for word in ["a", "b", "c", "d"])
    layer = layers.StringLookup()
    layer.adapt(pairs, steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]
    assert next(pairs)[0] == ["c"]
    layer.adapt(["x", "y", "y"], batch_size=2, steps=1)
    assert layer.get_vocabulary() == ["[UNK]", "y", "x"]
    for word in ("q", "r", "r"):
        layer.update_state([word])
    layer.finalize_state()
    assert layer.get_vocabulary() == ["[UNK]", "r", "q"]


def test_adapt_takes_a_series():
    pandas = pytest.importorskip("pandas")
    layer = layers.StringLookup()
    layer.adapt(pandas.Series(["x", "y", "x"]))
    assert layer(pandas.Series(["y", "x"])).tolist() == [2, 1]


def test_idf_of_adapt_is_that_of_the_formula():
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["a", "b", "b"], ["a", "c", "c"], ["a", "a", "a"]])
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    idf = np.log(1 + 3 / (1 + np.array([3, 1, 1])))
    counts = np.array([1, 2, 0, 1])
    got = layer([["z", "a", "a", "b"]])[0]
    np.testing.assert_allclose(got, counts * [idf.mean(), *idf], rtol=1e-6)


def test_counts_are_those_of_sklearn():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    generator = np.random.default_rng(0)
    data = generator.choice(list("abcdefg"), (20, 6))
    layer = layers.StringLookup(output_mode="count", num_oov_indices=0)
    layer.adapt(data)
    counter = text.CountVectorizer(analyzer=list, vocabulary=layer.get_vocabulary())
    np.testing.assert_array_equal(layer(data), counter.transform(data).toarray())


def test_integers_beyond_32_bits_stay_whole_on_the_host():
    layer = layers.IntegerLookup(vocabulary=[10**12, 10**12 + 2**32])
    assert layer([[10**12 + 2**32, 10**12, 5]]).tolist() == [[2, 1, 0]]
    back = layers.IntegerLookup(vocabulary=[10**12], invert=True)
    assert back([1]).tolist() == [10**12]
    with pytest.raises(errors.DTypeError, match="32-bit"):
        jax.jit(lambda x: layer.apply({}, {}, x)[0])(np.array([1]))


@pytest.mark.parametrize(("kind", "vocabulary"), [row[:2] for row in BOTH])
def test_files_and_assets(kind, vocabulary, tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("\n".join(map(str, vocabulary)) + "\n")
    layer = kind(vocabulary=str(path))
    assert layer.get_vocabulary(include_special_tokens=False) == vocabulary
    twin = kind.from_config(layer.get_config())
    layer.save_assets(tmp_path / "assets")
    twin.load_assets(tmp_path / "assets")
    assert twin.get_vocabulary() == layer.get_vocabulary()


def test_assets_hold_the_weights_of_documents(tmp_path):
    layer = layers.StringLookup(output_mode="tf_idf", num_oov_indices=2)
    layer.adapt(DOCUMENTS)
    twin = layers.StringLookup.from_config(layer.get_config())
    layer.save_assets(tmp_path)
    twin.load_assets(tmp_path)
    np.testing.assert_array_equal(twin(DOCUMENTS), layer(DOCUMENTS))


def test_a_compiled_vocabulary_stays():
    layer = layers.IntegerLookup()
    layer.adapt([1, 2, 2])
    ids = Input((1,), dtype="int32")
    model = Model(ids, layer(ids))
    layer.adapt([5, 6, 6])
    assert model.predict(np.array([[6], [1]])).tolist() == [[1], [0]]
    with pytest.raises(errors.FrozenConfigError, match="compiled"):
        layer.adapt([1, 2, 2])


def test_the_size_of_vectors_stays():
    layer = layers.StringLookup(vocabulary=["a"], output_mode="count")
    layer(["a"])
    with pytest.raises(errors.FrozenConfigError, match="of 2 terms"):
        layer.set_vocabulary(["a", "b"])
    assert layer.vocabulary_size() == 2


def test_bytes_are_decoded():
    layer = layers.StringLookup(vocabulary=["é"], encoding="latin-1")
    assert layer(np.array([b"\xe9", b"e"])).tolist() == [1, 0]
    assert layer(np.array(["é"], object)).tolist() == [1]
