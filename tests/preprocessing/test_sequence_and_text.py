"""The helpers of Keras 2, against the copies that Keras 3 still carries."""

import itertools
import json
import random

import numpy as np
import pytest

from nnlib import errors, preprocessing, utils

TEXTS = ["The cat sat on the mat.", "The dog!\nThe DOG, the end", ["A", "list", "the"], ""]
UNSEEN = ["the mouse sat", "end of the dog", ""]


@pytest.fixture
def theirs(keras):
    from keras.src.legacy.preprocessing import sequence, text

    return {"sequence": sequence, "text": text}


@pytest.mark.parametrize("arguments", [
    {}, {"num_words": 4}, {"oov_token": "<oov>", "num_words": 5}, {"lower": False},
    {"char_level": True}, {"filters": "t", "split": "a"}, {"analyzer": lambda text: text.split()},
], ids=lambda value: str(value).split(" at 0x")[0])  # fmt: skip
def test_tokenizer(theirs, arguments):
    own, other = preprocessing.text.Tokenizer(**arguments), theirs["text"].Tokenizer(**arguments)
    for tokenizer in (own, other):
        tokenizer.fit_on_texts(TEXTS)
        tokenizer.fit_on_texts(["the mat again"])
    for table in ("word_index", "index_word", "word_counts", "word_docs", "index_docs"):
        assert getattr(own, table) == dict(getattr(other, table))
    numbers = other.texts_to_sequences(UNSEEN)
    assert own.texts_to_sequences(UNSEEN) == numbers
    assert own.sequences_to_texts([*numbers, [1, 99, 2]]) == other.sequences_to_texts(
        [*numbers, [1, 99, 2]]
    )
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(
            own.texts_to_matrix(UNSEEN, mode), other.texts_to_matrix(UNSEEN, mode)
        )
    again = preprocessing.text.tokenizer_from_json(other.to_json())
    assert again.texts_to_sequences(["the dog"]) == other.texts_to_sequences(["the dog"])
    assert theirs["text"].tokenizer_from_json(own.to_json()).word_index == own.word_index


def test_tokenizer_on_numbers(theirs):
    tables = []
    for tokenizer in (preprocessing.text.Tokenizer(6), theirs["text"].Tokenizer(6)):
        tokenizer.fit_on_sequences([[1, 2], [2, 2, 5]])
        tables.append(tokenizer.sequences_to_matrix([[2, 5, 7], []], "tfidf"))
    np.testing.assert_allclose(*tables)


def test_words_and_hashes(theirs):
    text = "Some text, it's some MORE."
    for arguments in ({}, {"lower": False, "split": "e", "filters": "m"}):
        own = preprocessing.text.text_to_word_sequence(text, **arguments)
        assert own == theirs["text"].text_to_word_sequence(text, **arguments)
    for how in ("md5", len, None):
        own = preprocessing.text.hashing_trick(text, 20, how)
        assert own == theirs["text"].hashing_trick(text, 20, how)
    assert preprocessing.text.one_hot(text, 9) == theirs["text"].one_hot(text, 9)


@pytest.mark.parametrize("arguments", [
    {}, {"maxlen": 2}, {"maxlen": 5, "padding": "post"}, {"maxlen": 2, "truncating": "post"},
    {"value": -1.5, "dtype": "float32", "maxlen": 4}, {"value": "x", "dtype": object},
], ids=lambda value: str(value).split(" at 0x")[0])  # fmt: skip
def test_pad_sequences(keras, arguments):
    for rows in ([[1], [2, 3], [], [4, 5, 6]], [np.ones((2, 3)), np.zeros((4, 3))], [[], []]):
        want = keras.utils.pad_sequences(rows, **arguments)
        got = utils.pad_sequences(rows, **arguments)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences


@pytest.mark.parametrize("arguments", [
    {}, {"sampling_rate": 2, "stride": 3, "batch_size": 2}, {"reverse": True, "start_index": 4},
    {"end_index": 15, "batch_size": 5}, {"shuffle": True, "batch_size": 4},
], ids=lambda value: str(value).split(" at 0x")[0])  # fmt: skip
def test_timeseries_generator(theirs, arguments):
    data, targets = np.arange(40).reshape(20, 2), np.arange(20)
    own = preprocessing.sequence.TimeseriesGenerator(data, targets, 6, **arguments)
    other = theirs["sequence"].TimeseriesGenerator(data, targets, 6, **arguments)
    assert len(own) == len(other)
    for index in range(len(own)):
        drawn = []
        for generator in (own, other):
            np.random.seed(index)
            drawn.append(generator[index])
        for got, want in zip(*drawn, strict=True):
            np.testing.assert_array_equal(got, want)
    config = json.loads(own.to_json())["config"]
    config |= {name: json.loads(config[name]) for name in ("data", "targets")}
    assert preprocessing.sequence.TimeseriesGenerator(**config).get_config() == own.get_config()


def test_sampling_table_and_skipgrams(theirs):
    own, other = preprocessing.sequence, theirs["sequence"]
    np.testing.assert_allclose(
        own.make_sampling_table(50, 1e-3), other.make_sampling_table(50, 1e-3)
    )
    words = [1, 2, 0, 3, 4, 2]
    for categorical, shuffle in itertools.product([False, True], repeat=2):
        arguments = {
            "negative_samples": 0,
            "categorical": categorical,
            "shuffle": shuffle,
            "seed": 3,
        }
        assert own.skipgrams(words, 5, 2, **arguments) == other.skipgrams(words, 5, 2, **arguments)
    drawn = []
    for module in (own, other):
        random.seed(5)
        table = module.make_sampling_table(5, 0.1)
        drawn.append(module.skipgrams(words, 5, shuffle=False, sampling_table=table))
    assert drawn[0] == drawn[1]
    first, second = (own.skipgrams(words, 5, negative_samples=2.0, seed=1) for _ in range(2))
    assert first == second
    pairs, labels = first
    assert labels.count(0) == 2 * labels.count(1)
    assert all(0 < word < 5 for pair in pairs for word in pair)


@pytest.mark.parametrize(
    ("attempt", "error", "match"),
    [
        (lambda: utils.pad_sequences([[1]], padding="mid"), errors.ArgumentError, "padding.*mid"),
        (lambda: utils.pad_sequences([[1]], maxlen=0), errors.ArgumentError, "maxlen.*0"),
        (lambda: utils.pad_sequences([1, 2]), errors.DataError, "sequence"),
        (lambda: utils.pad_sequences(3), errors.DataError, "list of sequences"),
        (lambda: utils.pad_sequences([]), errors.DataError, "maxlen"),
        (lambda: utils.pad_sequences([[1]], value="x"), errors.ArgumentError, "object"),
        (lambda: utils.pad_sequences([[[1]], [[1, 2]]]), errors.ShapeError, "sequence 1"),
        (lambda: preprocessing.text.hashing_trick("a", 1), errors.ArgumentError, "n .*2"),
        (lambda: preprocessing.text.hashing_trick("a", 5, "sha"), errors.ArgumentError, "sha"),
        (
            lambda: preprocessing.text.Tokenizer().texts_to_matrix(["a"]),
            errors.ArgumentError,
            "fit_on_texts",
        ),
        (
            lambda: preprocessing.text.Tokenizer(5).texts_to_matrix(["a"], "all"),
            errors.ArgumentError,
            "mode.*all",
        ),
        (
            lambda: preprocessing.sequence.TimeseriesGenerator([1], [1, 2], 1),
            errors.DataError,
            "2 and 1",
        ),
        (
            lambda: preprocessing.sequence.TimeseriesGenerator([1, 2], [1, 2], 5),
            errors.ArgumentError,
            "no window",
        ),
    ],
)
def test_bad_arguments_are_refused(attempt, error, match):
    with pytest.raises(error, match=match):
        attempt()
