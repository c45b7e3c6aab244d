"""MelSpectrogram: sounds as pictures of how loud they are at which pitch."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError
from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import one_of, positive_int, positive_number
from nnlib.layers.preprocessing.arguments import number
from nnlib.layers.preprocessing.signal_window import checked_window, signal_window
from nnlib.ops.mel_filterbank import mel_filterbank
from nnlib.ops.stft import stft


class MelSpectrogram(Layer):
    r"""`10 log10(filters @ |stft(x)|^mag_exp)`: decibels in bands that are evenly spaced in mel.

    Args:
        fft_length: samples of a frame.
        sequence_stride: samples from one frame to the next.
        sequence_length: samples of the window, in the middle of the frame; `fft_length` if None.
        window: "hann", "hamming", `sequence_length` numbers, or None for none.
        sampling_rate: samples per second.
        num_mel_bins: how many bands.
        min_freq: where the first band begins, in hertz.
        max_freq: where the last one ends; half the sampling rate if None.
        power_to_db: whether the result is in decibels.
        top_db: what is quieter than the loudest of the whole batch by more than that many decibels
            is raised to it.
        mag_exp: the power of the magnitudes: 1 for energy, 2 for power.
        min_power: smaller values are raised to it before the logarithm.
        ref_power: what counts as 0 decibels.

    Input shape:
        (batch, samples), or (samples,).

    Output shape:
        (batch, num_mel_bins, frames), or without the batch; `samples // sequence_stride + 1` frames
        for even `fft_length`.

    Raises:
        ShapeError: for other numbers of axes.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> layer = nn.layers.MelSpectrogram(fft_length=64, sequence_stride=32, num_mel_bins=8)
    >>> layer(jnp.sin(jnp.arange(320.0))).shape
    (8, 11)

    Source: Davis & Mermelstein, "Comparison of parametric representations", 1980.
    """

    mixes_rows = True  # by the loudest of the batch

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: float = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        own = "MelSpectrogram"
        self.fft_length = positive_int(own, "fft_length", fft_length)
        self.sequence_stride = positive_int(own, "sequence_stride", sequence_stride)
        self.sequence_length = positive_int(own, "sequence_length", sequence_length or fft_length)
        if self.fft_length < self.sequence_length:
            raise ArgumentError(
                f"{own}: expected sequence_length of at most fft_length={self.fft_length}, got "
                f"{self.sequence_length}."
            )
        named = one_of(own, "window", window, ("hann", "hamming")) if isinstance(window, str) else 0
        self.window = named or checked_window(own, window, self.sequence_length)
        self.sampling_rate = positive_number(own, "sampling_rate", sampling_rate)
        self.num_mel_bins = positive_int(own, "num_mel_bins", num_mel_bins)
        self.min_freq = number(own, "min_freq", min_freq)
        self.max_freq = number(own, "max_freq", max_freq or int(sampling_rate / 2))
        if not 0 <= self.min_freq < self.max_freq:
            raise ArgumentError(
                f"{own}: expected min_freq of at least 0 and below max_freq={self.max_freq}, got "
                f"{self.min_freq}."
            )
        self.power_to_db, self.top_db = bool(power_to_db), number(own, "top_db", top_db)
        self.mag_exp = positive_number(own, "mag_exp", mag_exp)
        self.min_power = positive_number(own, "min_power", min_power)
        self.ref_power = number(own, "ref_power", ref_power)
        self.input_spec = InputSpec(min_ndim=1, max_ndim=2)

    def call(self, x: jax.Array) -> jax.Array:
        x = x.astype(jnp.promote_types(self.compute_dtype, "float32"))
        bands = self._energies(x) @ mel_filterbank(
            self.num_mel_bins,
            self.fft_length // 2 + 1,
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            x.dtype,
        )
        values = self._decibels(bands) if self.power_to_db else bands
        return values.swapaxes(-1, -2).astype(self.compute_dtype)

    def _energies(self, x: jax.Array) -> jax.Array:
        """(..., frames, frequencies)."""
        window = jnp.ones(self.fft_length, x.dtype)
        if self.window is not None:
            own = "MelSpectrogram"
            named = signal_window(own, self.window, self.sequence_length, periodic=True)
            window = jnp.asarray(named, x.dtype)
        spectrum = stft(x, window, self.sequence_stride, self.fft_length)
        squares = jnp.square(spectrum.real) + jnp.square(spectrum.imag)
        if self.mag_exp == 2:
            return squares
        silent = squares == 0  # where a root has no slope
        return jnp.where(silent, 0, jnp.where(silent, 1, squares) ** (self.mag_exp / 2))

    def _decibels(self, values: jax.Array) -> jax.Array:
        level = 10 * jnp.log10(jnp.maximum(values, self.min_power))
        level -= 10 * math.log10(max(abs(self.ref_power), self.min_power))
        return jnp.maximum(level, jnp.max(level) - self.top_db)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`, arrays as lists."""
        return super().get_config() | {"window": self.window}
