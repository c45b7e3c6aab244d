"""Metadata: what a file tells an app's developer beside the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .errors import MetadataError

Numbers: TypeAlias = float | Sequence[float]


@dataclass(frozen=True)
class Metadata:
    """Labels, normalisation and a description, stored in the file as TensorFlow Lite metadata.

    Apps that read it need no code of their own for preparing inputs and naming results: a file's
    input takes `(raw - mean) / std`, and `labels[i]` names position i of the output's last axis.

    Args:
        description: what the model does, for people.
        labels: names of the classes of the only output, or a dict of them by output name.
        mean: what to subtract from an input: a number, or one for each channel; or a dict of them
            by input name.
        std: what to divide by, after the subtraction, in the same form.
        name: name of the model.
        version: version of the model, such as "v1".
        author: who made it.
        license: under which terms.

    Example:
        >>> import jax.numpy as jnp
        >>> from nnlib.tflite_export import TensorSpec, export_tflite
        >>> about = Metadata(labels=["cat", "dog"], mean=127.5, std=127.5)
        >>> report = export_tflite(jnp.tanh, TensorSpec((None, 2)), metadata=about)
        >>> report.model.described.labels
        {'output_0': ('cat', 'dog')}

    Source: the TensorFlow Lite metadata schema, file identifier M001.
    """

    description: str = ""
    labels: Sequence[str] | Mapping[str, Sequence[str]] | None = None
    mean: Numbers | Mapping[str, Numbers] | None = None
    std: Numbers | Mapping[str, Numbers] | None = None
    name: str = ""
    version: str = ""
    author: str = ""
    license: str = ""


@dataclass(frozen=True)
class TensorNotes:
    """What the metadata say about one input or output."""

    name: str
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    labels_file: str = ""


Named: TypeAlias = tuple[str, Sequence[Any]]  # name and shape of an input or output


def notes_of(
    metadata: Metadata, inputs: Sequence[Named], outputs: Sequence[Named]
) -> tuple[list[TensorNotes], list[TensorNotes]]:
    """The metadata by input and by output, checked against their shapes.

    Args:
        metadata: what the user gave.
        inputs: names and shapes; sizes that are no integers are free.
        outputs: names and shapes.

    Returns:
        Notes on each input and on each output.

    Raises:
        MetadataError: a name that is none, another number of labels than the output has places, or
            a mean without a std.
    """
    mean = _by_name(metadata.mean, inputs, "mean")
    std = _by_name(metadata.std, inputs, "std")
    labels = _by_name(metadata.labels, outputs, "labels")
    if set(mean) != set(std):
        raise MetadataError(
            "Metadata",
            "mean and std for the same inputs",
            f"mean for {sorted(mean)} and std for {sorted(std)}",
            "Give both: std=1.0 divides by nothing, mean=0.0 subtracts nothing.",
        )
    return (
        [_input_notes(name, shape, mean.get(name), std.get(name)) for name, shape in inputs],
        [_output_notes(name, shape, labels.get(name), len(labels)) for name, shape in outputs],
    )


def _by_name(value: Any, tensors: Sequence[Named], what: str) -> dict[str, Any]:
    names = [name for name, _ in tensors]
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        if len(names) != 1:
            raise MetadataError(
                f"Metadata.{what}",
                f"a dict by name, because the model has {len(names)} of them",
                repr(value)[:80],
                f"Write {what}={{{names[0]!r}: ...}}.",
            )
        return {names[0]: value}
    unknown = sorted(set(value) - set(names))
    if unknown:
        raise MetadataError(
            f"Metadata.{what}", f"names among {names}", str(unknown), "Use the names of the file."
        )
    return dict(value)


def _input_notes(name: str, shape: Sequence[Any], mean: Any, std: Any) -> TensorNotes:
    if mean is None:
        return TensorNotes(name)
    numbers = {"mean": _numbers(mean), "std": _numbers(std)}
    channels = shape[-1] if shape else 1
    for what, values in numbers.items():
        if len(values) != 1 and len(values) != channels:
            raise MetadataError(
                f"Metadata.{what}",
                f"one number, or {channels} for the channels of {name!r}",
                str(len(values)),
                "Give one number, or one for each index of the input's last axis.",
            )
    if any(not value > 0 for value in numbers["std"]):
        raise MetadataError(
            "Metadata.std", "positive numbers", str(std), "std divides: 1.0 changes nothing."
        )
    return TensorNotes(name, mean=numbers["mean"], std=numbers["std"])


def _output_notes(name: str, shape: Sequence[Any], labels: Any, files: int) -> TensorNotes:
    if labels is None:
        return TensorNotes(name)
    texts = tuple(str(label) for label in labels)
    places = shape[-1] if shape else 1
    if isinstance(places, int) and places != len(texts):
        raise MetadataError(
            "Metadata.labels",
            f"{places} labels for output {name!r}",
            str(len(texts)),
            "Give one label for each index of the output's last axis.",
        )
    if any("\n" in text or "\r" in text for text in texts):
        raise MetadataError(
            "Metadata.labels", "labels of one line each", "one with a line break", "Remove it."
        )
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    file = "labels.txt" if files == 1 else f"labels_{plain}.txt"
    return TensorNotes(name, labels=texts, labels_file=file)


def _numbers(value: Any) -> tuple[float, ...]:
    return (float(value),) if np.ndim(value) == 0 else tuple(float(number) for number in value)
