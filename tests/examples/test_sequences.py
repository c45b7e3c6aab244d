"""Language model, time series and text classification reach what their baselines do not."""

import importlib.util
from pathlib import Path

import pytest

import nnlib as nn

SCRIPT = Path(__file__).parents[2] / "examples" / "sequences.py"


@pytest.fixture(scope="module")
def sequences():
    spec = importlib.util.spec_from_file_location("sequences", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_language_model_beats_word_counts(sequences):
    nn.utils.set_random_seed(0)
    found = sequences.language_model(epochs=20)
    assert found["loss"] < 0.75 * found["baseline"]
    assert found["text"].startswith("apache license version")


def test_a_price_is_told_from_the_days_before(sequences):
    nn.utils.set_random_seed(0)
    found = sequences.time_series(epochs=15)
    assert found["error"] < 0.3 * found["mean"]


def test_texts_are_told_apart(sequences):
    nn.utils.set_random_seed(0)
    assert sequences.texts(epochs=8)["accuracy"] > 0.85
