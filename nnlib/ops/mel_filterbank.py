"""The mel scale: frequencies as the ear spaces them."""

from typing import Any

import jax
import jax.numpy as jnp


def hertz_to_mel(hertz: jax.Array) -> jax.Array:
    """`1127 log(1 + hertz / 700)`.

    >>> import jax.numpy as jnp
    >>> float(hertz_to_mel(jnp.array(1000.0)).round())
    1000.0

    Source: O'Shaughnessy, "Speech Communication", 1987.
    """
    return 1127.0 * jnp.log(1.0 + hertz / 700.0)


def mel_filterbank(
    num_mel_bins: int = 20,
    num_spectrogram_bins: int = 129,
    sampling_rate: float = 8000,
    lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0,
    dtype: Any = "float32",
) -> jax.Array:
    """Triangles over the mel scale, evenly spaced and half overlapping.

    Args:
        num_mel_bins: how many.
        num_spectrogram_bins: frequencies of the spectrum, from 0 to half the sampling rate.
        sampling_rate: in hertz.
        lower_edge_hertz: where the first triangle begins.
        upper_edge_hertz: where the last one ends.
        dtype: of the result.

    Returns:
        (num_spectrogram_bins, num_mel_bins) to multiply spectra by; frequency 0 counts nowhere.

    >>> mel_filterbank(4, 9).shape
    (9, 4)

    Source: Davis & Mermelstein, "Comparison of parametric representations", 1980.
    """
    frequencies = jnp.linspace(0.0, sampling_rate / 2, num_spectrogram_bins, dtype=dtype)
    mel = hertz_to_mel(frequencies[1:])[:, None]
    ends = hertz_to_mel(jnp.asarray([lower_edge_hertz, upper_edge_hertz], dtype))
    edges = jnp.linspace(ends[0], ends[1], num_mel_bins + 2)[None, :]
    lower, middle, upper = edges[:, :-2], edges[:, 1:-1], edges[:, 2:]
    rising, falling = (mel - lower) / (middle - lower), (upper - mel) / (upper - middle)
    return jnp.pad(jnp.maximum(0, jnp.minimum(rising, falling)), [(1, 0), (0, 0)])
