"""Ctrl-C at any moment leaves a model with weights."""

import os
import signal
import sys
import threading
import weakref

import numpy as np
import pytest

import nnlib as nn
from nnlib import layers
from nnlib.training.interrupts import LostInterrupts

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


class Dropping(nn.callbacks.Callback):
    """Ctrl-C comes while a weak reference calls back, where no exception can be raised."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 3:
            thing = Dropping()
            reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del thing
            assert reference() is None


def test_an_interrupt_that_python_drops_is_raised_at_the_next_step():
    model = nn.Sequential([nn.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse", steps_per_execution=1)
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, X[:, 0, :3, 0], batch_size=4, verbose=0, callbacks=[Dropping()])
    assert model.trainer.position.batch == 5
    assert sys.unraisablehook is before


def test_a_fit_in_another_thread_leaves_the_hook_alone():
    before, seen = sys.unraisablehook, []

    def look():
        with LostInterrupts():
            seen.append(sys.unraisablehook)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [before]
    assert sys.unraisablehook is before


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
