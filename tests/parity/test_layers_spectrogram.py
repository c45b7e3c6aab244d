"""Spectrograms: the numbers of Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import arrays_for, check_row, check_signature, close, row_id

SOUND, FIRST = (2, 30, 2), {"data_format": "channels_first", "frame_length": 8}

ROWS = [
    ("MelSpectrogram", {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 5}, (2, 60)),
    (
        "MelSpectrogram",
        {
            "fft_length": 16, "sequence_stride": 6, "sequence_length": 10, "window": "hamming",
            "sampling_rate": 8000, "num_mel_bins": 4, "min_freq": 50.0, "max_freq": 3000.0,
            "top_db": 20.0, "mag_exp": 1.5, "min_power": 1e-3, "ref_power": 2.0,
        },
        (60,),
    ),
    (
        "MelSpectrogram",
        {"fft_length": 15, "sequence_stride": 8, "window": None, "power_to_db": False},
        (2, 60),
    ),
    ("STFTSpectrogram", {"frame_length": 8, "frame_step": 3}, SOUND),
    ("STFTSpectrogram", {"frame_length": 9, "mode": "psd", "expand_dims": True}, SOUND),
    ("STFTSpectrogram", {"frame_length": 8, "mode": "stft", "fft_length": 32}, SOUND),
    ("STFTSpectrogram", {"mode": "real", "padding": "same", **FIRST}, (2, 2, 30)),
    ("STFTSpectrogram", {"mode": "imag", "expand_dims": True, **FIRST}, (2, 2, 30)),
    ("STFTSpectrogram", {"mode": "magnitude", "frame_step": 8, **FIRST}, (2, 2, 30)),
    ("STFTSpectrogram", {"frame_length": 8, "mode": "angle"}, SOUND),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_outputs_and_gradients(keras, row):
    check_row(keras, row, False)


@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("window", ["hann", "blackman", None, np.hanning(9)])
def test_filters_begin_as_in_keras(keras, scaling, window):
    options = {"frame_length": 9, "scaling": scaling, "window": window, "periodic": True}
    x = arrays_for(SOUND)
    theirs, ours = keras.layers.STFTSpectrogram(**options), layers.STFTSpectrogram(**options)
    theirs.build(x.shape)
    ours.declare(x)
    close(ours.get_weights(), [jnp.asarray(w) for w in theirs.get_weights()], tol=2e-5)


@pytest.mark.parametrize("name", ["MelSpectrogram", "STFTSpectrogram"])
def test_arguments_and_defaults_are_those_of_keras(keras, name):
    check_signature(keras, name)
