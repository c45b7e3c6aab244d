"""TextVectorization: the examples of Keras, sklearn's counts, own functions, odd texts."""

import numpy as np
import pytest

from nnlib import layers

TEXTS = ["foo bar", "bar baz", "baz bada boom"]


def tokens(texts, **arguments):
    """The learned terms without special tokens."""
    layer = layers.TextVectorization(**arguments)
    layer.adapt(texts)
    return layer.get_vocabulary(include_special_tokens=False)


def test_the_example_of_keras():
    layer = layers.TextVectorization(max_tokens=5000, output_sequence_length=4)
    layer.adapt(TEXTS)
    assert layer([["foo qux bar"], ["qux baz"]]).tolist() == [[4, 1, 3, 0], [1, 2, 0, 0]]
    given = layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"])
    assert given.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    assert given(["Earth, wind!", "rain"]).tolist() == [[2, 3], [1, 0]]
    assert given("and fire").tolist() == [4, 5]
    twin = layers.TextVectorization.from_config(given.get_config())
    assert twin(["fire"]).tolist() == [[5]]


@pytest.mark.parametrize("data", [
    TEXTS, np.array(TEXTS), np.array(TEXTS)[:, None],
    iter([np.array(TEXTS[:2]), np.array(TEXTS[2:])]),
    iter([(np.array(TEXTS), np.zeros(3))]),
], ids=["list", "array", "column", "batches", "pairs"])  # fmt: skip
def test_adapt_on_all_kinds_of_data(data):
    assert tokens(data) == ["baz", "bar", "foo", "boom", "bada"]


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ({}, ["dont", "a", "É"]),
        ({"standardize": "lower"}, ["don't", "a,", "É"]),
        ({"standardize": "strip_punctuation"}, ["Dont", "a", "É"]),
        ({"standardize": None}, ["Don't", "a,", "É"]),
        (
            {"standardize": lambda x: np.char.add(np.char.lower(x), " end")},
            ["don't", "a,", "é", "end"],
        ),
        ({"split": "character", "standardize": None}, [*"Don't a, É"]),
        (
            {"split": lambda x: [text.split(",") for text in x], "standardize": "lower"},
            ["don't a", " É"],
        ),
        ({"split": None, "standardize": "lower"}, ["don't a, É"]),
        ({"ngrams": 2}, ["dont", "a", "É", "dont a", "a É"]),
        ({"ngrams": (3, 2)}, ["dont a É", "dont a", "a É"]),
        ({"ngrams": (4,), "output_mode": "count"}, []),
    ],
    ids=lambda value: str(value).split(" at 0x")[0],
)  # fmt: skip
def test_terms_of_a_text(arguments, want):
    layer = layers.TextVectorization(**arguments)
    assert layer.documents(np.array([["Don't a, É"]])) == [want]


def test_only_ascii_whitespace_splits():
    layer = layers.TextVectorization(standardize=None)
    assert layer.documents(np.array([" a\t\nb\u00a0c  \x1dd "])) == [["a", "b\u00a0c", "\x1dd"]]


def test_modes_of_vectors_agree_with_sklearn():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    texts = ["the cat sat on the mat", "the dog", "a cat and a dog", "mat mat mat"]
    layer = layers.TextVectorization(output_mode="count", ngrams=2)
    layer.adapt(texts)
    known = layer.get_vocabulary(include_special_tokens=False)
    counter = text.CountVectorizer(ngram_range=(1, 2), vocabulary=known, token_pattern=r"\S+")
    counts = counter.transform(texts).toarray()
    np.testing.assert_array_equal(layer(texts)[:, 1:], counts)
    hot = layers.TextVectorization(output_mode="multi_hot", vocabulary=known, ngrams=2)
    np.testing.assert_array_equal(hot(texts)[:, 1:], counts > 0)
    weighted = layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    weighted.adapt(texts)
    idf = np.log(1 + 4 / (1 + (counts > 0).sum(0)))
    np.testing.assert_allclose(weighted(texts)[:, 1:], counts * idf, rtol=1e-6)


def test_vectors_may_be_padded():
    layer = layers.TextVectorization(
        6, output_mode="count", pad_to_max_tokens=True, vocabulary=["a"]
    )
    assert layer(["a a b"]).tolist() == [[1, 2, 0, 0, 0, 0]]


def test_max_tokens_counts_the_special_ones():
    assert tokens(TEXTS, max_tokens=4) == ["baz", "bar"]
    assert tokens(TEXTS, max_tokens=4, output_mode="count") == ["baz", "bar", "foo"]


def test_texts_without_terms():
    layer = layers.TextVectorization(vocabulary=["a"])
    assert layer(["", "a"]).tolist() == [[0], [2]]
    assert layer([""]).shape == (1, 0)
    assert layer(np.array([], str)).shape == (0, 0)


def test_assets(tmp_path):
    layer = layers.TextVectorization()
    layer.adapt(TEXTS)
    layer.save_assets(tmp_path)
    twin = layers.TextVectorization.from_config(layer.get_config())
    twin.load_assets(tmp_path)
    assert twin.get_vocabulary() == layer.get_vocabulary()
