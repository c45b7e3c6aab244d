"""Sequences for training, under the names of Keras 2."""

import random
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.preprocessing.timeseries_generator import TimeseriesGenerator
from nnlib.utils.sequence import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    r"""How often to keep the word of each rank, `min(1, sqrt(sampling_factor / frequency))`.

    Frequencies are those of Zipf's law, `1 / (rank * (log(rank) + 0.577) + 1/2 - 1/(12 rank))`.

    Args:
        size: the number of ranks; rank 0 counts as 1.
        sampling_factor: the frequency from which on words are thinned out.

    Returns:
        (size,) probabilities.

    >>> make_sampling_table(3).round(5).tolist()
    [0.00315, 0.00315, 0.00548]

    Source: Mikolov et al., "Distributed Representations of Words and Phrases", NeurIPS 2013.
    """
    if size < 1:
        raise ArgumentError(f"make_sampling_table: expected size of at least 1, got {size!r}.")
    rank = np.maximum(np.arange(size), 1)
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of a word and a neighbour, labelled 1, and of a word and any word, labelled 0.

    Args:
        sequence: numbers of words; 0 is no word.
        vocabulary_size: the largest number of a word + 1.
        window_size: how far away a neighbour may be.
        negative_samples: pairs labelled 0 for each pair labelled 1.
        shuffle: whether the pairs are shuffled.
        categorical: whether labels are [0, 1] and [1, 0] instead of 1 and 0.
        sampling_table: the probability to keep the word of each number.
        seed: of all draws; None for Python's `random`.

    Returns:
        The pairs and their labels.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])

    Source: Mikolov et al., "Efficient Estimation of Word Representations", 2013.
    """
    draw: Any = random if seed is None else random.Random(seed)
    pairs: list[list[int]] = []
    for index, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < draw.random()):
            continue
        begin, end = max(0, index - window_size), index + window_size + 1
        near = [*sequence[begin:index], *sequence[index + 1 : end]]
        pairs += [[word, other] for other in near if other]
    yes, no = ([0, 1], [1, 0]) if categorical else (1, 0)
    labels: list[Any] = [yes] * len(pairs)
    others = _any_pairs(draw, [word for word, _ in pairs], negative_samples, vocabulary_size)
    pairs, labels = pairs + others, labels + [no] * len(others)
    return _shuffled(draw, seed, pairs, labels) if shuffle else (pairs, labels)


def _any_pairs(draw: Any, words: list[int], share: float, vocabulary_size: int) -> list[list[int]]:
    """`share * len(words)` pairs of one of the words and any word."""
    if share < 0:
        raise ArgumentError(f"skipgrams: expected negative_samples of at least 0, got {share!r}.")
    count = int(len(words) * share)
    if count:
        draw.shuffle(words)
    return [[words[i % len(words)], draw.randint(1, vocabulary_size - 1)] for i in range(count)]


def _shuffled(
    draw: Any, seed: int | None, pairs: list[list[int]], labels: list[Any]
) -> tuple[list[list[int]], list[Any]]:
    """Both lists in one new order, that of Keras for a seed."""
    if seed is None:
        seed = draw.randint(0, 10**7)
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    return [pairs[i] for i in order], [labels[i] for i in order]
