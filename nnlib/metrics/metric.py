"""Metric: a number that builds up over batches. A pure core, and the facade Keras users know."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError
from nnlib.core.naming import snake_case
from nnlib.core.settings import floatx

State = dict[str, jax.Array]


class Metric(Configurable):
    """The base of metrics.

    Subclasses write three pure functions: `init() -> state`, a dict of arrays;
    `update(state, y_true, y_pred, sample_weight=None) -> state`, in which a weight of 0 leaves a
    row out exactly, whatever it holds; and `compute(state) -> value`. All three work inside jit.
    Keras' facade comes with them: `update_state`, `result`, `reset_state`, and a call.

    Args:
        name: for logs; None for the class name in snake_case.
        dtype: the float type to compute in; None for `floatx()`. Totals are float32 at least.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> class Largest(nn.metrics.Metric):
    ...     def init(self):
    ...         return {"largest": jnp.float32(-jnp.inf)}
    ...     def update(self, state, y_true, y_pred, sample_weight=None):
    ...         keep = True if sample_weight is None else sample_weight[:, None] != 0
    ...         largest = jnp.max(jnp.where(keep, y_pred, -jnp.inf))
    ...         return {"largest": jnp.maximum(state["largest"], largest)}
    ...     def compute(self, state):
    ...         return state["largest"]
    >>> metric = Largest()
    >>> metric.update_state(jnp.zeros((2, 1)), jnp.array([[3.0], [1.0]]))
    >>> float(metric.result())
    3.0
    """

    def __init__(self, name: str | None = None, dtype: Any = None):
        if name is not None and (not isinstance(name, str) or not name):
            raise ArgumentError(
                f"{type(self).__name__}: expected name to be a non-empty string, got {name!r}."
            )
        self.name = name or snake_case(type(self).__name__)
        self.dtype = jnp.dtype(getattr(dtype, "compute_dtype", dtype) or floatx()).name
        self._state: State | None = None

    def init(self) -> State:
        """The state before any batch."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected init(), update(state, ...) and compute(state), "
            "got no init. They are pure: state is a dict of arrays, returned and not assigned."
        )

    def update(self, state: State, *args: Any, **kwargs: Any) -> State:
        """The state after another batch."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected update(state, y_true, y_pred, sample_weight=None), "
            "got none."
        )

    def compute(self, state: State) -> jax.Array:
        """The value of a state."""
        raise NotImplementedError(f"{type(self).__name__}: expected compute(state), got none.")

    def returns_scalar(self, y_true: Any, y_pred: Any) -> bool:
        """Whether a batch gives one number only, so that rows cannot be left out by weights."""
        return False

    @property
    def state(self) -> State:
        """The facade's state; assign one to continue from it."""
        if self._state is None:
            self._state = self.init()
        return self._state

    @state.setter
    def state(self, value: State) -> None:
        self._state = value

    @property
    def variables(self) -> list[jax.Array]:
        """The arrays of the facade's state."""
        return list(self.state.values())

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in another batch: `update`, on the facade's own state."""
        self._state = self.update(self.state, *args, **kwargs)

    def result(self) -> jax.Array:
        """The value over all batches since `reset_state`."""
        return self.compute(self.state)

    def reset_state(self) -> None:
        """Begin again."""
        self._state = None

    def __call__(self, *args: Any, **kwargs: Any) -> jax.Array:
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
