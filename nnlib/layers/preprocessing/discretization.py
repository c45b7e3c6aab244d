"""Discretization: numbers to the bins in which they lie."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib.core.config_capture import deserialize
from nnlib.core.errors import ArgumentError, FrozenConfigError, NotBuiltError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.settings import floatx
from nnlib.layers.checks import number, one_of, place_of, positive_int
from nnlib.layers.preprocessing.batches import batches
from nnlib.layers.preprocessing.host_values import host_array
from nnlib.layers.preprocessing.quantile_summary import (
    empty_summary,
    extended,
    quantile_boundaries,
)
from nnlib.ops.categorical import encode_categories


class Discretization(Layer):
    """The number of boundaries that a number reaches: 0 below the first, then 1, and so on.

    A bin begins at its boundary and ends before the next. Boundaries are given, or found by `adapt`
    as quantiles, so that the bins of the data hold about as many values each.

    Args:
        bin_boundaries: in ascending order; then no `adapt` is needed.
        num_bins: the number of bins that `adapt` makes; instead of bin_boundaries.
        epsilon: how exact its quantiles are: a sketch of about 1 / epsilon points is kept.
        output_mode: "int" for numbers of bins (int32); "one_hot" for a vector of each; "multi_hot"
            and "count" for a vector of each sample, the last axis: whether and how often each bin
            occurs.
        sparse: only False.

    Input shape:
        Any.

    Output shape:
        The input's for "int"; else (..., number of bins).

    Raises:
        NotBuiltError: when called without boundaries.

    >>> import nnlib as nn
    >>> layer = nn.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])
    >>> layer([[-1.5, 1.0, 3.4, 0.5]]).tolist()
    [[0, 2, 3, 1]]
    >>> layer = nn.layers.Discretization(num_bins=4)
    >>> layer.adapt([[-1.5, 1.0, 3.4, 0.5]])
    >>> layer.bin_boundaries
    [-1.5, 0.5, 1.0]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ):
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        own = "Discretization"
        self.output_mode = one_of(
            own, "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count")
        )
        if sparse:
            raise ArgumentError(f"{own}: expected sparse=False, got True. JAX arrays are dense.")
        if (bin_boundaries is None) == (num_bins is None):
            raise ArgumentError(
                f"{own}: expected either bin_boundaries or num_bins, got "
                f"{bin_boundaries!r} and {num_bins!r}."
            )
        self.num_bins = None if num_bins is None else positive_int(own, "num_bins", num_bins)
        self.epsilon = number(own, "epsilon", epsilon)
        if not 0 < self.epsilon <= 1:
            raise ArgumentError(f"{own}: expected epsilon above 0 and up to 1, got {epsilon!r}.")
        self.sparse = False
        self._boundaries = None if bin_boundaries is None else _ascending(own, bin_boundaries)
        self._summary = empty_summary()
        self._baked: list[bool] = []

    @property
    def bin_boundaries(self) -> list[float] | None:
        """The boundaries in ascending order; None before `adapt`."""
        return self._boundaries

    # adapt -------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find boundaries for `num_bins` bins, over all values whatever their axis.

        Args:
            data: an array, a list or a series, or an iterable of batches such as a data set.
            batch_size: rows at a time, for data that is no iterable of batches; all if None.
            steps: at most so many batches; all if None.
        """
        self._require_bins()
        self.reset_state()
        for batch in batches(data, batch_size, steps, f"{self.name} (Discretization) adapt"):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take one more batch into the sketch."""
        self._require_bins()
        values = host_array(data, f"{self.name} (Discretization) adapt")
        self._summary = extended(self._summary, values, self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries from the sketch."""
        if self.num_bins is None or not self._summary.size:
            return
        if self._baked:
            raise FrozenConfigError(
                f"{self.name} (Discretization): expected boundaries that stay as they were "
                "compiled into a model, got new ones. Make a new layer and a new model."
            )
        self._boundaries = quantile_boundaries(self._summary, self.num_bins)

    def reset_state(self) -> None:
        """Forget the values so far."""
        self._summary = empty_summary()

    def _require_bins(self) -> None:
        if self.num_bins is None:
            raise ArgumentError(
                f"{self.name} (Discretization): expected adapt() of a layer made with num_bins=, "
                "got one with bin_boundaries=. Leave them out."
            )

    # call --------------------------------------------------------------------------------------

    def call(self, x: jax.Array) -> jax.Array:
        frame = current_frame()
        declaring = frame is not None and frame.declaring
        if self._boundaries is None and not declaring:
            raise NotBuiltError(
                f"{place_of(self)}: expected boundaries, got none. Call adapt(data) first, or pass "
                "bin_boundaries=."
            )
        if isinstance(x, jax.core.Tracer) and not declaring:
            self._baked.append(True)
        any_edges = np.zeros((self.num_bins or 1) - 1)  # while shapes are declared, their number
        edges = jnp.asarray(any_edges if self._boundaries is None else self._boundaries, floatx())
        bins = jnp.searchsorted(edges, x.astype(floatx()), side="right").astype(jnp.int32)
        if self.output_mode == "int":
            return bins
        return encode_categories(bins, len(edges) + 1, self.output_mode, self.compute_dtype)

    # Saving ------------------------------------------------------------------------------------

    def check_own_variables(self, store: Any) -> None:
        """Nothing is stored but by early versions of Keras: the config has the boundaries."""

    def load_own_variables(self, store: Any) -> None:
        """Nothing to take."""

    def get_config(self) -> dict[str, Any]:
        """The arguments, and the boundaries where `adapt` has found some."""
        return {**super().get_config(), "bin_boundaries": self._boundaries}

    @classmethod
    def from_config(cls, config: Any) -> "Discretization":
        """A layer with the boundaries of the other one, and its `num_bins`."""
        arguments = {name: deserialize(value) for name, value in config.items()}
        found = arguments.get("bin_boundaries")
        if arguments.get("num_bins") is not None:
            arguments["bin_boundaries"] = None
        layer = cls(**arguments)
        layer._boundaries = found
        return layer


def _ascending(layer: str, boundaries: Any) -> list[float]:
    array = np.asarray(boundaries, np.float64)
    if array.ndim != 1 or not np.all(np.diff(array) >= 0):
        raise ArgumentError(
            f"{layer}: expected bin_boundaries to be a list in ascending order, got {boundaries!r}."
        )
    return array.tolist()
