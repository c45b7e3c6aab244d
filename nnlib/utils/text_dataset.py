"""Text files in folders as a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nnlib.core.errors import ArgumentError
from nnlib.data.checks import integer
from nnlib.utils.directory import Request, as_grain, datasets

_PLACE = "text_dataset_from_directory"


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts and labels from a folder with a folder for each class.

    Args:
        directory: holds the class folders; files ending in .txt are read, as UTF-8.
        labels: as in `image_dataset_from_directory`.
        label_mode: likewise.
        class_names: likewise.
        batch_size: texts in a batch; None for single ones.
        max_length: characters that are kept of each text; None for all.
        shuffle: whether files come in random order.
        seed: of the order.
        validation_split: the fraction of files that is for validation.
        subset: "training", "validation" or "both".
        follow_links: whether symbolic links to folders are followed.
        format: "tf" for an `nn.data.Dataset`, "grain" for Grain's.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A dataset of arrays of Python strings (batch,), or of pairs of them and labels, with
        attributes `class_names` and `file_paths`. For subset="both" a list of two.

    Raises:
        ArgumentError: for arguments outside of what they may be.
        DataError: if no files are found.

    >>> import os, tempfile, nnlib as nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> with open(os.path.join(folder.name, "1.txt"), "w") as file:
    ...     _ = file.write("Hello!")
    >>> dataset = nn.utils.text_dataset_from_directory(folder.name, labels=None, max_length=4)
    Found 1 files.
    >>> [texts.tolist() for texts in dataset]
    [['Hell']]
    >>> folder.cleanup()
    """
    length = None if max_length is None else integer(_PLACE, "max_length", max_length, least=1)
    if format not in ("tf", "grain"):
        raise ArgumentError(f"{_PLACE}: expected format to be 'tf' or 'grain', got {format!r}.")
    request = Request(
        _PLACE,
        (".txt",),
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )

    def load(path: str) -> str:
        return Path(path).read_text(encoding="utf-8")[:length]

    found: list[Any] = datasets(request, load, lambda d: d.batch(request.batch_size or 1))
    if format == "grain":
        found = [as_grain(dataset) for dataset in found]
    return found if subset == "both" else found[0]
