"""Ctrl-C at any moment leaves a model with weights."""

import os
import signal
import threading

import numpy as np
import pytest

import nnlib as nn
from nnlib import layers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(64, 8, 8, 1)).astype("float32"), RNG.integers(0, 3, 64)


@pytest.fixture(autouse=True)
def _pythons_own_handler():
    """A suite that runs in the background of a shell is started with SIGINT ignored."""
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, old)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("convolves", [True, False])
def test_a_fit_may_be_interrupted_anywhere(convolves):
    first = layers.Conv2D(4, 3) if convolves else layers.Flatten()
    model = nn.Sequential([nn.Input((8, 8, 1)), first, layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", nn.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(X, Y, batch_size=4, verbose=0)
    before = model.get_weights()
    for attempt in range(8):
        delay = 0.05 + 0.013 * attempt
        timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=4, epochs=10**6, verbose=0)
        timer.join()
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert not np.array_equal(before[0], model.get_weights()[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_raised_at_the_end_of_the_block():
    done = []

    def block():
        with nn.training.interrupts.interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert done == [True]


def test_handlers_of_others_are_left_alone():
    seen = []
    old = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        with nn.training.interrupts.interrupts_deferred():
            os.kill(os.getpid(), signal.SIGINT)
            assert seen == [1]
    finally:
        signal.signal(signal.SIGINT, old)
