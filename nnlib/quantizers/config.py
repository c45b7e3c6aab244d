"""What is to be quantized, and by which quantizers."""

from typing import Any

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.quantizers.quantizer import AbsMaxQuantizer, quantizers


@quantizers.register()
class QuantizationConfig(Configurable):
    """The base: which quantizers are for weights and which for activations.

    Args:
        weight_quantizer: for weights; None for that of the mode.
        activation_quantizer: for inputs; None leaves them as they are.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None):
        self.weight_quantizer = quantizers.get(weight_quantizer)
        self.activation_quantizer = quantizers.get(activation_quantizer)

    @property
    def mode(self) -> str:
        """The name of the kind of quantization."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a `mode` property, got none. Take a subclass such as "
            "Int8QuantizationConfig."
        )

    @staticmethod
    def weight_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The quantizer for weights of a config, else `default`."""
        given = None if config is None else config.weight_quantizer
        return default if given is None else given

    @staticmethod
    def activation_quantizer_or_default(config: "QuantizationConfig | None", default: Any) -> Any:
        """The quantizer for activations of a config, None included; `default` without config."""
        return default if config is None else config.activation_quantizer


@quantizers.register()
class Int8QuantizationConfig(QuantizationConfig):
    """Weights, and by default activations too, as 8-bit integers.

    Args:
        weight_quantizer: for weights, with integers of 8 bits; None for that of the mode.
        activation_quantizer: for inputs; "default" for `AbsMaxQuantizer()`, None to leave them.

    Raises:
        ArgumentError: for a `weight_quantizer` with another dtype.

    >>> config = Int8QuantizationConfig(AbsMaxQuantizer(axis=0))
    >>> config.mode, config.weight_quantizer.axis, config.activation_quantizer.axis
    ('int8', (0,), None)
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default"):
        default = isinstance(activation_quantizer, str) and activation_quantizer == "default"
        super().__init__(weight_quantizer, AbsMaxQuantizer() if default else activation_quantizer)
        weights = self.weight_quantizer
        if weights is not None and weights.output_dtype != "int8":
            raise ArgumentError(
                "Int8QuantizationConfig: expected a weight_quantizer with output_dtype='int8', "
                f"got {weights.output_dtype!r}."
            )

    @property
    def mode(self) -> str:
        """`"int8"`."""
        return "int8"
