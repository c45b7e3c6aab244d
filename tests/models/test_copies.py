"""Copies and pickles of models: with weights, and so that training goes on as it would have."""

import copy
import pickle

import numpy as np
import pytest

import nnlib as nn

X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_goes_on_by_itself(copied):
    inputs = nn.Input((2,))
    hidden = nn.layers.BatchNormalization()(nn.layers.Dense(3)(inputs))
    model = nn.Model(inputs, hidden[:, :1])
    model.compile(nn.optimizers.Adam(0.1), "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    twin = copied(model)
    assert twin.optimizer is not model.optimizer
    before = model.get_weights()
    history = twin.fit(X, Y, verbose=0).history
    assert all(map(np.array_equal, model.get_weights(), before))
    assert model.fit(X, Y, verbose=0).history == history
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))


def test_a_model_without_weights_yet():
    model = nn.Sequential([nn.layers.Dense(3)])
    twin = pickle.loads(pickle.dumps(model))
    assert (twin(X).shape, model.built) == ((8, 3), False)
    model.compile("sgd", "mse")
    assert pickle.loads(pickle.dumps(model)).fit(X, X[:, :1], verbose=0).epoch == [0]
