"""One row for each layer: how to make it, what to feed it, and what it must refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib import layers
from nnlib.core.specs import ShapeSpec

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Case:
    """A layer and its inputs; shapes are without the batch axis."""

    name: str
    make: Callable[..., layers.Layer]
    inputs: tuple[Shape, ...]
    wrong: tuple[Shape, ...] | None = None
    """Inputs that must give a ShapeError; None if any input is fine."""
    free: tuple[Shape, ...] | None = None
    """The inputs with None for sizes that may stay free."""
    dtype: str = "float32"
    listed: bool = False
    """Called on a list of arrays."""
    random: bool = False
    """Draws random numbers while training."""
    smooth: bool = True
    """Finite differences make sense."""
    json: bool = True
    """Its configuration is plain data."""
    follows_policy: bool = True
    """Computes in the dtype of its policy."""

    def arrays(self, batch: int = 3, seed: int = 0, dtype: Any = None) -> tuple[Any, ...]:
        """The arguments of a call."""
        generator = np.random.default_rng(seed)
        shapes = [(batch, *shape) for shape in self.inputs]
        return self._arguments([self._array(generator, shape, dtype) for shape in shapes])

    def _array(self, generator: np.random.Generator, shape: Any, dtype: Any) -> jax.Array:
        if np.issubdtype(np.dtype(self.dtype), np.integer):
            return jnp.asarray(generator.integers(0, 5, shape), self.dtype)
        return jnp.asarray(generator.normal(size=shape), dtype or self.dtype)

    def specs(self, shapes: Sequence[Shape], batch: int | None = None) -> tuple[Any, ...]:
        """The arguments of `declare`."""
        return self._arguments([ShapeSpec((batch, *shape), self.dtype) for shape in shapes])

    def _arguments(self, items: list[Any]) -> tuple[Any, ...]:
        return (items,) if self.listed else tuple(items)


def case(
    layer: type[layers.Layer],
    *args: Any,
    inputs: Sequence[Shape],
    note: str = "",
    options: dict[str, Any] | None = None,
    **flags: Any,
) -> Case:
    """A row: the layer's arguments, its inputs, and flags of `Case`."""

    def make(**common: Any) -> layers.Layer:
        return layer(*args, **(options or {}), **common)

    return Case(f"{layer.__name__}{note and '-' + note}", make, tuple(inputs), **flags)


IMAGE = (6, 5, 4)

CASES = [
    case(layers.InputLayer, (3,), inputs=[(3,)], follows_policy=False),
    case(layers.Dense, 4, "tanh", inputs=[(3,)], wrong=[(5,)]),
    case(
        layers.Dense,
        4,
        inputs=[(2, 3)],
        note="options",
        wrong=[()],
        free=[(None, 3)],
        options={"use_bias": False, "kernel_regularizer": "l2", "kernel_initializer": "he_normal"},
    ),
    case(
        layers.Conv1D, 4, 3, inputs=[(7, 3)], wrong=[(7, 2)], free=[(None, 3)], note="1",
        options={"padding": "causal", "dilation_rate": 2},
    ),
    case(layers.Conv2D, 4, 3, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)]),
    case(
        layers.Conv2D, 4, (2, 3), inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        note="same", options={"strides": 2, "padding": "same", "groups": 2, "activation": "relu"},
        smooth=False,
    ),
    case(
        layers.Conv2D, 4, 3, inputs=[(4, 6, 5)], wrong=[(4, 2, 5)], free=[(4, None, None)],
        note="channels_first", options={"data_format": "channels_first"},
    ),
    case(
        layers.DepthwiseConv2D, 3, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)],
        options={"depth_multiplier": 2},
    ),
    case(layers.MaxPooling2D, inputs=[IMAGE], wrong=[(1, 5, 4)], free=[(None, None, 4)]),
    case(
        layers.AveragePooling2D, 3, inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        options={"strides": 2, "padding": "same"},
    ),
    case(
        layers.GlobalAveragePooling2D, inputs=[IMAGE], wrong=[(6, 5)], free=[(None, None, 4)],
        options={"keepdims": True},
    ),
    case(layers.Flatten, inputs=[IMAGE], free=[(None, None, 4)]),
    case(layers.Reshape, (-1, 4), inputs=[(6, 2)], wrong=[(7,)], free=[(None, 4)]),
    case(layers.Activation, "gelu", inputs=[(3, 2)], free=[(None, 2)]),
    case(
        layers.ReLU, inputs=[(3, 2)], options={"negative_slope": 0.1, "max_value": 1.0},
        smooth=False,
    ),
    case(layers.Softmax, inputs=[(3, 2)], options={"axis": (1, 2)}, wrong=[(3,)]),
    case(layers.Dropout, 0.5, inputs=[(20,)], random=True),
    case(
        layers.Dropout, 0.5, inputs=[(20, 2)], random=True, note="shared", wrong=[(20,)],
        options={"noise_shape": (None, None, 1), "seed": 3},
    ),
    case(layers.BatchNormalization, inputs=[IMAGE], wrong=[(6, 5, 3)], free=[(None, None, 4)]),
    case(
        layers.BatchNormalization, 1, inputs=[(4, 3)], wrong=[(4, 3, 1)], note="axis",
        options={"scale": False, "momentum": 0.5},
    ),
    case(layers.LayerNormalization, inputs=[(3, 4)], wrong=[(3, 5)], free=[(None, 4)]),
    case(
        layers.LayerNormalization, [1, -1], inputs=[(3, 2, 4)], wrong=[(4, 2, 4)], note="axes",
        options={"center": False},
    ),
    case(
        layers.Embedding, 5, 4, inputs=[(3,)], wrong=[(2,)], dtype="int32",
        options={"input_length": 3},
    ),
    case(
        layers.LSTM, 4, inputs=[(5, 3)], wrong=[(5, 2)], free=[(None, 3)],
        options={"return_sequences": True, "return_state": True},
    ),
    case(
        layers.LSTM, 4, inputs=[(5, 3)], wrong=[(5,)], free=[(None, 3)], note="dropout",
        options={"dropout": 0.5, "recurrent_dropout": 0.5, "go_backwards": True}, random=True,
    ),
    *[
        case(kind, inputs=[(3, 2), (3, 1), (2,)], wrong=[(3, 2), (4, 2)], free=[(None, 2)] * 2,
             listed=True)
        for kind in (layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
    ],
    case(layers.Subtract, inputs=[(3,), (3,)], wrong=[(3,)], listed=True),
    case(
        layers.Concatenate, inputs=[(3, 2), (3, 4)], wrong=[(3, 2), (4, 2)], listed=True,
        free=[(None, 2), (None, 4)],
    ),
    case(
        layers.Lambda, jnp.sin, inputs=[(3,)], wrong=[(4,)], options={"output_shape": (3,)},
        json=False,
    ),
    case(layers.Identity, inputs=[(3,)]),
    case(layers.Operation, "multiply", inputs=[(3,), (3,)], follows_policy=False),
]  # fmt: skip
