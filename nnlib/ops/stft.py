"""The short-time Fourier transform: spectra of overlapping pieces of a signal."""

from typing import Any

import jax
import jax.numpy as jnp


def stft(
    x: jax.Array,
    window: jax.Array,
    sequence_stride: int,
    fft_length: int,
    center: bool = True,
) -> jax.Array:
    r"""`y[t, k] = sum_n window[n] x[t stride + n] exp(-2 pi i k n / fft_length)`.

    Args:
        x: (..., time) floats.
        window: (length,), of at most `fft_length` samples; it is put in the middle of each piece.
        sequence_stride: samples from one piece to the next.
        fft_length: samples of a piece.
        center: whether the signal is continued by its reflection, so that piece t is about sample
            `t * sequence_stride`.

    Returns:
        (..., pieces, fft_length // 2 + 1), complex.

    >>> import jax.numpy as jnp
    >>> stft(jnp.ones(8), jnp.ones(4), 2, 4).shape
    (5, 3)

    Source: Allen & Rabiner, "A unified approach to short-time Fourier analysis", 1977.
    """
    before = (fft_length - window.shape[0]) // 2
    window = jnp.pad(window, (before, fft_length - window.shape[0] - before))
    border = fft_length // 2 if center else 0
    pieces = (x.shape[-1] + 2 * border - fft_length) // sequence_stride + 1
    starts = jnp.arange(pieces)[:, None] * sequence_stride - border
    framed = x[..., _reflected(starts + jnp.arange(fft_length)[None, :], x.shape[-1])]
    return jnp.fft.rfft(framed * jnp.reshape(window, (1,) * x.ndim + (fft_length,)))


def _reflected(place: jax.Array, size: Any) -> jax.Array:
    """Places of a signal that goes back and forth between its ends; the size may be symbolic."""
    last = jnp.maximum(jnp.asarray(size - 1), 1)
    place = place % (2 * last)
    return jnp.minimum(jnp.where(place > last, 2 * last - place, place), jnp.asarray(size - 1))


def stft_kernel(
    side: str, length: int, bins: int, window: jax.Array | None, scaling: str | None, dtype: Any
) -> jax.Array:
    r"""Filters that compute a short-time Fourier transform as a convolution.

    `kernel[n, 0, k] = window[n] f(-2 pi k n / (2 bins - 2)) / scale`, f the cosine or the sine.

    Args:
        side: "real" for cosines, "imag" for sines.
        length: of the filters.
        bins: how many frequencies there are.
        window: (length,); None for none, and then nothing is scaled.
        scaling: "density" divides by the root of the sum of the squares of the window,
            "spectrum" by the sum of its absolute values, None by nothing.
        dtype: of the filters.

    Returns:
        (length, 1, bins).

    >>> stft_kernel("real", 4, 3, None, None, "float32")[2, 0].round(3).tolist()
    [1.0, -1.0, 1.0]
    """
    period = 2 * (bins - 1)
    turns = jnp.arange(length)[:, None] * jnp.arange(bins)[None, :] % period  # exact in integers
    angle = -2 * jnp.pi * turns.astype(dtype) / period
    kernel = jnp.cos(angle) if side == "real" else jnp.sin(angle)
    if window is not None:
        kernel = kernel * window.astype(dtype)[:, None] / _scale(window.astype(dtype), scaling)
    return kernel[:, None, :].astype(dtype)


def _scale(window: jax.Array, scaling: str | None) -> Any:
    if scaling == "density":
        return jnp.sqrt(jnp.sum(jnp.square(window)))
    return jnp.sum(jnp.abs(window)) if scaling == "spectrum" else 1
