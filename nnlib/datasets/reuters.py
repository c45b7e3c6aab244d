"""Reuters: news wires by topic."""

import json

import numpy as np

from nnlib.datasets.files import fetch
from nnlib.datasets.pickles import load_npz
from nnlib.datasets.splits import Split, check_test_split, cut, shuffled
from nnlib.datasets.words import Words, objects

_PLACE = "reuters.load_data"
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves "
    "ship cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin "
    "strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem "
    "dlr gas silver wpi hog lead"
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """11,228 news wires as lists of word numbers, with one of 46 topics.

    Args:
        path: name of the file in the cache, or an absolute path.
        num_words: words from this number on count as unknown; None for none.
        skip_top: words below this number count as unknown.
        maxlen: wires that are not shorter are left out, the start counted; None for none.
        test_split: the fraction of wires for tests.
        seed: of the order of wires.
        start_char: the number put before each wire; None for nothing.
        oov_char: the number put in place of unknown words; None to leave them out.
        index_from: added to all word numbers.

    Returns:
        (x_train, y_train), (x_test, y_test): object arrays of lists, and topics from 0 to 45.

    Raises:
        ArgumentError: for a test_split outside of [0, 1), or if maxlen leaves no wire.
        DownloadError: if the file is in no cache and cannot be downloaded.

    Source: Lewis 1987, Reuters-21578.
    """
    check_test_split(_PLACE, test_split)
    words = Words(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    arrays = load_npz(fetch(_PLACE, "reuters.npz", path))
    x, y = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    texts, labels = words.drop_long(_PLACE, words.begin(x), y)
    return cut(objects(words.limit(texts)), np.asarray(labels), test_split)


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, before index_from is added.

    Args:
        path: name of the file in the cache, or an absolute path.

    Raises:
        DownloadError: if the file is in no cache and cannot be downloaded.
    """
    place = fetch("reuters.get_word_index", "reuters_word_index.json", path)
    return json.loads(place.read_text(encoding="utf-8"))


def get_label_names() -> tuple[str, ...]:
    """The 46 topics; `y` counts them from 0.

    >>> import nnlib as nn
    >>> nn.datasets.reuters.get_label_names()[3]
    'earn'
    """
    return tuple(_TOPICS.split())
