"""Dataset: tf.data's interface over numpy arrays."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from nnlib.core.errors import ArgumentError, DataError
from nnlib.data import grain_bridge
from nnlib.data.constants import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY
from nnlib.data.node import Pass
from nnlib.data.options import Options
from nnlib.data.sources import Sources
from nnlib.data.steps import Steps
from nnlib.data.structure import as_element, to_numpy


class Dataset(Sources, Steps):
    """A sequence of elements: arrays in nested tuples and dicts.

    It is a recipe and holds no elements. Each `iter` is a pass from the first element; the passes
    of one dataset are numbered from 0, and random steps depend on their seed and that number.
    Begin with `from_tensor_slices`, `from_generator`, `range`, `list_files`, `zip` or
    `from_grain`; each further method returns a new dataset.

    >>> import nnlib as nn, numpy as np
    >>> x, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    >>> dataset = nn.data.Dataset.from_tensor_slices((x, y)).batch(2)
    >>> [(a.shape, b.tolist()) for a, b in dataset]
    [((2, 2), [0, 1]), ((1, 2), [0])]
    >>> len(dataset)
    2

    Source: the interface is tf.data's (Murray et al. 2021, "tf.data: A Machine Learning Data
    Processing Framework").
    """

    def __iter__(self) -> Iterator[Any]:
        """A new pass."""
        return self.iterate(next(self._passes))

    def iterate(self, epoch: int) -> Iterator[Any]:
        """The pass number `epoch`, which `iter` would give the `epoch + 1`-th time.

        It is the same however often the dataset was walked through before: a resumed training
        sees the orders that it would have seen.

        >>> import nnlib as nn
        >>> dataset = nn.data.Dataset.range(9).shuffle(9, seed=0)
        >>> first, second = list(dataset), list(dataset)
        >>> list(dataset.iterate(1)) == second
        True
        """
        return self.node.iterate(Pass((epoch,), self._options))

    def as_numpy_iterator(self) -> Iterator[Any]:
        """A new pass with numpy arrays only, also where `map` returned jax arrays."""
        return map(to_numpy, iter(self))

    @property
    def element_spec(self) -> Any:
        """TensorSpecs in the structure of an element.

        Behind `map`, and behind a generator without signature, the first element is computed for
        it, and dims are those of that element.
        """
        return self.node.spec

    def cardinality(self) -> int:
        """The number of elements, or INFINITE_CARDINALITY or UNKNOWN_CARDINALITY.

        >>> import nnlib as nn
        >>> nn.data.Dataset.range(10).batch(4).cardinality()
        3
        """
        return self.node.cardinality()

    def __len__(self) -> int:
        """The number of elements.

        Raises:
            TypeError: if there is no end, or if only a walk would tell.
        """
        count = self.node.cardinality()
        if count == INFINITE_CARDINALITY:
            raise TypeError("Dataset: expected an end for len(), got an infinite dataset.")
        if count == UNKNOWN_CARDINALITY:
            raise TypeError(
                "Dataset: expected a known number of elements for len(), got a step such as filter "
                "or a generator. Count them: dataset.reduce(0, lambda n, _: n + 1), or say how "
                "many: dataset.apply(nn.data.experimental.assert_cardinality(n))."
            )
        return count

    def __bool__(self) -> bool:
        """Always true, so that `if dataset` needs no number of elements."""
        return True

    def __repr__(self) -> str:
        count = self.node.cardinality()
        named = {INFINITE_CARDINALITY: "infinite", UNKNOWN_CARDINALITY: "unknown"}
        return f"<Dataset {type(self.node).__name__}, cardinality {named.get(count, count)}>"

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """`state = reduce_func(state, element)` over one pass; the last state.

        >>> import nnlib as nn
        >>> int(nn.data.Dataset.range(5).reduce(0, lambda total, x: total + x))
        10
        """
        state = as_element(initial_state)
        for element in self:
            state = as_element(reduce_func(state, element))
        return to_numpy(state)

    def get_single_element(self) -> Any:
        """The element of a dataset that has just one.

        Raises:
            DataError: if it has none, or more.
        """
        found = list(itertools.islice(iter(self), 2))
        if len(found) != 1:
            raise DataError(
                f"get_single_element: expected one element, got {'more' if found else 'none'}."
            )
        return found[0]

    def apply(self, transformation_func: Callable[["Dataset"], "Dataset"]) -> "Dataset":
        """`transformation_func(self)`, within a chain of methods."""
        result = transformation_func(self)
        if not isinstance(result, Dataset):
            raise ArgumentError(
                f"apply: expected the function to return a Dataset, got {type(result).__name__}."
            )
        return result

    def with_options(self, options: Options) -> "Dataset":
        """The same dataset with options; those set here win over those set before."""
        if not isinstance(options, Options):
            raise ArgumentError(
                f"with_options: expected nn.data.Options(), got {type(options).__name__}."
            )
        return Dataset(self.node, self._options.merge(options))

    def options(self) -> Options:
        """The options in force; change them through `with_options`."""
        return Options().merge(self._options)

    def to_grain(self) -> Any:
        """The dataset for Grain, whose `mp_prefetch` runs it in processes.

        Returns:
            A grain MapDataset where elements can be had by number, else an IterDataset whose
            iterators can be saved and restored. Both are the pass number 0.

        Raises:
            MissingExtraError: if Grain is not installed.
        """
        return grain_bridge.to_grain(self.node, Pass((0,), self._options))
