"""Spectrograms against SciPy, and filters against the formula."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from nnlib import layers
from nnlib.ops import mel_filterbank, stft

X = np.random.default_rng(0).normal(size=(2, 50)).astype("float32")


@pytest.mark.parametrize(("length", "window"), [(16, 16), (15, 9)])
def test_stft_is_that_of_scipy(length, window):
    weights = signal.get_window("hann", window)
    padded = np.pad(weights, ((length - window) // 2, length - window - (length - window) // 2))
    reflected = np.pad(X, [(0, 0), (length // 2,) * 2], mode="reflect")
    starts = range(0, reflected.shape[1] - length + 1, 4)
    framed = np.stack([reflected[:, s : s + length] for s in starts], 1)
    got = stft(jnp.asarray(X), jnp.asarray(weights), 4, length)
    np.testing.assert_allclose(got, np.fft.rfft(framed * padded), atol=1e-5)
    plain = signal.ShortTimeFFT(weights, 4, 1.0, mfft=length, phase_shift=None)
    if window == length:
        inner = got[:, length // 8 : -(length // 8)]
        want = plain.stft(X, p0=plain.lower_border_end[1], p1=plain.upper_border_begin(50)[1])
        np.testing.assert_allclose(np.abs(inner), np.abs(want.swapaxes(1, 2)), atol=1e-5)


def test_signals_shorter_than_the_border_go_back_and_forth():
    short = jnp.asarray(X[0, :5])
    longer = np.pad(X[0, :5], 8, mode="reflect")
    got = stft(short, jnp.ones(16), 4, 16)
    np.testing.assert_allclose(got[0], np.fft.rfft(longer[:16]), atol=1e-5)


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_psd_is_that_of_scipy(scaling):
    layer = layers.STFTSpectrogram("psd", 16, 4, window="hamming", periodic=True, scaling=scaling)
    _, _, want = signal.spectrogram(
        X, window=signal.get_window("hamming", 16), nperseg=16, noverlap=12, detrend=False,
        scaling=scaling,
    )  # fmt: skip
    np.testing.assert_allclose(layer(X[..., None]), want.swapaxes(1, 2), rtol=1e-4, atol=1e-6)


def test_modes_belong_together():
    x = jnp.asarray(np.stack([X, 2 * X], axis=-1))
    out = {}
    for mode in ("real", "imag", "stft", "magnitude", "log", "angle"):
        layer = layers.STFTSpectrogram(mode, 12, 5, fft_length=20, window=None, expand_dims=True)
        out[mode] = np.asarray(layer(x))
    complex_values = out["real"] + 1j * out["imag"]
    assert complex_values.shape == (2, 8, 11, 2)
    framed = np.stack([X[:, s : s + 12] for s in range(0, 39, 5)], 1)
    np.testing.assert_allclose(complex_values[..., 0], np.fft.rfft(framed, 20), atol=1e-5)
    np.testing.assert_allclose(np.concatenate([out["real"], out["imag"]], 2), out["stft"])
    floor = np.sqrt(1e-7)
    np.testing.assert_allclose(out["magnitude"], np.maximum(abs(complex_values), floor), rtol=1e-4)
    np.testing.assert_allclose(out["log"], np.log(out["magnitude"]), rtol=1e-5, atol=1e-6)
    off = abs(np.exp(1j * out["angle"]) * abs(complex_values) - complex_values)
    assert off.max() < 1e-5


def test_silence_has_gradients():
    for layer in (layers.STFTSpectrogram("angle", 8), layers.MelSpectrogram(16, 8, mag_exp=0.7)):
        x = jnp.zeros((1, 32, 1)[: 3 if isinstance(layer, layers.STFTSpectrogram) else 2])
        gradient = jax.jit(jax.grad(lambda x, layer=layer: jnp.sum(layer(x))))(x)
        assert np.isfinite(gradient).all()


def test_filters_are_trained_unless_frozen():
    layer = layers.STFTSpectrogram(frame_length=8)
    layer(jnp.ones((1, 16, 1)))
    assert [w.shape for w in layer.trainable_weights] == [(8, 1, 5), (8, 1, 5)]
    frozen = layers.STFTSpectrogram("real", frame_length=8, trainable=False)
    frozen(jnp.ones((1, 16, 1)))
    assert frozen.trainable_weights == []
    assert len(frozen.weights) == 1


def test_windows_survive_the_config():
    window = np.hanning(8)
    for make in (
        lambda w: layers.STFTSpectrogram(frame_length=8, window=w),
        lambda w: layers.MelSpectrogram(16, 8, sequence_length=8, window=w),
    ):
        layer = make(window)
        twin = type(layer).from_config(layer.get_config())
        x = jnp.asarray(X[..., None] if isinstance(layer, layers.STFTSpectrogram) else X)
        np.testing.assert_allclose(twin(x), layer(x), atol=1e-5)
        assert layer.get_config()["window"] == window.tolist()


def test_mel_bands_are_triangles_of_equal_width():
    bank = np.asarray(mel_filterbank(6, 4001, 16000, 100.0, 7000.0))
    assert bank.min() == 0
    np.testing.assert_allclose(bank.max(0), 1, atol=0.01)
    mel = 1127 * np.log1p(np.linspace(0, 8000, 4001) / 700)
    peaks = mel[bank.argmax(0)]
    np.testing.assert_allclose(np.diff(peaks), np.diff(peaks).mean(), rtol=0.02)
    inside = (mel > peaks[0]) & (mel < peaks[-1])
    np.testing.assert_allclose(bank[inside].sum(1), 1, atol=1e-3)  # half overlapping


def test_decibels_end_below_the_loudest():
    quiet = jnp.asarray(np.concatenate([X, X * 1e-6]))
    out = np.asarray(layers.MelSpectrogram(16, 8, num_mel_bins=4, top_db=30.0)(quiet))
    assert np.isclose(out.min(), out.max() - 30)
    louder = layers.MelSpectrogram(16, 8, num_mel_bins=4, ref_power=100.0)(jnp.asarray(X))
    plain = layers.MelSpectrogram(16, 8, num_mel_bins=4)(jnp.asarray(X))
    np.testing.assert_allclose(louder, plain - 20, atol=1e-4)
