"""What layers share that look terms up in a vocabulary."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from nnlib.core.dtypes import get as get_policy
from nnlib.core.errors import ArgumentError, FrozenConfigError, NotBuiltError, ShapeError
from nnlib.layers.checks import count
from nnlib.layers.preprocessing.batches import batches, is_whole
from nnlib.layers.preprocessing.host_encoding import OUTPUT_MODES, encode
from nnlib.layers.preprocessing.host_layer import HostLayer
from nnlib.layers.preprocessing.term_counter import TermCounter
from nnlib.layers.preprocessing.vocabulary import Vocabulary


class VocabularyLayer(HostLayer):
    """Base of StringLookup, IntegerLookup and TextVectorization.

    The vocabulary is given, or found by `adapt`. It is no weight: `save_assets` writes it.
    """

    output_modes: tuple[str, ...] = OUTPUT_MODES
    kind = "string"
    """Of the terms: "string" or "int64"."""
    pad_to_max_tokens: bool
    max_tokens: int | None

    def _keep_vocabulary_arguments(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        pad_to_max_tokens: bool,
        invert: bool = False,
    ) -> None:
        """Check the arguments that all have, and set the vocabulary if there is one."""
        own = type(self).__name__
        num_oov_indices = count(own, "num_oov_indices", num_oov_indices)
        if max_tokens is not None and count(own, "max_tokens", max_tokens) < 2:
            raise ArgumentError(f"{own}: expected max_tokens of at least 2, got {max_tokens}.")
        if pad_to_max_tokens and max_tokens is None:
            raise ArgumentError(
                f"{own}: expected max_tokens with pad_to_max_tokens=True, got None."
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ArgumentError(
                f"{own}: expected idf_weights with output_mode='tf_idf' only, got them with "
                f"{self.output_mode!r}."
            )
        self.max_tokens, self.pad_to_max_tokens = max_tokens, bool(pad_to_max_tokens)
        masked = mask_token is not None and self.output_mode == "int"
        self._terms = Vocabulary(
            own, self.kind, mask_token, oov_token, num_oov_indices, masked, max_tokens, invert
        )
        self._counter = TermCounter()
        self._given = vocabulary is not None
        self._stored_idf: np.ndarray | None = None
        # A path is not kept: the file may be gone when the layer is made again.
        self.input_vocabulary = None if isinstance(vocabulary, str | Path) else vocabulary
        self.input_idf_weights = idf_weights
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # The vocabulary ----------------------------------------------------------------------------

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary.

        Args:
            vocabulary: a list or array of terms, or the path of a text file with a term a line. The
                special tokens may stand in front, in the order of `get_vocabulary()`.
            idf_weights: an inverse document frequency for each term, for "tf_idf"; special tokens
                get the mean unless they are in the vocabulary.

        Raises:
            DataError: for repeated or misplaced terms.
            ArgumentError: for too many terms, or weights without need.
            FrozenConfigError: if the size of the output of a built layer would change.
        """
        if (idf_weights is not None) != (self.output_mode == "tf_idf"):
            raise ArgumentError(
                f"{self.place}: expected idf_weights with output_mode='tf_idf', and only then, got "
                f"idf_weights={idf_weights!r} with {self.output_mode!r}."
            )
        self._replace(vocabulary, idf_weights)

    def _replace(self, terms: Any, idf: Any) -> None:
        new, old = copy.copy(self._terms), self._terms
        new.set(terms, idf)
        fixed = self.built and self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and old.terms is not None and new.size != old.size:
            raise FrozenConfigError(
                f"{self.place}: expected a vocabulary of {old.size} terms, as it was called with, "
                f"got {new.size}. Make a new layer, or set pad_to_max_tokens=True."
            )
        self._terms = new

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The terms by their numbers, the tokens for padding and unknown terms in front."""
        return self._terms.listed(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of terms, special tokens included."""
        return self._terms.size

    @property
    def is_adaptable(self) -> bool:
        """Whether `adapt` finds the vocabulary: none was given as an argument."""
        return not self._given

    def forget_given(self) -> None:
        """Take the vocabulary that was given as one that `adapt` has found."""
        self._given = False
        self.__dict__.update(input_vocabulary=None, input_idf_weights=None)

    @property
    def has_vocabulary(self) -> bool:
        """Whether it was given or found."""
        return self._terms.terms is not None

    # adapt -------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find the vocabulary: terms by falling count, ties by falling term, `max_tokens` at most.

        Args:
            data: an array, a list or a series, where each row is a document, or an iterable of
                batches such as a data set; of tuples `(x, y)` the first part counts.
            batch_size: rows at a time, for data that is no iterable of batches; all if None.
            steps: at most so many batches; all if None.
        """
        self.reset_state()
        for batch in batches(data, batch_size, steps, f"{self.place} adapt"):
            rows = np.atleast_1d(self.read(batch))
            self._count(rows[:, None] if is_whole(data) and rows.ndim == 1 else rows)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the terms of one more batch; a batch with one axis is one document."""
        self._count(np.atleast_1d(self.read(data)))

    def finalize_state(self) -> None:
        """Make the vocabulary from what was counted."""
        if self._given or not self._counter.terms:
            return
        vocabulary, counter = self._terms, self._counter
        limit = None if self.max_tokens is None else max(self.max_tokens - vocabulary.start, 0)
        terms = counter.most_frequent(limit, (vocabulary.mask_token, vocabulary.oov_token))
        idf = counter.inverse_document_frequency(terms) if self.output_mode == "tf_idf" else None
        self._replace(terms, idf)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counter = TermCounter()

    def _count(self, rows: np.ndarray) -> None:
        if self._given:
            raise ArgumentError(
                f"{self.place}: expected adapt() of a layer made without vocabulary=, got one that "
                "has it. Leave out the argument."
            )
        self._counter.add(self.documents(rows))

    def read(self, data: Any) -> np.ndarray:
        """A batch as an array."""
        raise NotImplementedError(f"{type(self).__name__}: expected `read`, got none.")

    def documents(self, rows: np.ndarray) -> list[list[Any]]:
        """The terms of each row; one axis is one document."""
        rows = rows[None] if rows.ndim == 1 else rows
        return rows.reshape(len(rows), -1).tolist()

    # Output ------------------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """The size of the vectors of all modes but "int"."""
        if self.pad_to_max_tokens:
            assert self.max_tokens is not None
            return self.max_tokens
        self.require_vocabulary()
        return self._terms.size

    def require_vocabulary(self) -> None:
        """Raise NotBuiltError without a vocabulary."""
        if not self.has_vocabulary:
            raise NotBuiltError(
                f"{self.place}: expected a vocabulary, got none. Call adapt(data) first, or pass "
                "vocabulary=."
            )

    def encoded(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers in the output mode."""
        mode, dtype = self.output_mode, self.output_dtype
        if mode == "int":
            return numbers.astype(dtype)
        return encode(numbers, self.depth, mode, dtype.name, self._terms.idf)

    # Saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments; a vocabulary that was given as an array is among them, as a list."""
        config = super().get_config()
        for name, value in (
            ("vocabulary", self.input_vocabulary),
            ("idf_weights", self.input_idf_weights),
        ):
            config[name] = None if value is None else np.asarray(value).tolist()
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A layer with the same arguments; a config may not make it read a file."""
        if isinstance(vocabulary := config.get("vocabulary"), str | Path):
            raise ArgumentError(
                f"{cls.__name__}.from_config: expected terms as the vocabulary, got the path "
                f"{str(vocabulary)!r}, which a config may not name. Make the layer with "
                "vocabulary=None, then call set_vocabulary(path)."
            )
        kept = dict(config)
        if kept.get("output_mode") == "int" and not _is_integer(kept.get("dtype")):
            kept.pop("dtype", None)  # Keras writes its global policy, and puts out int64
        return super().from_config(kept)

    def save_own_variables(self, store: Any) -> None:
        """Put the inverse document frequencies into `store`, special tokens included."""
        if self._terms.idf is not None:
            store["idf_weights"] = self._terms.idf

    def load_own_variables(self, store: Any) -> None:
        """Keep what `save_own_variables` put there for the vocabulary that comes with it."""
        self._stored_idf = np.asarray(store["idf_weights"]) if "idf_weights" in store else None

    def check_own_variables(self, store: Any) -> None:
        """Raise ShapeError unless `store` has what `load_own_variables` takes."""
        wanted = int(self.output_mode == "tf_idf" and self.input_vocabulary is None)
        if len(store) != wanted and not (len(store) == 1 and "idf_weights" in store):
            raise ShapeError(
                f"{self.place}: expected {'idf_weights' if wanted else 'nothing'} stored, got "
                f"{', '.join(store.keys()) or 'nothing'}. Load a file of the same model."
            )

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into a folder, as `vocabulary.txt`, unless the config holds it."""
        if self.input_vocabulary is None and self._terms.terms is not None:
            self._terms.save(Path(dir_path))

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        if self.input_vocabulary is None and (Path(dir_path) / "vocabulary.txt").is_file():
            self._terms.load(Path(dir_path), self._stored_idf)


def _is_integer(dtype: Any) -> bool:
    """Whether a dtype, or the policy of a config, is one of integers."""
    return dtype is not None and get_policy(dtype).compute_dtype.startswith(("int", "uint"))
