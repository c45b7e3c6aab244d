"""SpectralNormalization: a layer whose kernel has a largest singular value of 1."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.initializers import TruncatedNormal
from nnlib.layers.checks import place_of, positive_int
from nnlib.layers.wrapper import Wrapper
from nnlib.ops.spectral import power_iteration


class SpectralNormalization(Wrapper):
    r"""The layer within, with `kernel / sigma` for its kernel: sigma is the largest singular value.

    While training, each call takes `power_iterations` steps of power iteration from the vector that
    it keeps, and notes sigma; inference uses the sigma that was noted last, 1 before any training.
    What is trained is the kernel before the division. A kernel of zeros is left as it is.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: steps in each call, at least 1.

    Input shape:
        What the layer takes.

    Output shape:
        What it returns.

    Raises:
        ArgumentError: when it is built, if the layer has no kernel.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> dense = nn.layers.Dense(2, use_bias=False, kernel_initializer=nn.initializers.Constant(3.0))
    >>> layer = nn.layers.SpectralNormalization(dense)
    >>> layer(jnp.ones((1, 2)), training=True).round(3).tolist()
    [[1.0, 1.0]]

    Source: Miyato et al., ICLR 2018.
    """

    vector_u: jax.Array
    sigma: jax.Array

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any):
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_int(
            "SpectralNormalization", "power_iterations", power_iterations
        )

    def build(self, x: Any) -> None:
        if not self.layer.built:
            self.layer.build(x)
        kernel = self.layer.own_weights[self._kernel_name()]
        if self._kernel_name() == "kernel":
            self.input_spec = InputSpec(min_ndim=1, axes={-1: x.shape[-1]})
        exact: dict[str, Any] = {"trainable": False, "autocast": False, "dtype": kernel.dtype}
        shape = (1, kernel.shape[-1])
        self.vector_u = self.add_weight(shape, TruncatedNormal(stddev=0.02), **exact)
        self.sigma = self.add_weight((), "ones", **exact)

    def call(self, x: jax.Array, training: bool = False) -> jax.Array:
        frame = current_frame()
        assert frame is not None
        name = self._kernel_name()
        kernel = frame.read(self.layer, name)
        sigma = self._next_sigma(kernel) if training and self.trainable else self.sigma
        with frame.substituting(self.layer, **{name: kernel / sigma}):
            y = self.layer(x)
        return y.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else y

    def _next_sigma(self, kernel: jax.Array) -> jax.Array:
        """Sigma of this step, noted together with its vector."""
        matrix = kernel.reshape(-1, kernel.shape[-1])
        vector, sigma = power_iteration(matrix, self.vector_u, self.power_iterations)
        some = jnp.any(kernel != 0)
        sigma = jnp.where(some, sigma, self.sigma)
        self.update(vector_u=jnp.where(some, vector, self.vector_u), sigma=sigma)
        return sigma

    def _kernel_name(self) -> str:
        for name in ("kernel", "embeddings"):
            if name in self.layer.own_weights:
                return name
        raise ArgumentError(
            f"{place_of(self)}: expected a layer with a kernel or embeddings, "
            f"got {type(self.layer).__name__}."
        )

    # Files hold the normalised kernel, as Keras' do, which divides it in place.

    def stored_names(self) -> list[str]:
        return ["vector_u"] if self.built else []

    @contextlib.contextmanager
    def as_stored(self) -> Iterator[None]:
        if not self.built:
            yield
            return
        name, cell = self._kernel_name(), self.layer.own_arrays()
        kernel = cell[name]
        cell[name] = kernel / self.own_arrays()["sigma"]
        try:
            yield
        finally:
            cell[name] = kernel

    def beside_stored(self) -> list[tuple[Layer, str]]:
        return [(self.layer, self._kernel_name()), (self, "sigma")] if self.built else []

    def save_own_variables(self, store: Any) -> None:
        if self.built:
            store["0"] = self.layer.own_arrays()[self._kernel_name()]
            store["1"] = self.own_arrays()["vector_u"]

    def check_own_variables(self, store: Any) -> None:
        if len(store) != 2 or "1" not in store:
            raise ShapeError(
                f"{self.name} (SpectralNormalization): expected 2 stored arrays (kernel and "
                f"vector_u), got {len(store)}. Load a file of the same model."
            )
        super().check_own_variables({"0": store["1"]})

    def load_own_variables(self, store: Any) -> None:
        self.check_own_variables(store)
        self.take_array("vector_u", store["1"])
        self.take_array("sigma", jnp.ones(()))
