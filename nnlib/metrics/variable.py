"""A variable of a metric: a name for one array of its state, to be read and assigned."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.errors import ShapeError

if TYPE_CHECKING:
    from nnlib.metrics.metric import Metric


@dataclass(frozen=True)
class Declared:
    """What `add_variable` was told: enough to make the first value again."""

    shape: tuple[int, ...]
    initializer: Callable[..., jax.Array]
    dtype: Any

    def initial(self) -> jax.Array:
        """A fresh first value."""
        return self.initializer(jax.random.key(0), self.shape, self.dtype)


class MetricVariable:
    """One array in the state of a metric, as `Metric.add_variable` returns it.

    It holds no array itself. While a pure call runs, it reads and writes the state that belongs to
    that call; at other times the metric's own. Arithmetic and jnp functions take it like an array.

    >>> import nnlib as nn
    >>> count = nn.metrics.Mean().variables[1]
    >>> count.name, count.shape
    ('count', (2,))
    """

    __hash__ = object.__hash__
    __array_priority__ = 100  # `numpy_array + variable` is ours to answer

    def __init__(self, metric: "Metric", name: str):
        self._metric = metric
        self.name = name

    @property
    def value(self) -> jax.Array:
        """The array."""
        array: jax.Array = self._metric.own_state()[self.name]
        return array

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return self.value.shape

    @property
    def dtype(self) -> Any:
        """Of the array."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """Of the array."""
        return self.value.ndim

    def assign(self, value: Any) -> jax.Array:
        """Replace the array by one of its shape; cast to its dtype.

        Raises:
            ShapeError: for a value of another shape.
            StateWriteError: where the write would be lost.
        """
        array = jnp.asarray(plain(value)).astype(self.dtype)
        if array.shape != self.shape:
            raise ShapeError(
                f"{self._metric.name}: expected a value of shape {self.shape} for variable "
                f"{self.name!r}, got {array.shape}. Reduce it first, as with jnp.sum."
            )
        self._metric.write_state({self.name: array})
        return array

    def assign_add(self, value: Any) -> jax.Array:
        """Add to the array."""
        return self.assign(self.value + plain(value))

    def assign_sub(self, value: Any) -> jax.Array:
        """Take from the array."""
        return self.assign(self.value - plain(value))

    def numpy(self) -> np.ndarray:
        """The array in host memory."""
        return np.asarray(self.value)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __len__(self) -> int:
        return len(self.value)

    def __repr__(self) -> str:
        return f"<MetricVariable {self._metric.name}/{self.name} {self.shape} {self.dtype}>"


def plain(value: Any) -> Any:
    """The array of a variable; anything else as it is."""
    return value.value if isinstance(value, MetricVariable) else value


def _unary(function: Callable[[Any], Any]) -> Callable[[MetricVariable], Any]:
    return lambda self: function(self.value)


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[MetricVariable, Any], Any]:
    return lambda self, other: function(self.value, plain(other))


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[MetricVariable, Any], Any]:
    return lambda self, other: function(plain(other), self.value)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(MetricVariable, f"__{_name}__", _binary(getattr(operator, _name)))
    setattr(MetricVariable, f"__r{_name}__", _reflected(getattr(operator, _name)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(MetricVariable, f"__{_name}__", _binary(getattr(operator, _name)))
for _name, _function in (("neg", operator.neg), ("abs", abs), ("float", float), ("int", int)):
    setattr(MetricVariable, f"__{_name}__", _unary(_function))
MetricVariable.__bool__ = _unary(bool)  # type: ignore[attr-defined]

# To jit a variable is an array: what arrives inside is the value alone.
jax.tree_util.register_pytree_node(
    MetricVariable, lambda variable: ((variable.value,), None), lambda _, values: values[0]
)
