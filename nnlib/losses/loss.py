"""Loss: what training makes small. One value per sample, then a reduction."""

from collections.abc import Callable, Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.config_capture import Configurable
from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.naming import snake_case
from nnlib.core.registries import losses
from nnlib.core.settings import floatx
from nnlib.losses.alignment import align_ranks, as_array, is_elementwise, map_arrays
from nnlib.losses.reduction import check_reduction, fill_padding, reduce_values
from nnlib.losses.target_checks import check_numbers, check_shapes_broadcast, check_without_nan


class Loss(Configurable):
    r"""The base of losses: `reduce(call(y_true, y_pred) * sample_weight)`.

    Subclasses write `call(y_true, y_pred)`, which returns one value per sample: (batch, ...).

    Args:
        name: for logs and error texts; None for the class name in snake_case.
        reduction: "sum_over_batch_size" and "mean" divide by the number of values, whatever their
            weights; "sum"; "none" or None keeps one value per sample; "mean_with_sample_weight"
            divides by the sum of the weights. "auto" is an older name of the first.
        dtype: the float type to compute in; None for `floatx()`.

    Raises:
        ArgumentError: for an unknown reduction.

    >>> import nnlib as nn
    >>> class Cubic(nn.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_true - y_pred).mean(-1) ** 3
    >>> float(Cubic()([[1.0], [2.0]], [[1.0], [4.0]]))
    4.0
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        self.name = name or snake_case(type(self).__name__)
        self.reduction = check_reduction(type(self).__name__, reduction)
        self.dtype = jnp.dtype(getattr(dtype, "compute_dtype", dtype) or floatx()).name

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, row_mask: Any = None
    ) -> jax.Array:
        """The loss of a batch.

        Args:
            y_true: targets, an array or a pytree of them.
            y_pred: the model's output.
            sample_weight: (batch,), or the shape of the values that `call` returns.
            row_mask: (batch,) or (batch, steps), 0 for rows that only fill up the batch: the
                result and its gradients are those of the batch without them, NaN or not.

        Raises:
            ShapeError: for arrays that do not fit each other, and for `sample_weight` on a loss
                that returns one number for the batch.
        """
        y_true, y_pred = self._converted(y_true, y_pred)
        mask = None if row_mask is None else jnp.asarray(row_mask, bool)
        values, mask = self.masked_values(y_true, y_pred, mask)
        if values.ndim == 0:
            self._refuse_weights(sample_weight)
            return values
        counted = self.counted(y_true, y_pred, values)
        if counted is not None and mask is not None:
            mask = counted & mask.reshape(mask.shape + (1,) * (counted.ndim - mask.ndim))
        elif counted is not None:
            mask = counted
        return reduce_values(self.name, values, self.reduction, sample_weight, mask)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """One value per sample, (batch, ...); written by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}: expected a `call` method, got none.")

    def masked_values(
        self, y_true: Any, y_pred: Any, mask: jax.Array | None
    ) -> tuple[jax.Array, jax.Array | None]:
        """(what `call` says, the mask over that), whatever stands in rows where `mask` is 0.

        Losses that look across the batch write their own, and return None for the mask where the
        values have no axis of rows left.
        """
        if mask is None:
            return jnp.asarray(self.call(y_true, y_pred)), None
        # A target of 1 for an output of 0.5 is finite under every loss.
        filled = fill_padding(mask, y_true, 1), fill_padding(mask, y_pred, 0.5)
        values = jnp.asarray(self.call(*filled))
        if values.ndim == 0:  # a `call` that reduces by itself: padding and all
            return jnp.asarray(self.call(y_true, y_pred)), None
        return values, mask

    def counted(self, y_true: Any, y_pred: Any, values: jax.Array) -> jax.Array | None:
        """Which values count, as booleans of the values' shape; None for all of them."""
        return None

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        """Look at all targets once, on the host, before training.

        Args:
            y_true: a numpy array (or a pytree of them) of shape (samples, ...).
            output: anything with the model's `.shape` (None for the batch) and `.dtype`.
            place: what error texts begin with, such as "fit".

        Raises:
            DTypeError: for strings and objects. Losses of nnlib also raise ShapeError and
                DataError where targets do not fit the output.
        """
        for leaf in jax.tree.leaves(y_true):
            check_numbers(place, leaf)

    def convert_targets(self, y_true: Any) -> jax.Array:
        """Targets in the loss's float type; losses over class numbers keep integers."""
        return as_array(self.name, y_true, self.dtype)

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """Both at one rank, where only a last axis of size 1 tells them apart."""
        return align_ranks(y_true, y_pred)

    def _converted(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        y_true = map_arrays(self.convert_targets, y_true)
        y_pred = map_arrays(lambda leaf: as_array(self.name, leaf, self.dtype), y_pred)
        if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
            return self.align(y_true, y_pred)
        return y_true, y_pred

    def _refuse_weights(self, sample_weight: Any) -> None:
        if sample_weight is not None:
            raise ShapeError(
                f"{self.name}: expected one value per sample to weight, got one number for the "
                "batch. Return values of shape (batch,): average over the other axes only."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunction(Loss):
    """A Loss from a plain function `f(y_true, y_pred, **kwargs) -> values`.

    Args:
        fn: the function, or a registered name. A function that returns one number for the batch
            is used as it is: reduction and row masks cannot reach inside.
        reduction: as in Loss.
        name: None for the function's own.
        dtype: as in Loss.
        kwargs: passed on to the function.

    >>> loss = LossFunction(lambda y_true, y_pred, power: abs(y_true - y_pred) ** power, power=2)
    >>> float(loss([1.0, 2.0], [1.0, 4.0]))
    2.0
    """

    def __init__(
        self,
        fn: Callable[..., Any] | str,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        function = losses.lookup(fn) if isinstance(fn, str) else fn
        if not callable(function) or isinstance(function, type):
            raise ArgumentError(
                f"LossFunction: expected a function of (y_true, y_pred), got {fn!r}."
            )
        super().__init__(name or function_name(function), reduction, dtype)
        self.fn: Callable[..., Any] = function
        self.kwargs = kwargs
        vars(self).update({name: kwargs[name] for name in kwargs if not hasattr(self, name)})

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        return self.fn(y_true, y_pred, **self.kwargs)

    def align(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        y_true, y_pred = align_ranks(y_true, y_pred)
        if is_elementwise(self.fn) and y_true.ndim == y_pred.ndim == 1:
            return y_true[:, None], y_pred[:, None]
        return y_true, y_pred

    def check_targets(self, y_true: Any, output: Any, place: str) -> None:
        super().check_targets(y_true, output, place)
        if losses.name_of(self.fn) is not None:
            check_without_nan(place, y_true)
            check_shapes_broadcast(place, y_true, output)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in config.items()}
        if "fn" in config:
            config["fn"] = losses.name_of(self.fn) or self.fn
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        return cls(**config)


def function_name(function: Any) -> str:
    """A name for logs: `my_loss`, or "lambda"."""
    function = getattr(function, "func", function)  # of a functools.partial
    name = getattr(function, "__name__", None) or snake_case(type(function).__name__)
    return name.strip("<>")
