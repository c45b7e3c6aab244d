"""TFLiteConverter: the exporter behind the calls that TensorFlow users know."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .convert import export_tflite
from .errors import ExportError, QuantisationError
from .functions import SERVING
from .report import Report
from .target_spec import Optimize, TargetSpec, quantisation_mode, type_name


class TFLiteConverter:
    """Converts a model or a function to the content of a .tflite file.

    Set attributes as with TensorFlow: `optimizations = [Optimize.DEFAULT]` stores int8 weights;
    with `target_spec.supported_types = [float16]` float16 ones; with a `representative_dataset`
    everything becomes int8, or int16 values and int8 weights if `target_spec.supported_ops` says
    so. `inference_input_type` and `inference_output_type` are then those of float inputs and
    outputs. `rnn` is what becomes of recurrent layers: "while", "unroll" or "fused", as for
    `export_tflite`. Switches of TensorFlow's converter for what it may do besides
    (`allow_custom_ops`, `experimental_new_converter`, `experimental_new_quantizer`,
    `_experimental_lower_tensor_list_ops`) may be set and change nothing: no file needs them here.
    Any other attribute is an AttributeError.

    Args:
        fn_or_model: what to convert, as for `export_tflite`.
        specs: specs of a function's arguments; None for a model.
        signatures: further functions of the file, as for `export_tflite`.

    Example:
        >>> import jax.numpy as jnp
        >>> converter = TFLiteConverter.from_function(jnp.tanh, TensorSpec((None, 2)))
        >>> content = converter.convert()
        >>> content[4:8]
        b'TFL3'
    """

    __slots__ = (
        "_experimental_lower_tensor_list_ops",
        "_fn_or_model",
        "_signatures",
        "_specs",
        "allow_custom_ops",
        "experimental_new_converter",
        "experimental_new_quantizer",
        "inference_input_type",
        "inference_output_type",
        "optimizations",
        "representative_dataset",
        "rnn",
        "target_spec",
    )

    def __init__(
        self,
        fn_or_model: Any = None,
        specs: Any = None,
        signatures: Mapping[str, Any] | None = None,
    ) -> None:
        self._fn_or_model = fn_or_model
        self._specs = specs
        self._signatures = signatures
        self.optimizations: Sequence[Optimize] = []
        self.representative_dataset: Callable[[], Any] | None = None
        self.target_spec = TargetSpec()
        self.inference_input_type: Any = None
        self.inference_output_type: Any = None
        self.rnn = "while"

    @classmethod
    def from_keras_model(cls, model: Any) -> TFLiteConverter:
        """A converter for a built nnlib model; `from_function` takes those of other libraries.

        Args:
            model: a model with `apply`, `variables` and `input_specs`.

        Returns:
            The converter.
        """
        return cls(model)

    @classmethod
    def from_saved_model(
        cls, saved_model_dir: str | os.PathLike[str], signature_keys: Sequence[str] | None = None
    ) -> TFLiteConverter:
        """A converter for a folder that `model.save(folder)` wrote.

        Args:
            saved_model_dir: the folder.
            signature_keys: None or ["serving_default"], the model itself.

        Returns:
            The converter.

        Raises:
            ExportError: for another signature.
            SavingError: there is no such folder, or it holds no config to make the model from.
        """
        if signature_keys is not None and list(signature_keys) != [SERVING]:
            raise ExportError(
                "TFLiteConverter.from_saved_model",
                f"signature_keys=[{SERVING!r}]",
                repr(signature_keys),
                "Load the model, and convert the function with TFLiteConverter.from_function.",
            )
        saving = importlib.import_module("nnlib.saving")
        return cls(saving.load_saved_model(saved_model_dir).as_model(compile=False))

    @classmethod
    def from_function(cls, fn: Callable[..., Any], specs: Any) -> TFLiteConverter:
        """A converter for a pure function.

        Args:
            fn: a function of arrays or pytrees of arrays.
            specs: one pytree of specs for each positional argument.

        Returns:
            The converter.
        """
        return cls(fn, specs)

    @classmethod
    def from_signatures(cls, signatures: Mapping[str, Any]) -> TFLiteConverter:
        """A converter for several functions in one file, which share equal weights.

        Args:
            signatures: by key, models or pairs of a function and its specs.

        Returns:
            The converter.
        """
        return cls(signatures=signatures)

    def convert(self) -> bytes:
        """Convert.

        Returns:
            The content of a .tflite file.

        Raises:
            QuantisationError: attributes do not go together, or an operator has no integer kernel
                and `target_spec.supported_ops` allows no other.
            ExportError: see `export_tflite`.
        """
        data = self.representative_dataset
        mode, only = quantisation_mode(self.optimizations, self.target_spec, data is not None)
        given = (self.inference_input_type, self.inference_output_type)
        types = tuple(None if one is None else type_name(one) for one in given)
        if mode is None and data is not None:
            raise QuantisationError(
                "TFLiteConverter.optimizations",
                "[Optimize.DEFAULT] with a representative_dataset",
                repr(self.optimizations),
                "Set converter.optimizations = [Optimize.DEFAULT].",
            )
        report = export_tflite(
            self._fn_or_model,
            self._specs,
            signatures=self._signatures,
            quantize=mode,
            representative=data,
            io_dtype=None if types == (None, None) else types,
            rnn=self.rnn,
        )
        if only:
            _require_integers(report)
        return report.content


def _require_integers(report: Report) -> None:
    assert report.quantisation is not None
    if report.quantisation.kept_float:
        raise QuantisationError(
            "TFLiteConverter.target_spec.supported_ops",
            "integer kernels for all operators",
            "float ones for " + "; ".join(report.quantisation.kept_float[:5]),
            "Add OpsSet.TFLITE_BUILTINS to supported_ops to let these run on floats.",
        )
