"""Files in folders, a folder to a class: what the *_dataset_from_directory functions share."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError, DataError
from nnlib.core.show_line import show_line
from nnlib.data import AUTOTUNE, Dataset
from nnlib.data.checks import integer
from nnlib.utils.categorical import to_categorical


@dataclass
class Request:
    """The arguments that all of these functions take; see `image_dataset_from_directory`."""

    place: str
    formats: tuple[str, ...]
    directory: Any
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool

    def __post_init__(self) -> None:
        if not (isinstance(self.labels, list | tuple) or self.labels in ("inferred", None)):
            self._refuse(
                "labels to be 'inferred', None or a list with a label for each file", self.labels
            )
        if self.label_mode not in ("int", "categorical", "binary", None):
            self._refuse("label_mode to be 'int', 'categorical', 'binary' or None", self.label_mode)
        if self.class_names is not None and self.labels != "inferred":
            self._refuse("class_names only with labels='inferred'", self.class_names)
        if self.labels is None or self.label_mode is None:
            self.labels = self.label_mode = None
        if self.batch_size is not None:
            self.batch_size = integer(self.place, "batch_size", self.batch_size, least=1)
        self._check_split()
        self.directory = os.fspath(self.directory)
        self.seed = int(np.random.randint(10**6)) if self.seed is None else self.seed

    def _check_split(self) -> None:
        split, subset = self.validation_split, self.subset
        if split and not 0 < split < 1:
            self._refuse("validation_split between 0 and 1", split)
        if bool(split) != bool(subset):
            self._refuse("validation_split and subset together", (split, subset))
        if subset not in ("training", "validation", "both", None):
            self._refuse("subset to be 'training', 'validation' or 'both'", subset)
        if split and self.shuffle and self.seed is None:
            self._refuse("a seed, or the two parts would overlap", None)

    def _refuse(self, expected: str, got: Any) -> None:
        raise ArgumentError(f"{self.place}: expected {expected}, got {got!r}.")


def datasets(
    request: Request, load: Callable[[Any], Any], batch: Callable[[Dataset], Dataset]
) -> list[Dataset]:
    """The dataset that is asked for, or those of training and validation.

    Args:
        request: the arguments.
        load: the array of a file from its path.
        batch: the batching step; called only for a batch_size.

    Raises:
        DataError: if there are no files of the right kind.
    """
    paths, labels, class_names = _indexed(request)
    if request.label_mode == "binary" and len(class_names or ()) != 2:
        raise ArgumentError(
            f"{request.place}: expected two classes for label_mode='binary', got {class_names}."
        )
    targets = _targets(labels, request.label_mode, len(class_names or ()))
    made = []
    for name, part in _parts(request, len(paths)):
        chosen = paths[part]
        if not chosen:
            raise DataError(
                f"{request.place}: expected {name} files ending in {', '.join(request.formats)} "
                f"in {request.directory}, got none."
            )
        shuffle = request.shuffle and not (request.subset == "both" and name == "validation")
        dataset = _loaded(
            chosen, None if targets is None else targets[part], load, request, shuffle
        )
        dataset = dataset if request.batch_size is None else batch(dataset)
        dataset = dataset.prefetch(AUTOTUNE)
        dataset.class_names, dataset.file_paths = class_names, chosen  # type: ignore[attr-defined]
        made.append(dataset)
    return made


def as_grain(dataset: Any) -> Any:
    """The dataset for Grain, with its attributes."""
    out = dataset.to_grain()
    out.class_names, out.file_paths = dataset.class_names, dataset.file_paths
    return out


def _loaded(
    paths: list[str], targets: Any, load: Callable[[Any], Any], request: Request, shuffle: bool
) -> Dataset:
    names = np.array(paths)
    columns = names if targets is None else (names, targets)
    dataset = Dataset.from_tensor_slices(columns)
    if shuffle:
        size = 1024 if request.batch_size is None else request.batch_size * 8
        dataset = dataset.shuffle(size, request.seed)
    if targets is None:
        return dataset.map(lambda path: load(str(path)), AUTOTUNE)
    return dataset.map(lambda path, target: (load(str(path)), target), AUTOTUNE)


def _parts(request: Request, total: int) -> list[tuple[str, slice]]:
    """(name, which files) of what is asked for; validation files are the last ones."""
    if not request.validation_split:
        return [("any", slice(None))]
    cut = total - int(request.validation_split * total)
    both = [("training", slice(None, cut)), ("validation", slice(cut, None))]
    chosen = [part for part in both if request.subset in (part[0], "both")]
    if request.verbose:
        for name, part in chosen:
            show_line(f"Using {len(range(total)[part])} files for {name}.")
    return chosen


def _indexed(request: Request) -> tuple[list[str], Any, list[str] | None]:
    """All paths with their class numbers (or given labels), and the names of the classes."""
    inferred = request.labels == "inferred"
    folders = _class_folders(request) if inferred else [""]
    paths: list[str] = []
    numbers: list[int] = []
    for number, folder in enumerate(folders):
        found = _files(os.path.join(request.directory, folder), request)
        paths += found
        numbers += [number] * len(found)
    labels: Any = np.array(numbers, np.int32) if inferred else None
    names: list[str] | None = list(folders) if inferred else None
    if isinstance(request.labels, list | tuple):
        if len(request.labels) != len(paths):
            raise ArgumentError(
                f"{request.place}: expected a label for each of the {len(paths)} files in "
                f"{request.directory}, got {len(request.labels)}."
            )
        labels, names = np.array(request.labels), [str(n) for n in sorted(set(request.labels))]
    if request.verbose:
        tail = "" if names is None else f" belonging to {len(names)} classes"
        show_line(f"Found {len(paths)} files{tail}.")
    if request.shuffle:
        np.random.RandomState(request.seed).shuffle(paths)
        if labels is not None:
            np.random.RandomState(request.seed).shuffle(labels)
    return paths, labels, names


def _class_folders(request: Request) -> list[str]:
    entries = sorted(os.scandir(request.directory), key=lambda entry: entry.name)
    folders = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    if request.class_names is None:
        return folders
    if not set(request.class_names) <= set(folders):
        raise ArgumentError(
            f"{request.place}: expected class_names among the folders {folders} of "
            f"{request.directory}, got {list(request.class_names)}."
        )
    return list(request.class_names)


def _files(folder: str, request: Request) -> list[str]:
    walk = sorted(os.walk(folder, followlinks=request.follow_links), key=lambda step: step[0])
    return [
        os.path.join(root, name)
        for root, _, names in walk
        for name in sorted(names)
        if name.lower().endswith(request.formats)
    ]


def _targets(labels: Any, mode: str | None, classes: int) -> Any:
    if labels is None or mode is None:
        return None
    if mode == "categorical":
        return to_categorical(labels, max(classes, 1))
    if mode == "binary":
        return labels.astype(np.float32)[:, None]
    return labels.astype(np.int32)
