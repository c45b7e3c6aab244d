"""Every network has the layers, weights and outputs that it has in Keras.

What Keras has is in expected.json, which make_expected.py writes: to make all of them there takes
several minutes.
"""

import inspect
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from nnlib import applications
from tests.applications.described import (
    NETWORKS,
    RUN,
    description,
    fill,
    image_of,
    key_of,
    made,
    rows_of,
)

EXPECTED = json.loads(Path(__file__).with_name("expected.json").read_text())
FUNCTIONS = sorted({title for title, _ in NETWORKS})


@pytest.mark.parametrize(("title", "arguments"), NETWORKS, ids=str)
def test_layers_and_weights(title, arguments):
    model = made(applications, title, arguments)
    assert description(model) == EXPECTED["layers"][key_of(title, arguments)]


def outputs_of(model, x):
    params, state = model.variables
    return np.asarray(jax.jit(lambda *given: model.apply(*given)[0])(params, state, x))


@pytest.mark.parametrize(("title", "arguments", "size"), RUN, ids=str)
def test_outputs(title, arguments, size):
    model = made(applications, title, arguments, size)
    fill(model)
    want = np.asarray(EXPECTED["outputs"][key_of(title, arguments, size)])
    got = outputs_of(model, image_of(size))[:, :10]
    assert np.std(want) > 1e-3, "outputs that could tell a difference"
    np.testing.assert_allclose(got, want, atol=1e-4 * max(1.0, np.abs(want).max()), rtol=0)


@pytest.mark.parametrize("include_top", [True, False])
def test_side_by_side(keras, include_top):
    """The same list of layers, and the same outputs and weights, without a file in between."""
    keras.backend.clear_session()
    arguments = {"alpha": 0.25, "classes": 10, "include_top": include_top}
    theirs = made(keras.applications, "MobileNet", arguments, 32)
    ours = made(applications, "MobileNet", arguments, 32)
    assert rows_of(ours) == rows_of(theirs)
    fill(theirs, ours)
    for got, want in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(got, want)
    x = image_of(32)
    want = theirs.predict(x, verbose=0)
    np.testing.assert_allclose(outputs_of(ours, x), want, atol=1e-4)


@pytest.mark.parametrize("title", FUNCTIONS)
def test_signature(keras, title):
    theirs = inspect.signature(getattr(keras.applications, title)).parameters
    ours = inspect.signature(getattr(applications, title)).parameters
    assert list(ours) == list(theirs)
    assert {n: p.default for n, p in ours.items()} == {n: p.default for n, p in theirs.items()}
    assert "Args:" in getattr(applications, title).__doc__


def test_modules_have_what_keras_has(keras):
    for name in applications.__all__:
        theirs, ours = getattr(keras.applications, name), getattr(applications, name)
        if inspect.ismodule(theirs):
            public = [inner for inner in dir(theirs) if not inner.startswith("_")]
            assert not [inner for inner in public if not hasattr(ours, inner)], name
