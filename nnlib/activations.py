"""Activation functions, elementwise unless an `axis` says otherwise.

Those that JAX has are the function of `jax.nn`, so that exporters recognise their primitives.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core import config_capture
from nnlib.core.custom_objects import custom_object_scope
from nnlib.core.errors import ArgumentError
from nnlib.core.registries import activations
from nnlib.ops.sorting import sort

Axis = int | tuple[int, ...]


@activations.register()
def linear(x: jax.Array) -> jax.Array:
    """`x`."""
    return x


@activations.register()
def relu(
    x: jax.Array,
    negative_slope: float = 0.0,
    max_value: float | None = None,
    threshold: float = 0.0,
) -> jax.Array:
    """`max(x, 0)`; below `threshold` the slope is `negative_slope`, above `max_value` it is flat.

    >>> import jax.numpy as jnp
    >>> relu(jnp.array([-2.0, 0.5, 3.0]), negative_slope=0.5, max_value=1.0).tolist()
    [-1.0, 0.5, 1.0]
    """
    if threshold == 0:
        y = jax.nn.relu(x) if negative_slope == 0 else jax.nn.leaky_relu(x, negative_slope)
    else:
        y = jnp.where(x > threshold, x, 0) - negative_slope * jax.nn.relu(threshold - x)
    return y if max_value is None else jnp.minimum(y, max_value)


@activations.register()
def relu6(x: jax.Array) -> jax.Array:
    """`min(max(x, 0), 6)`."""
    return jax.nn.relu6(x)


@activations.register()
def leaky_relu(x: jax.Array, negative_slope: float = 0.2) -> jax.Array:
    """`x` above 0, `negative_slope * x` below."""
    return jax.nn.leaky_relu(x, negative_slope)


@activations.register()
def elu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """`x` above 0, `alpha * (exp(x) - 1)` below. Source: Clevert et al., ICLR 2016."""
    return jax.nn.elu(x, alpha)


@activations.register()
def celu(x: jax.Array, alpha: float = 1.0) -> jax.Array:
    """`max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))`. Source: Barron, 2017."""
    return jax.nn.celu(x, alpha)


@activations.register()
def selu(x: jax.Array) -> jax.Array:
    """`1.0507 * elu(x, 1.6733)`. Source: Klambauer et al., NeurIPS 2017."""
    return jax.nn.selu(x)


@activations.register()
def gelu(x: jax.Array, approximate: bool = False) -> jax.Array:
    """`x * P(X <= x)` for a normal X, or nearly so with tanh. Source: Hendrycks & Gimpel, 2016."""
    return jax.nn.gelu(x, approximate)


@activations.register()
def sigmoid(x: jax.Array) -> jax.Array:
    """`1 / (1 + exp(-x))`."""
    return jax.nn.sigmoid(x)


@activations.register()
def log_sigmoid(x: jax.Array) -> jax.Array:
    """`log(sigmoid(x))`, finite for any x."""
    return jax.nn.log_sigmoid(x)


@activations.register()
def hard_sigmoid(x: jax.Array) -> jax.Array:
    """`min(max(x / 6 + 1 / 2, 0), 1)`."""
    return jax.nn.hard_sigmoid(x)


@activations.register("silu", "swish")
def silu(x: jax.Array) -> jax.Array:
    """`x * sigmoid(x)`. Source: Ramachandran et al., 2017."""
    return jax.nn.silu(x)


@activations.register("hard_silu", "hard_swish")
def hard_silu(x: jax.Array) -> jax.Array:
    """`x * hard_sigmoid(x)`. Source: Howard et al., ICCV 2019."""
    return jax.nn.hard_silu(x)


swish = silu
hard_swish = hard_silu


@activations.register()
def tanh(x: jax.Array) -> jax.Array:
    """`(exp(x) - exp(-x)) / (exp(x) + exp(-x))`."""
    return jnp.tanh(x)


@activations.register()
def hard_tanh(x: jax.Array) -> jax.Array:
    """`min(max(x, -1), 1)`."""
    return jax.nn.hard_tanh(x)


@activations.register()
def tanh_shrink(x: jax.Array) -> jax.Array:
    """`x - tanh(x)`."""
    return x - jnp.tanh(x)


@activations.register()
def hard_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """`x` where it is further than `threshold` from 0, else 0."""
    return jnp.where(jnp.abs(x) > threshold, x, 0)


@activations.register()
def soft_shrink(x: jax.Array, threshold: float = 0.5) -> jax.Array:
    """`x` moved by `threshold` towards 0, and no further than 0."""
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0))


@activations.register()
def threshold(x: jax.Array, threshold: float, default_value: float) -> jax.Array:
    """`x` above `threshold`, else `default_value`."""
    return jnp.where(x > threshold, x, default_value)


@activations.register()
def softplus(x: jax.Array) -> jax.Array:
    """`log(1 + exp(x))`."""
    return jax.nn.softplus(x)


@activations.register()
def softsign(x: jax.Array) -> jax.Array:
    """`x / (1 + |x|)`."""
    return jax.nn.soft_sign(x)


@activations.register()
def squareplus(x: jax.Array, b: float = 4) -> jax.Array:
    """`(x + sqrt(x ** 2 + b)) / 2`. Source: Barron, 2021."""
    return jax.nn.squareplus(x, b)


@activations.register()
def mish(x: jax.Array) -> jax.Array:
    """`x * tanh(softplus(x))`. Source: Misra, BMVC 2020."""
    return jax.nn.mish(x)


@activations.register()
def exponential(x: jax.Array) -> jax.Array:
    """`exp(x)`."""
    return jnp.exp(x)


@activations.register()
def softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """`exp(x) / sum(exp(x))` along `axis`."""
    return jax.nn.softmax(x, axis)


@activations.register()
def log_softmax(x: jax.Array, axis: Axis = -1) -> jax.Array:
    """`log(softmax(x))`, finite for any x."""
    return jax.nn.log_softmax(x, axis)


@activations.register()
def sparsemax(x: jax.Array, axis: int = -1) -> jax.Array:
    """The probabilities nearest to `x`: many are 0. Source: Martins & Astudillo, ICML 2016."""
    x = jnp.moveaxis(x, axis, -1)
    # All may be moved alike; large numbers would drown the differences in the sums.
    x = x - jax.lax.stop_gradient(jnp.max(x, axis=-1, keepdims=True))
    ordered = jnp.flip(sort(x), axis=-1)
    ranks = jnp.expand_dims(jnp.arange(1, x.shape[-1] + 1, dtype=x.dtype), tuple(range(x.ndim - 1)))
    sums = jnp.cumsum(ordered, axis=-1)
    inside = 1 + ranks * ordered > sums
    count = jnp.sum(inside, axis=-1, keepdims=True).astype(x.dtype)
    level = (jnp.sum(jnp.where(inside, ordered, 0), axis=-1, keepdims=True) - 1) / count
    return jnp.moveaxis(jax.nn.relu(x - level), -1, axis)


@activations.register()
def glu(x: jax.Array, axis: int = -1) -> jax.Array:
    """`a * sigmoid(b)` for the halves a, b of `axis`. Source: Dauphin et al., ICML 2017."""
    return jax.nn.glu(x, axis)


def get(identifier: Any) -> Any:
    """The activation of a name, config, class or callable; `linear` for None.

    Raises:
        UnknownNameError: for a name that is not known.
        ArgumentError: for anything else.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    made = config_capture.deserialize(identifier) if isinstance(identifier, Mapping) else None
    return made if callable(made) else activations.get(identifier)


def serialize(activation: Any) -> Any:
    """The name of a function, the config of an object (a layer, say), None for None.

    Raises:
        ArgumentError: for a function that has no name to be found again by.

    >>> serialize(relu)
    'relu'
    """
    if activation is None:
        return None
    if (name := activations.name_of(activation)) is not None:
        return name
    config = config_capture.serialize(activation)
    if config is activation:
        raise ArgumentError(
            f"activations.serialize: expected a function of nnlib.activations, got {activation!r}. "
            "Register yours: @nn.saving.register_keras_serializable()."
        )
    return config


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The activation that `serialize` wrote; `custom_objects` are further ones by name.

    >>> deserialize("mine", {"mine": abs})(-2)
    2
    """
    with custom_object_scope(custom_objects):
        return None if config is None else get(config)


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]
