"""Metadata: what a file tells an app's developer beside the model."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from .errors import MetadataError
from .names import unique

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


@dataclass(frozen=True)
class Ends:
    """A signature's key, and the names and shapes of what goes in and comes out."""

    key: str
    inputs: Sequence[Named]
    outputs: Sequence[Named]


@dataclass(frozen=True)
class SignatureNotes:
    """What the metadata say about one signature."""

    key: str
    description: str
    inputs: tuple[TensorNotes, ...]
    outputs: tuple[TensorNotes, ...]


def notes_of(
    metadata: Metadata | Mapping[str, Metadata], signatures: Sequence[Ends]
) -> tuple[Metadata, list[SignatureNotes]]:
    """The metadata by signature, input and output, checked against their shapes.

    Args:
        metadata: what the user gave, for the first signature or by key.
        signatures: all of the file; sizes that are no integers are free.

    Returns:
        The metadata of the model itself, and the notes on each signature.

    Raises:
        MetadataError: unknown names, more labels than the output has places, a mean without a
            std, or a name of the model at another signature than the first.
    """
    given = _by_signature(metadata, [ends.key for ends in signatures])
    notes = [_signature_notes(ends, given.get(ends.key, Metadata())) for ends in signatures]
    return given.get(signatures[0].key, Metadata()), _with_files(notes)


def _by_signature(metadata: Any, keys: Sequence[str]) -> Mapping[str, Metadata]:
    given = metadata if isinstance(metadata, Mapping) else {keys[0]: metadata}
    wrong = [value for value in given.values() if not isinstance(value, Metadata)]
    if wrong:
        raise MetadataError(
            "metadata",
            "a Metadata, or a dict of them by signature key",
            repr(wrong[0])[:80],
            "Write Metadata(labels=[...]).",
        )
    unknown = [key for key in given if key not in keys]
    if unknown:
        raise MetadataError(
            "metadata", f"keys among {list(keys)}", str(unknown), "Use the keys of the signatures."
        )
    for key in keys[1:]:
        about = given.get(key, Metadata())
        for what in ("name", "version", "author", "license"):
            if getattr(about, what):
                raise MetadataError(
                    f"metadata[{key!r}].{what}",
                    f"it at the first signature, {keys[0]!r}, since a file has one",
                    repr(getattr(about, what)),
                    "A description may be given for each.",
                )
    return given


def _signature_notes(ends: Ends, metadata: Metadata) -> SignatureNotes:
    mean = _by_name(metadata.mean, ends.inputs, "mean")
    std = _by_name(metadata.std, ends.inputs, "std")
    labels = _by_name(metadata.labels, ends.outputs, "labels")
    if set(mean) != set(std):
        raise MetadataError(
            "Metadata",
            "mean and std for the same inputs",
            f"mean for {sorted(mean)} and std for {sorted(std)}",
            "Give both: std=1.0 divides by nothing, mean=0.0 subtracts nothing.",
        )
    return SignatureNotes(
        ends.key,
        metadata.description,
        tuple(
            _input_notes(name, shape, mean.get(name), std.get(name)) for name, shape in ends.inputs
        ),
        tuple(_output_notes(name, shape, labels.get(name)) for name, shape in ends.outputs),
    )


def _with_files(notes: Sequence[SignatureNotes]) -> list[SignatureNotes]:
    """The notes with a file name of its own for each list of labels."""
    texts = [
        f"{one.key}_{out.name}" if len(notes) > 1 else out.name
        for one in notes
        for out in one.outputs
        if out.labels
    ]
    plain = unique([re.sub(r"[^A-Za-z0-9_.-]", "_", text) for text in texts])
    files = ["labels.txt"] if len(texts) == 1 else [f"labels_{text}.txt" for text in plain]
    waiting = iter(files)
    return [
        replace(
            one,
            outputs=tuple(
                replace(out, labels_file=next(waiting)) if out.labels else out
                for out in one.outputs
            ),
        )
        for one in notes
    ]


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
    if any(not math.isfinite(value) for values in numbers.values() for value in values):
        raise MetadataError(
            "Metadata",
            "finite numbers",
            f"mean={mean} and std={std}",
            "Write 0.0 and 1.0 for none.",
        )
    if any(value <= 0 for value in numbers["std"]):
        raise MetadataError(
            "Metadata.std", "positive numbers", str(std), "std divides: 1.0 changes nothing."
        )
    return TensorNotes(name, mean=numbers["mean"], std=numbers["std"])


def _output_notes(name: str, shape: Sequence[Any], labels: Any) -> TensorNotes:
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
    return TensorNotes(name, labels=texts)


def _numbers(value: Any) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in np.atleast_1d(np.asarray(value)))
    except (TypeError, ValueError) as error:
        raise MetadataError(
            "Metadata.mean and .std", "numbers", repr(value)[:80], "Write mean=127.5, std=127.5."
        ) from error
