"""Vocabulary: terms and their numbers, behind numbers for padding and for unknown terms."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError, FrozenConfigError
from nnlib.layers.preprocessing.host_values import host_array, integers_only, strings_only


class Vocabulary:
    """A table from terms to numbers and back.

    The numbers: 0 for the mask token (where `masked`), then `num_oov_indices` for terms that are
    not in the table, then one for each term.

    Args:
        place: of the layer, for errors.
        kind: "string" or "int64".
        mask_token: the term of padding, or None.
        oov_token: what stands for unknown terms.
        num_oov_indices: how many numbers unknown terms share.
        masked: whether padding has the number 0.
        max_tokens: the largest size, or None.
        inverse: whether numbers are turned into terms; then no term may equal `oov_token`.
    """

    def __init__(
        self,
        place: str,
        kind: str,
        mask_token: Any,
        oov_token: Any,
        num_oov_indices: int,
        masked: bool,
        max_tokens: int | None,
        inverse: bool,
    ):
        self.place, self.kind, self.inverse = place, kind, inverse
        self.mask_token, self.oov_token = mask_token, oov_token
        self.oov_start = int(masked)
        self.start = self.oov_start + num_oov_indices
        self.max_tokens = max_tokens
        self.specials = [mask_token] * self.oov_start + [oov_token] * num_oov_indices
        self.terms: np.ndarray | None = None
        self.idf: np.ndarray | None = None
        """(size,) the inverse document frequency of each number, special ones included."""
        self.baked = False
        """Whether compiled code holds the table: then it cannot change any more."""
        self._numbers: dict[Any, int] = {}

    @property
    def size(self) -> int:
        """The number of numbers."""
        return self.start + (0 if self.terms is None else len(self.terms))

    def set(self, terms: Any, idf: Any = None) -> None:
        """Replace the terms; special ones may stand in front.

        Raises:
            DataError: for repeated terms, or special ones elsewhere.
            ArgumentError: for none at all, for more than `max_tokens`, or a wrong number of idf.
        """
        if self.baked:
            raise FrozenConfigError(
                f"{self.place}: expected a vocabulary that stays as it was compiled into a model, "
                "got a new one. Make a new layer and a new model."
            )
        given = self._as_terms(terms)
        special = len(given) >= self.start and given[: self.start].tolist() == self.specials
        terms = given[self.start :] if special else given
        self._check(terms)
        idf = None if idf is None else self._padded_idf(idf, len(given), special)
        self.terms, self.idf = terms, idf
        if self.kind == "string":
            self._numbers = {term: n for n, term in enumerate(terms.tolist(), self.start)}

    def _as_terms(self, terms: Any) -> np.ndarray:
        if isinstance(terms, str | Path):
            terms = self._read(Path(terms))
        array = host_array(terms, f"{self.place} vocabulary")
        if array.ndim != 1 or not array.size:
            raise ArgumentError(
                f"{self.place}: expected a vocabulary of at least one term, as a list or a path, "
                f"got shape {array.shape}."
            )
        check = strings_only if self.kind == "string" else integers_only
        return check(array, f"{self.place} vocabulary").astype(
            object if self.kind == "string" else np.int64
        )

    def _read(self, path: Path) -> list[Any]:
        if not path.is_file():
            raise ArgumentError(f"{self.place}: expected a vocabulary file, got none at {path}.")
        lines = path.read_text(encoding="utf-8").split("\n")
        while lines and not lines[-1]:
            lines.pop()
        return lines if self.kind == "string" else [int(line) for line in lines]

    def _check(self, terms: np.ndarray) -> None:
        listed = terms.tolist()
        if repeated := [term for term, count in Counter(listed).items() if count > 1]:
            raise DataError(f"{self.place}: expected every term once, got {repeated[:5]} again.")
        reserved = [self.mask_token] + ([self.oov_token] if self.inverse else [])
        for token in reserved:
            if token is not None and token in listed:
                raise DataError(
                    f"{self.place}: expected {token!r}, which is reserved, in no place of the "
                    f"vocabulary but its beginning, got it as term {listed.index(token)}. Leave it "
                    f"out, or begin the vocabulary with {self.specials}."
                )
        if self.max_tokens is not None and self.start + len(listed) > self.max_tokens:
            raise ArgumentError(
                f"{self.place}: expected a vocabulary of at most max_tokens={self.max_tokens}, "
                f"got {self.start + len(listed)} with the special tokens."
            )

    def _padded_idf(self, idf: Any, given: int, special: bool) -> np.ndarray:
        """With the mean in front, for special tokens that have none of their own."""
        idf = np.asarray(idf, np.float32)
        if idf.shape != (given,):
            raise ArgumentError(
                f"{self.place}: expected idf_weights for each of the {given} terms of the "
                f"vocabulary, got shape {idf.shape}."
            )
        front = [] if special else [idf.mean()] * self.start
        return np.concatenate([np.asarray(front, np.float32), idf])

    def numbers_of(self, values: np.ndarray) -> np.ndarray:
        """The number of each term in the shape of `values`; -1 for unknown ones."""
        if self.kind == "int64":
            return self._numbers_of_integers(values)
        flat = values.ravel().tolist()
        get = self._numbers.get
        found = np.fromiter((get(term, -1) for term in flat), np.int64, len(flat))
        return found.reshape(values.shape)

    def _numbers_of_integers(self, values: np.ndarray) -> np.ndarray:
        assert self.terms is not None
        order = np.argsort(self.terms)
        place = np.searchsorted(self.terms, values, sorter=order)
        index = order[np.minimum(place, len(order) - 1)]
        return np.where(self.terms[index] == values, index + self.start, -1)

    def terms_of(self, numbers: np.ndarray) -> np.ndarray:
        """The term of each number; `oov_token` for those of no term."""
        terms = np.array([self.oov_token] if self.terms is None else self.terms.tolist())
        oov, mask = np.array(self.oov_token), np.array(self.mask_token)
        place = numbers - self.start
        known = (place >= 0) & (numbers < self.size)
        out = np.where(known, terms[np.clip(place, 0, len(terms) - 1)], oov)
        return np.where(numbers == 0, mask, out) if self.oov_start else out

    def listed(self, include_special_tokens: bool = True) -> list[Any]:
        """All terms by their numbers."""
        terms = [] if self.terms is None else self.terms.tolist()
        return self.specials + terms if include_special_tokens else terms

    # Files -------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write `vocabulary.txt`, a term a line, and `idf_weights.npy` where there are any."""
        lines = [str(term) for term in self.listed()]
        if broken := [line for line in lines if "\n" in line]:
            raise DataError(
                f"{self.place}: expected terms without line breaks to save, got {broken[0]!r}."
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vocabulary.txt").write_text("\n".join(lines), encoding="utf-8", newline="\n")
        if self.idf is not None:
            np.save(folder / "idf_weights.npy", self.idf)

    def load(self, folder: Path, idf: Any = None) -> None:
        """Read what `save` wrote; `idf` where no file of it is there."""
        weights = folder / "idf_weights.npy"
        terms = self._as_terms(folder / "vocabulary.txt")
        idf = np.load(weights) if weights.exists() else idf
        self.set(terms, None if idf is None else idf[: len(terms)])  # Keras pads it
