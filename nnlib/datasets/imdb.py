"""IMDB: film reviews, good and bad ones."""

import json

import numpy as np

from nnlib.datasets.files import fetch
from nnlib.datasets.pickles import load_npz
from nnlib.datasets.splits import Split, shuffled
from nnlib.datasets.words import Words, objects

_PLACE = "imdb.load_data"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """25,000 training and 25,000 test reviews as lists of word numbers, with their sentiment.

    Words are numbered by how often they occur: 1 + index_from is the most frequent one.

    Args:
        path: name of the file in the cache, or an absolute path.
        num_words: words from this number on count as unknown; None for none.
        skip_top: words below this number count as unknown.
        maxlen: reviews that are not shorter are left out, the start counted; None for none.
        seed: of the order of reviews.
        start_char: the number put before each review; None for nothing.
        oov_char: the number put in place of unknown words; None to leave them out.
        index_from: added to all word numbers.

    Returns:
        (x_train, y_train), (x_test, y_test): object arrays of lists, and labels, 1 for good.

    Raises:
        ArgumentError: if maxlen leaves no review.
        DownloadError: if the file is in no cache and cannot be downloaded.

    Source: Maas et al. 2011, "Learning Word Vectors for Sentiment Analysis".
    """
    words = Words(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    arrays = load_npz(fetch(_PLACE, "imdb.npz", path))
    rng = np.random.RandomState(seed)
    parts = []
    for name in ("train", "test"):
        x, y = shuffled(rng, arrays[f"x_{name}"], arrays[f"y_{name}"])
        parts.append(words.drop_long(_PLACE, words.begin(x), y))
    (x_train, y_train), (x_test, y_test) = parts
    texts = words.limit(x_train + x_test)
    size = len(x_train)
    return (objects(texts[:size]), y_train), (objects(texts[size:]), y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, before index_from is added.

    Args:
        path: name of the file in the cache, or an absolute path.

    Raises:
        DownloadError: if the file is in no cache and cannot be downloaded.
    """
    place = fetch("imdb.get_word_index", "imdb_word_index.json", path)
    return json.loads(place.read_text(encoding="utf-8"))
