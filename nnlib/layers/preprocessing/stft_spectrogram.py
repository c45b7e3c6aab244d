"""STFTSpectrogram: spectra of overlapping frames, by trainable filters."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core import settings
from nnlib.core.dtypes import is_float
from nnlib.core.errors import ArgumentError, DTypeError
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import one_of, place_of, positive_int
from nnlib.layers.preprocessing.signal_window import checked_window, signal_window
from nnlib.layers.spatial import SpatialLayer, checked_padding
from nnlib.ops.convolution import conv
from nnlib.ops.stft import stft_kernel

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(SpatialLayer):
    r"""`y[t, k] = sum_n window[n] x[t step + n] exp(-2 pi i k n / fft_length) / scale`.

    It is a convolution with filters that begin as those of the Fourier transform; they are trained
    unless `trainable=False`.

    Args:
        mode: what is returned: "real" or "imag" parts, both one after the other ("stft"), their
            "magnitude" or its logarithm ("log"), the "angle" in radians, or the power spectral
            density ("psd"), squares of which all but the first and last frequency count twice.
        frame_length: samples of a frame.
        frame_step: from one frame to the next; half of `frame_length` if None.
        fft_length: samples that frames are filled up to with zeros; the next power of two if None.
        window: a name that SciPy knows, `frame_length` numbers, or None for none.
        periodic: whether named windows are periodic, else symmetric.
        scaling: "density" divides by the root of the window's sum of squares, "spectrum" by its sum
            of absolute values, None by nothing.
        padding: "valid" (none) or "same" (output of size ceil(time / frame_step)).
        expand_dims: whether channels keep an axis of their own.
        data_format: "channels_last" or "channels_first"; None for the global setting.

    Input shape:
        (batch, time, channels), or (batch, channels, time) for "channels_first".

    Output shape:
        (batch, frames, channels * frequencies), or (batch, frames, frequencies, channels) with
        `expand_dims`; (batch, channels * frequencies, frames) or (batch, channels, frames,
        frequencies) for "channels_first". There are `fft_length // 2 + 1` frequencies, twice as
        many for "stft".

    Raises:
        ShapeError: if the input has not 3 axes, or frames are longer than it.
        DTypeError: for integers.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.STFTSpectrogram(frame_length=8)(jnp.ones((2, 32, 1))).shape
    (2, 7, 5)

    Source: Allen & Rabiner, "A unified approach to short-time Fourier analysis", 1977.
    """

    rank = 1
    real_kernel: jax.Array
    imag_kernel: jax.Array

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(data_format, **kwargs)
        own = "STFTSpectrogram"
        self.mode = one_of(own, "mode", mode, _MODES)
        self.frame_length = positive_int(own, "frame_length", frame_length)
        self.frame_step = frame_step and positive_int(own, "frame_step", frame_step)
        self.fft_length = fft_length and positive_int(own, "fft_length", fft_length)
        self._check_lengths()
        self.window = checked_window(own, window, self.frame_length)
        self.periodic, self.expand_dims = bool(periodic), bool(expand_dims)
        self.scaling = one_of(own, "scaling", scaling, ("density", "spectrum", None))
        self.padding = checked_padding(own, padding)
        self.input_spec = InputSpec(ndim=3)

    def _check_lengths(self) -> None:
        if self.frame_step is not None and not 1 <= self.frame_step <= self.frame_length:
            raise ArgumentError(
                f"STFTSpectrogram: expected frame_step from 1 to frame_length={self.frame_length}, "
                f"got {self.frame_step}."
            )
        if self._filled_length() < max(2, self.frame_length):
            raise ArgumentError(
                f"STFTSpectrogram: expected fft_length of at least 2 and frame_length="
                f"{self.frame_length}, got {self._filled_length()}."
            )

    def _filled_length(self) -> int:
        power_of_two = 1 << (self.frame_length - 1).bit_length()
        return power_of_two if self.fft_length is None else self.fft_length

    def build(self, x: Any) -> None:
        bins = self._filled_length() // 2 + 1
        for side in ("real", "imag"):
            if self.mode not in {"real", "imag"} - {side}:
                start = functools.partial(self._start, side)
                weight = self.add_weight((self.frame_length, 1, bins), start)
                setattr(self, f"{side}_kernel", weight)

    def _start(self, side: str, key: Any, shape: Any, dtype: Any) -> jax.Array:
        window = None
        if self.window is not None:
            own = "STFTSpectrogram"
            window = jnp.asarray(signal_window(own, self.window, self.frame_length, self.periodic))
        return stft_kernel(side, shape[0], shape[-1], window, self.scaling, dtype)

    def call(self, x: jax.Array) -> jax.Array:
        if not is_float(x):
            raise DTypeError(f"{place_of(self)}: expected floats, got {x.dtype}. Cast them first.")
        if self.padding == "valid":
            self.check_windows(x.shape, (self.frame_length,))
        if self.data_format == "channels_first":
            x = jnp.moveaxis(x, 1, -1)
        return self._arranged(self._values(x))

    def _values(self, x: jax.Array) -> jax.Array:
        """(batch, channels, frames, frequencies)."""
        if self.mode in ("real", "imag"):
            return self._filtered(x, self.real_kernel if self.mode == "real" else self.imag_kernel)
        real, imag = self._filtered(x, self.real_kernel), self._filtered(x, self.imag_kernel)
        if self.mode == "stft":
            return jnp.concatenate([real, imag], axis=-1)
        power = jnp.square(real) + jnp.square(imag)
        if self.mode == "angle":
            return jnp.arctan2(imag, jnp.where(power == 0, 1, real))  # 0, and not NaN in gradients
        if self.mode == "psd":
            return power + jnp.pad(power[..., 1:-1], [(0, 0)] * 3 + [(1, 1)])
        least = settings.epsilon()
        magnitude = jnp.sqrt(jnp.maximum(power, least))
        return jnp.log(jnp.maximum(magnitude, least)) if self.mode == "log" else magnitude

    def _filtered(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        step = max(1, self.frame_length // 2) if self.frame_step is None else self.frame_step
        signals = jnp.moveaxis(x, -1, 1)
        y = conv(
            jnp.reshape(signals, (-1, x.shape[1], 1)), kernel, strides=step, padding=self.padding
        )
        return jnp.reshape(y, (*signals.shape[:2], *y.shape[1:]))

    def _arranged(self, values: jax.Array) -> jax.Array:
        batch, channels, frames, bins = values.shape
        if self.data_format == "channels_first":
            if self.expand_dims:
                return values
            return jnp.reshape(values.swapaxes(2, 3), (batch, channels * bins, frames))
        if self.expand_dims:
            return jnp.moveaxis(values, 1, -1)
        return jnp.reshape(values.swapaxes(1, 2), (batch, frames, channels * bins))

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, arrays as lists."""
        return super().get_config() | {"window": self.window}
