"""TFLiteConverter: the exporter behind the calls that TensorFlow users know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .convert import export_tflite
from .errors import UnavailableOptionError

_PLANNED = {
    "optimizations": "quantisation is not available yet",
    "representative_dataset": "quantisation is not available yet",
    "target_spec": "choosing target operators and types is not available yet",
    "inference_input_type": "integer inputs need quantisation, which is not available yet",
    "inference_output_type": "integer outputs need quantisation, which is not available yet",
}


class TFLiteConverter:
    """Converts a model or a function to the content of a .tflite file.

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

    def __init__(
        self,
        fn_or_model: Any = None,
        specs: Any = None,
        signatures: Mapping[str, Any] | None = None,
    ) -> None:
        self._fn_or_model = fn_or_model
        self._specs = specs
        self._signatures = signatures
        self.optimizations: list[Any] = []
        self.representative_dataset: Callable[[], Any] | None = None
        self.target_spec: Any = None
        self.inference_input_type: Any = None
        self.inference_output_type: Any = None

    @classmethod
    def from_keras_model(cls, model: Any) -> TFLiteConverter:
        """A converter for a built nnlib model.

        Args:
            model: a model with `apply`, `variables` and `input_specs`.

        Returns:
            The converter.
        """
        return cls(model)

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
            UnavailableOptionError: an attribute is set whose feature does not exist yet.
            ExportError: see `export_tflite`.
        """
        for name, reason in _PLANNED.items():
            value = getattr(self, name)
            if value is not None and value != []:
                raise UnavailableOptionError(
                    f"TFLiteConverter.{name}",
                    f"nothing to be set, because {reason}",
                    repr(value),
                    f"Leave out `converter.{name} = ...` for a float32 file.",
                )
        return export_tflite(self._fn_or_model, self._specs, signatures=self._signatures).content
