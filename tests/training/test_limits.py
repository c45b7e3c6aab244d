"""`nnlib.config.set_max_epochs` and `set_max_steps_per_epoch`: quick tries of long programs."""

import numpy as np

import nnlib as nn

X, Y = np.ones((12, 2), "float32"), np.ones((12, 1), "float32")


def test_limits_hold_for_fit_evaluate_and_predict():
    model = nn.Sequential([nn.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    nn.config.set_max_epochs(2)
    nn.config.set_max_steps_per_epoch(2)
    seen = []
    see = nn.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(("train", batch)),
        on_test_batch_end=lambda batch, logs: seen.append(("test", batch)),
    )
    options = {"batch_size": 4, "callbacks": see, "verbose": 0}
    history = model.fit(X, Y, epochs=5, validation_data=(X, Y), **options)
    assert history.epoch == [0, 1]
    assert seen == [("train", 0), ("train", 1), ("test", 0), ("test", 1)] * 2
    assert model.predict(X, batch_size=4).shape == (8, 1)
    seen.clear()
    model.fit(X[:4], Y[:4], epochs=1, **options)  # less than the limit is a whole epoch
    assert seen == [("train", 0)]
