"""The layers of the benchmark as Flax (linen) has them, for those that it has."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen

WINDOW = (3, 3)


def _last(module: Any) -> Any:
    """The outputs of the last step."""
    return linen.Sequential([module, lambda y: y[:, -1]])


def _recurrent(cell: Any) -> Callable[..., Any]:
    def make(units: int, return_sequences: bool = False) -> Any:
        return linen.RNN(cell(units)) if return_sequences else _last(linen.RNN(cell(units)))

    return make


def _convolution(rank: int) -> Callable[..., Any]:
    def make(filters: int, kernel_size: int, strides: int = 1, padding: str = "valid") -> Any:
        return linen.Conv(
            filters, (kernel_size,) * rank, strides=(strides,) * rank, padding=padding.upper()
        )

    return make


def _bidirectional(layer: tuple[str, dict[str, Any]]) -> Any:
    both = [linen.RNN(linen.OptimizedLSTMCell(layer[1]["units"])) for _ in range(2)]
    return _last(linen.Bidirectional(*both))


MODULES: dict[str, Callable[..., Any]] = {
    "Dense": lambda units, activation: linen.Sequential([linen.Dense(units), linen.relu]),
    "EinsumDense": lambda equation, output_shape: linen.Dense(output_shape[-1]),
    "Embedding": lambda input_dim, output_dim: linen.Embed(
        num_embeddings=input_dim, features=output_dim
    ),
    "Conv1D": _convolution(1),
    "Conv2D": _convolution(2),
    "Conv3D": _convolution(3),
    "DepthwiseConv2D": lambda kernel_size, padding: linen.Conv(16, WINDOW, feature_group_count=16),
    "Conv2DTranspose": lambda filters, kernel_size, strides: linen.ConvTranspose(
        filters, WINDOW, strides=(strides, strides), padding="VALID"
    ),
    "MaxPooling2D": lambda: linen.Sequential([lambda x: linen.max_pool(x, (2, 2), (2, 2))]),
    "AveragePooling2D": lambda pool_size: linen.Sequential(
        [lambda x: linen.avg_pool(x, (2, 2), (2, 2))]
    ),
    "BatchNormalization": lambda: linen.BatchNorm(use_running_average=True),
    "LayerNormalization": linen.LayerNorm,
    "GroupNormalization": lambda groups: linen.GroupNorm(num_groups=groups),
    "RMSNormalization": linen.RMSNorm,
    "SimpleRNN": _recurrent(linen.SimpleCell),
    "LSTM": _recurrent(linen.OptimizedLSTMCell),
    "GRU": _recurrent(linen.GRUCell),
    "Bidirectional": _bidirectional,
    "TimeDistributed": lambda layer: linen.Dense(layer[1]["units"]),
    "MultiHeadAttention": lambda num_heads, key_dim: linen.MultiHeadDotProductAttention(
        num_heads, qkv_features=num_heads * key_dim
    ),
    "Softmax": lambda: linen.Sequential([linen.softmax]),
}
"""Keras' name and arguments -> a module that computes the same; Flax' PReLU does not."""


def in_flax(name: str, arguments: dict[str, Any], inputs: list[Any]) -> Any:
    """(function of weights and inputs, weights), or None where Flax has no such layer."""
    if name not in MODULES:
        return None
    module = MODULES[name](**arguments)
    variables = dict(module.init(jax.random.key(0), *inputs))
    params = variables.pop("params", {})
    return lambda params, inputs: module.apply({"params": params, **variables}, *inputs), params
