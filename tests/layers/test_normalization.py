"""Normalization and Discretization: statistics of data in any form, models, boundaries."""

import numpy as np
import pytest

from nnlib import Input, Sequential, errors, layers

DATA = np.random.default_rng(0).normal(3.0, 2.0, (50, 3, 2)).astype("float32")


@pytest.mark.parametrize("axis", [-1, None, (1, 2), 1])
@pytest.mark.parametrize("form", ["array", "batches", "cut"])
def test_statistics_are_those_of_all_the_data(axis, form):
    layer = layers.Normalization(axis)
    whole = form != "batches"
    data = DATA if whole else ((batch, None) for batch in np.split(DATA, [7, 30]))
    layer.adapt(data, batch_size=8 if form == "cut" else None)
    kept = [] if axis is None else np.atleast_1d(axis) % 3
    others = tuple(a for a in range(3) if a not in kept)
    want = (DATA - DATA.mean(others, keepdims=True)) / DATA.std(others, keepdims=True)
    np.testing.assert_allclose(layer(DATA), want, atol=1e-5)
    assert layer.trainable_weights == []


def test_a_model_normalises_and_its_statistics_may_change():
    layer = layers.Normalization()
    model = Sequential([Input((2,)), layer])
    layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
    assert model.predict(np.array([[0.0, 9.0]])).tolist() == [[-1.0, 1.0]]
    layer.adapt(np.array([[0.0, 9.0], [4.0, 9.0]]))
    assert model.predict(np.array([[0.0, 9.0]])).tolist() == [[-1.0, 0.0]]
    assert [weight.shape for weight in model.get_weights()] == [(2,), (2,), ()]


def test_frames_of_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 3], "b": [2.0, 6.0]})
    layer = layers.Normalization()
    layer.adapt(frame)
    np.testing.assert_allclose(layer(frame.to_numpy("float32")), [[-1, -1], [1, 1]])


def test_other_sizes_are_refused_by_adapt():
    layer = layers.Normalization()
    layer.adapt(np.ones((2, 3)))
    with pytest.raises(errors.ShapeError, match=r"size 3.*\(2, 4\)"):
        layer.adapt(np.ones((2, 4)))


# Discretization ----------------------------------------------------------------------------------


def test_boundaries_of_a_stream_are_near_the_quantiles():
    values = np.random.default_rng(1).normal(size=20_000)
    layer = layers.Discretization(num_bins=4, epsilon=0.001)
    layer.adapt(np.split(values, 20))
    want = np.quantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(layer.bin_boundaries, want, atol=0.02)
    bins = np.bincount(layer(values))
    np.testing.assert_allclose(bins, 5000, rtol=0.02)


def test_bins_are_those_of_sklearn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    values = np.random.default_rng(2).normal(size=(200, 1))
    other = preprocessing.KBinsDiscretizer(
        5, encode="onehot-dense", strategy="quantile", quantile_method="linear"
    ).fit(values)
    edges = other.bin_edges_[0][1:-1]
    layer = layers.Discretization(bin_boundaries=edges, output_mode="one_hot")
    np.testing.assert_array_equal(layer(values), other.transform(values))


def test_config_keeps_what_adapt_found():
    layer = layers.Discretization(num_bins=3)
    layer.adapt([1.0, 2.0, 3.0, 4.0])
    twin = layers.Discretization.from_config(layer.get_config())
    assert twin.bin_boundaries == layer.bin_boundaries
    twin.adapt([10.0, 20.0, 30.0])
    assert twin.bin_boundaries[0] == 10.0


def test_compiled_boundaries_stay():
    layer = layers.Discretization(num_bins=2)
    layer.adapt([1.0, 2.0, 3.0, 4.0])
    model = Sequential([Input((1,)), layer])
    assert model.predict(np.array([[0.0], [9.0]])).tolist() == [[0], [1]]
    with pytest.raises(errors.FrozenConfigError, match="compiled"):
        layer.adapt([5.0, 6.0])
