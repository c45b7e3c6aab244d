"""Sound files in folders as a dataset."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError
from nnlib.data import Dataset
from nnlib.data.checks import integer
from nnlib.utils.directory import Request, datasets

_PLACE = "audio_dataset_from_directory"


def audio_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Batches of sounds and labels from a folder with a folder for each class.

    Args:
        directory: holds the class folders; files ending in .wav are read.
        labels: as in `image_dataset_from_directory`.
        label_mode: likewise.
        class_names: likewise.
        batch_size: sounds in a batch; None for single ones.
        sampling_rate: samples per second to convert to, by a polyphase filter; None for the
            file's own.
        output_sequence_length: samples to cut or fill up with 0 to; None for filling up to the
            longest of a batch.
        ragged: whether sounds of a batch keep their lengths, as an object array (batch,) of
            arrays.
        shuffle: whether files come in random order.
        seed: of the order.
        validation_split: the fraction of files that is for validation.
        subset: "training", "validation" or "both".
        follow_links: whether symbolic links to folders are followed.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A dataset of float32 sounds (batch, samples, channels) from -1 to 1, or of pairs of them
        and labels, with attributes `class_names` and `file_paths`. For subset="both" a tuple of
        two.

    Raises:
        ArgumentError: for arguments outside of what they may be.
        DataError: if no files are found.

    >>> import os, tempfile, wave, nnlib as nn
    >>> folder = tempfile.TemporaryDirectory()
    >>> with wave.open(os.path.join(folder.name, "1.wav"), "wb") as file:
    ...     file.setparams((1, 2, 8000, 3, "NONE", ""))
    ...     file.writeframes(bytes(6))
    >>> dataset = nn.utils.audio_dataset_from_directory(folder.name, labels=None)
    Found 1 files.
    >>> next(iter(dataset)).shape
    (1, 3, 1)
    >>> folder.cleanup()
    """
    if ragged and output_sequence_length is not None:
        raise ArgumentError(f"{_PLACE}: expected ragged or output_sequence_length, got both.")
    for name, value in (
        ("sampling_rate", sampling_rate),
        ("output_sequence_length", output_sequence_length),
    ):
        if value is not None:
            integer(_PLACE, name, value, least=1)
    request = Request(
        _PLACE,
        (".wav",),
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

    def load(path: str) -> np.ndarray:
        return _fitted(_read(path, sampling_rate), output_sequence_length)

    def batched(dataset: Dataset) -> Dataset:
        size = request.batch_size or 1
        if ragged:
            return _ragged(dataset, size, request.label_mode is not None)
        return dataset.padded_batch(size) if output_sequence_length is None else dataset.batch(size)

    found = datasets(request, load, batched)
    return (found[0], found[1]) if subset == "both" else found[0]


def _ragged(dataset: Dataset, size: int, labelled: bool) -> Dataset:
    """Batches whose sounds are objects, so that each keeps its length."""
    if labelled:
        return dataset.map(lambda sound, label: (_boxed(sound), label)).batch(size)
    return dataset.map(_boxed).batch(size)


def _boxed(sound: np.ndarray) -> np.ndarray:
    box = np.empty((), object)
    box[()] = sound
    return box


def _read(path: str, sampling_rate: int | None) -> np.ndarray:
    """(samples, channels), float32 from -1 to 1."""
    from scipy.io import wavfile  # noqa: PLC0415 - slow to import
    from scipy.signal import resample_poly  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are not sound
        rate, samples = wavfile.read(path)
    sound = _as_floats(samples)
    sound = sound[:, None] if sound.ndim == 1 else sound
    if sampling_rate is None or sampling_rate == rate:
        return sound
    common = math.gcd(sampling_rate, rate)
    return resample_poly(sound, sampling_rate // common, rate // common).astype(np.float32)


def _as_floats(samples: np.ndarray) -> np.ndarray:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128) / 128
    return (samples / -float(np.iinfo(samples.dtype).min)).astype(np.float32)


def _fitted(sound: np.ndarray, length: int | None) -> np.ndarray:
    if length is None:
        return sound
    return np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))
