"""Batches from iterables: the same training as from arrays, and what happens at their ends."""

import threading
import time

import jax
import numpy as np
import pytest

import nnlib as nn
from nnlib import errors

generator = np.random.default_rng(0)
X = generator.normal(size=(20, 3)).astype("float32")
Y = (X @ np.array([[1.0], [-2.0], [0.5]])).astype("float32")


def make(metrics=None, **options):
    nn.utils.set_random_seed(0)
    model = nn.Sequential([nn.layers.Dense(4, "tanh", input_shape=(3,)), nn.layers.Dense(1)])
    model.compile(nn.optimizers.SGD(0.1), "mse", metrics=metrics, **options)
    return model


def batches(size=4, repeat=1):
    for _ in range(repeat):
        for start in range(0, len(X), size):
            yield X[start : start + size], Y[start : start + size]


class Loader:
    """A data loader of another library: its batches are lists of arrays of its own kind."""

    class Tensor:
        def __init__(self, array):
            self.array = array
            self.shape, self.dtype = array.shape, f"other.{array.dtype}"

        def __array__(self, dtype=None, copy=None):
            return self.array

    def __init__(self, size=4):
        self.size = size

    def __len__(self):
        return len(range(0, len(X), self.size))

    def __iter__(self):
        return ([self.Tensor(x), self.Tensor(y)] for x, y in batches(self.size))


class Indexed:
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


def of_arrays(epochs, size=4, **options):
    model = make()
    history = model.fit(X, Y, size, epochs, shuffle=False, verbose=0, **options)
    return history.history["loss"], model.get_weights()


def same(first, second):
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


class Sequence(nn.utils.PyDataset):
    """Keras' own way to hand out batches, with worker threads."""

    def __init__(self, **options):
        super().__init__(**options)
        self.begun = self.ended = 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


SOURCES = {
    "loader": Loader,
    "indexed": Indexed,
    "dataset": lambda: nn.data.Dataset.from_tensor_slices((X, Y)).batch(4),
    "list of batches behind an iterator": lambda: _Again(batches),
}


class _Again:
    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return self.make()


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_trains_as_arrays_do(kind):
    model = make()
    history = model.fit(SOURCES[kind](), epochs=2, verbose=0)
    same((history.history["loss"], model.get_weights()), of_arrays(2))
    np.testing.assert_allclose(
        model.evaluate(SOURCES[kind](), verbose=0), model.evaluate(X, Y, 4, verbose=0), rtol=1e-6
    )
    np.testing.assert_allclose(model.predict(SOURCES[kind]()), model.predict(X), rtol=1e-5)


def test_a_py_dataset_trains_in_order_or_shuffled():
    sequence = Sequence(workers=2)
    model = make()
    history = model.fit(sequence, epochs=2, verbose=0, shuffle=False)
    same((history.history["loss"], model.get_weights()), of_arrays(2))
    assert (sequence.begun, sequence.ended) == (2, 2)
    shuffled = make()
    shuffled.fit(Sequence(), epochs=2, verbose=0)
    assert not np.allclose(shuffled.get_weights()[0], model.get_weights()[0], rtol=1e-4)


def test_a_resumed_fit_sees_the_orders_of_a_dataset(tmp_path):
    def data():
        return nn.data.Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=1).batch(4)

    whole, second = make(), make()
    whole.fit(data(), epochs=4, verbose=0)
    backup = nn.callbacks.BackupAndRestore(tmp_path / "run", delete_checkpoint=False)
    make().fit(data(), epochs=2, verbose=0, callbacks=backup)
    second.fit(data(), epochs=4, verbose=0, callbacks=backup)
    for a, b in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_short_last_batch_and_a_weight():
    weights = np.linspace(0.1, 2, len(X)).astype("float32")
    items = [(X[i : i + 6], Y[i : i + 6], weights[i : i + 6]) for i in range(0, len(X), 6)]
    model = make()
    history = model.fit(iter(items), verbose=0)
    same((history.history["loss"], model.get_weights()), of_arrays(1, 6, sample_weight=weights))


@pytest.mark.parametrize("group", [2, 3])
def test_steps_per_execution_changes_no_number(group):
    model = make(steps_per_execution=group)
    history = model.fit(Loader(), epochs=2, verbose=0)
    same((history.history["loss"], model.get_weights()), of_arrays(2))


def test_endless_generators_need_steps_and_lose_nothing():
    endless = batches(repeat=1000)
    model = make()
    model.fit(endless, steps_per_epoch=5, epochs=2, verbose=0)
    same(model.get_weights(), of_arrays(2)[1])
    np.testing.assert_array_equal(next(endless)[0], X[:4])  # nothing more was taken than needed


def test_steps_per_epoch_cuts_passes_apart():
    model = make()
    seen = []
    see = nn.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    model.fit(Loader(), steps_per_epoch=3, epochs=5, verbose=0, callbacks=see)  # 15 = 3 passes
    same(model.get_weights(), of_arrays(3)[1])
    assert seen == [0, 1, 2, 3, 4]
    arrays = make()
    arrays.fit(X, Y, 4, 5, steps_per_epoch=3, shuffle=False, verbose=0)
    same(arrays.get_weights(), model.get_weights())


def test_a_generator_that_ends_early_is_said():
    model = make()
    with pytest.warns(UserWarning, match="epoch 2 of 3.*come to its end"):
        history = model.fit(batches(), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="come to its end"):
        history = model.fit(batches(), steps_per_epoch=4, epochs=3, verbose=0)
    assert history.epoch == [0, 1]


def test_validation_data_steps_and_frequency():
    model = make()
    seen = []
    see = nn.callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))
    options = {"epochs": 4, "verbose": 0, "callbacks": see}
    history = model.fit(
        Loader(), validation_data=Loader(5), validation_steps=2, validation_freq=2, **options
    )
    assert len(history.history["val_loss"]) == 2
    assert seen == [0, 1, 0, 1]
    assert history.history["val_loss"][-1] == pytest.approx(
        model.evaluate(Loader(5), steps=2, verbose=0), rel=1e-5
    )
    history = model.fit(X, Y, validation_data=(X, Y), validation_freq=[1, 4], **options)
    assert len(history.history["val_loss"]) == 2
    assert model.predict(Loader(), steps=2).shape == (8, 1)


def test_class_weight_counts_in_every_batch():
    labels = (Y[:, 0] > 0).astype("int32")
    weights = {0: 0.5, 1: 3.0}

    def classifier():
        nn.utils.set_random_seed(0)
        model = nn.Sequential([nn.layers.Dense(2, "softmax", input_shape=(3,))])
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    items = [(X[i : i + 5], labels[i : i + 5]) for i in range(0, 20, 5)]
    stream, arrays = classifier(), classifier()
    arrays.set_weights(stream.get_weights())
    stream.fit(iter(items), class_weight=weights, verbose=0)
    arrays.fit(X, labels, 5, class_weight=weights, shuffle=False, verbose=0)
    same(stream.get_weights(), arrays.get_weights())


def test_what_does_not_belong_to_a_stream_is_refused():
    model = make()
    with pytest.raises(errors.ArgumentError, match=r"Loader alone.*y and batch_size"):
        model.fit(Loader(), Y, 4)
    with pytest.raises(errors.ArgumentError, match="arrays for validation_split"):
        model.fit(Loader(), validation_split=0.2)
    with pytest.raises(errors.DataError, match=r"at least one batch.*empty"):
        model.fit(iter([]))
    with pytest.raises(errors.DataError, match="tuple of 4"):
        model.fit(iter([(X, Y, Y, Y)]))
    with pytest.raises(errors.ArgumentError, match=r"steps_per_epoch.*0"):
        model.fit(Loader(), steps_per_epoch=0)
    with pytest.raises(errors.DataError, match="rows"):
        model.fit(iter([(X[:4], Y[:3])]))


def test_an_error_of_the_data_reaches_the_user_and_ends_the_thread():
    def broken():
        yield X[:4], Y[:4]
        raise RuntimeError("disk on fire")

    before = threading.active_count()
    model = make()
    with pytest.raises(RuntimeError, match="disk on fire"):
        model.fit(broken(), verbose=0)
    model.fit(Loader(), verbose=0)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_a_batch_is_ready_before_it_is_asked_for():
    taken = []

    def slow_to_use():
        for batch in batches(repeat=2):
            taken.append(len(taken))
            yield batch

    ahead = []

    def look(batch, logs):
        time.sleep(0.1)  # a step that lasts
        ahead.append(len(taken) - (batch + 1))

    see = nn.callbacks.LambdaCallback(on_train_batch_end=look)
    make().fit(slow_to_use(), verbose=0, callbacks=see)
    assert max(ahead) >= 2
    taken.clear()
    ahead.clear()
    make(run_eagerly=True).fit(slow_to_use(), verbose=0, callbacks=see)
    assert max(ahead) <= 1  # nothing runs beside a debugger


def test_a_resumed_fit_goes_on_in_the_middle_of_a_pass(tmp_path):
    whole = make()
    whole.fit(X, Y, 4, 3, steps_per_epoch=4, verbose=0)

    class Stop(nn.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.trainer.position.epoch == 1 and batch == 1:
                raise KeyboardInterrupt

    folder = tmp_path / "backup"
    first = make()
    backup = nn.callbacks.BackupAndRestore(folder, save_freq=1)
    with pytest.raises(KeyboardInterrupt):
        first.fit(X, Y, 4, 3, steps_per_epoch=4, verbose=0, callbacks=[backup, Stop()])
    second = make()
    backup = nn.callbacks.BackupAndRestore(folder, save_freq=1)
    second.fit(X, Y, 4, 3, steps_per_epoch=4, verbose=0, callbacks=backup)
    for a, b in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
