"""Recurrent networks at work: a language model, a time series, and texts of two kinds.

Run it with `python examples/sequences.py`; it takes about a minute. The data is real and comes with
what is installed: this project's license and changelog, and a stock price that matplotlib carries.
"""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import cbook

import nnlib as nn
from nnlib import layers

ROOT = Path(__file__).parents[1]
QUIET = {"verbose": 0}


def language_model(epochs: int = 30, window: int = 12) -> dict[str, Any]:
    """Predict the next word of the license from the words before it.

    Returns:
        "loss": the cross entropy in nats per word; "baseline": that of guessing by how often each
        word occurs; "text": what the model writes from the first words on.
    """
    words = layers.TextVectorization(standardize="lower_and_strip_punctuation")
    text = (ROOT / "LICENSE").read_text()
    words.adapt([text])
    ids = np.asarray(words([text]))[0]
    data = nn.utils.timeseries_dataset_from_array(
        ids[:-1], ids[window:], window, batch_size=32, shuffle=True, seed=0
    )
    size = words.vocabulary_size()
    model = nn.Sequential(
        [
            layers.Embedding(input_dim=size, output_dim=32, input_length=window),
            layers.LSTM(64, return_sequences=True),
            layers.LSTM(64),
            layers.Dense(size, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 5e-3
    history = model.fit(data, epochs=epochs, **QUIET)
    counts = np.bincount(ids)
    shares = counts[counts > 0] / len(ids)
    written = list(ids[:window])
    for _ in range(window):
        written.append(int(model.predict(np.array([written[-window:]]), **QUIET)[0].argmax()))
    names = words.get_vocabulary()
    return {
        "loss": history.history["loss"][-1],
        "baseline": float(-(shares * np.log(shares)).sum()),
        "text": " ".join(names[i] for i in written),
    }


def time_series(epochs: int = 40, window: int = 10) -> dict[str, float]:
    """Predict tomorrow's price of a stock from the last ten days.

    Returns:
        "error": the root mean square error on the last fifth, in units of the price's deviation;
        "mean": that of always saying the mean.
    """
    with cbook.get_sample_data("goog.npz") as file:
        prices = file["price_data"]["adj_close"]
    series = ((prices - prices.mean()) / prices.std()).astype("float32")
    windows = np.lib.stride_tricks.sliding_window_view(series, window + 1)
    x, y = windows[:, :window, None], windows[:, window]
    cut = len(x) * 4 // 5
    model = nn.Sequential(
        [layers.LSTM(50, activation="relu", input_shape=(window, 1)), layers.Dense(1)]
    )
    model.compile(optimizer="adam", loss="mse")
    stop = nn.callbacks.EarlyStopping(patience=8, restore_best_weights=True)
    model.fit(
        x[:cut], y[:cut], epochs=epochs, batch_size=32, validation_data=(x[cut:], y[cut:]),
        callbacks=stop, **QUIET,
    )  # fmt: skip
    return {
        "error": model.evaluate(x[cut:], y[cut:], **QUIET) ** 0.5,
        "mean": float(np.sqrt(np.mean((y[cut:] - y[:cut].mean()) ** 2))),
    }


def texts(epochs: int = 12, length: int = 20) -> dict[str, float]:
    """Tell whether a piece of text is from the license or from the architecture page.

    Texts of different lengths are padded; the mask keeps the padding out of the LSTM.

    Returns:
        "accuracy" on pieces that were held out.
    """
    sources = [(ROOT / "LICENSE").read_text(), (ROOT / "docs" / "architecture.md").read_text()]
    pieces, labels = [], []
    generator = np.random.default_rng(0)
    for label, source in enumerate(sources):
        tokens = source.split()
        starts = range(0, len(tokens) - length, 6)
        pieces += [" ".join(tokens[s : s + generator.integers(8, length + 1)]) for s in starts]
        labels += [label] * len(starts)
    order = generator.permutation(len(pieces))
    pieces, labels = np.array(pieces)[order], np.array(labels, "float32")[order]
    words = layers.TextVectorization(max_tokens=1000, output_sequence_length=length)
    words.adapt(pieces)
    model = nn.Sequential(
        [
            nn.Input((), dtype="string"),
            words,
            layers.Embedding(input_dim=1000, output_dim=16, mask_zero=True),
            layers.LSTM(16),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    cut = len(pieces) * 4 // 5
    model.fit(pieces[:cut], labels[:cut], epochs=epochs, **QUIET)
    return {"accuracy": model.evaluate(pieces[cut:], labels[cut:], **QUIET)[1]}


if __name__ == "__main__":
    nn.utils.set_random_seed(0)
    for function in (language_model, time_series, texts):
        print(f"{function.__name__}: {function()}")
