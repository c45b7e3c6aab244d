"""FeatureSpace: sizes and values of Keras' tests, models made from it, files, refusals."""

import json

import numpy as np
import pytest

import nnlib as nn
from nnlib import errors
from nnlib.utils import FeatureSpace

FLOATS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
TABLE = {
    **dict.fromkeys(("float_1", "float_2", "float_3"), FLOATS),
    **{name: list(map(str, range(10))) for name in ("string_1", "string_2")},
    **{name: list(range(10)) for name in ("int_1", "int_2", "int_3")},
}
FEATURES = {
    "float_1": "float",
    "float_2": "float_normalized",
    "float_3": "float_discretized",
    "string_1": "string_categorical",
    "string_2": "string_hashed",
    "int_1": "integer_categorical",
    "int_2": "integer_hashed",
    "int_3": "integer_categorical",
}
CROSSES = [("float_3", "string_1"), ("string_2", "int_2")]


def row(index=0):
    return {name: column[index] for name, column in TABLE.items()}


def batches():
    return [({n: np.array(c[s : s + 4]) for n, c in TABLE.items()}, 0) for s in (0, 4, 8)]


@pytest.fixture
def space():
    made = FeatureSpace(FEATURES, crosses=CROSSES)
    made.adapt(TABLE)
    return made


def test_vectors_have_the_size_that_keras_gives(space):
    out = space(TABLE)
    assert out.shape == (10, 195)
    np.testing.assert_allclose(space(row(3)), out[3], rtol=1e-6)
    np.testing.assert_allclose(out[:, 0], FLOATS, rtol=1e-6)
    normal = (np.array(FLOATS) - 0.45) / np.std(FLOATS)
    np.testing.assert_allclose(out[:, 1], normal, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(out[:, 34:45].sum(1), np.ones(10))
    assert space.preprocessors["string_1"].get_vocabulary()[:3] == ["[UNK]", "9", "8"]
    assert space.crossers["float_3_X_string_1"].num_bins == 32


@pytest.mark.parametrize("data", [batches, lambda: iter(batches()), lambda: map(row, range(10))])
def test_adapt_takes_batches_and_rows(space, data):
    other = FeatureSpace(FEATURES, crosses=CROSSES)
    other.adapt(data())
    np.testing.assert_allclose(other(TABLE), space(TABLE), atol=1e-5)


def test_a_dict_of_features():
    kinds = FeatureSpace
    made = FeatureSpace(
        {
            "float_1": kinds.float_rescaled(2.0, 1.0),
            "float_3": kinds.float_discretized(None, [0.35, 0.65]),
            "string_1": kinds.string_categorical(output_mode="int", max_tokens=4),
            "int_2": kinds.integer_hashed(8, output_mode="int"),
        },
        "dict",
        [kinds.cross(("string_1", "int_2"), 16, "int"), ("string_1", "float_3")],
        crossing_dim=6,
    )
    made.adapt({name: TABLE[name] for name in made.features})
    out = made({name: TABLE[name] for name in made.features})
    shapes = {name: value.shape for name, value in out.items()}
    assert shapes == {
        "float_1": (10, 1), "float_3": (10, 3), "int_2": (10, 1), "string_1": (10, 1),
        "string_1_X_float_3": (10, 6), "string_1_X_int_2": (10, 1),
    }  # fmt: skip
    assert out["string_1"].ravel().tolist() == [0, 0, 0, 0, 0, 0, 0, 3, 2, 1]
    np.testing.assert_allclose(out["float_1"].ravel(), np.array(FLOATS) * 2 + 1, rtol=1e-6)
    assert made({name: TABLE[name][0] for name in made.features})["int_2"].shape == (1,)


def test_a_layer_of_your_own():
    text = nn.layers.TextVectorization(output_mode="tf_idf")
    made = FeatureSpace({"text": FeatureSpace.feature("string", text, "float")})
    data = {"text": ["1st string", "2nd string", "3rd string"]}
    made.adapt(data)
    np.testing.assert_allclose(made(data), text(data["text"]))


def test_a_model_on_raw_columns():
    names = ("float_2", "float_3", "string_1", "string_2")
    table = {name: np.array(TABLE[name]) for name in names}
    made = FeatureSpace({name: FEATURES[name] for name in names}, crosses=CROSSES[:1])
    made.adapt(table)
    dense = nn.layers.Dense(1)
    model = nn.Model(made.get_inputs(), dense(made.get_encoded_features()))
    model.compile("adam", "mse")
    model.fit(table, np.ones((10, 1)), batch_size=5, verbose=0)
    want = np.asarray(made(table)) @ np.asarray(dense.kernel) + np.asarray(dense.bias)
    np.testing.assert_allclose(model.predict(table), want, rtol=1e-4, atol=1e-5)


def test_saving(space, tmp_path):
    config = json.loads(json.dumps(space.get_config()))
    twin = FeatureSpace.from_config(config)
    with pytest.raises(errors.NotBuiltError, match="string_1"):
        twin(TABLE)
    space.save_assets(tmp_path)
    twin.load_assets(tmp_path)
    np.testing.assert_array_equal(twin(TABLE), space(TABLE))


@pytest.mark.parametrize(
    ("attempt", "error", "match"),
    [
        (lambda: FeatureSpace({}), errors.ArgumentError, "at least one"),
        (lambda: FeatureSpace({"a": "floats"}), errors.ArgumentError, "features.*floats"),
        (lambda: FeatureSpace({"a": "float"}, "list"), errors.ArgumentError, "output_mode"),
        (
            lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]),
            errors.ArgumentError,
            "unknown.*b",
        ),
        (
            lambda: FeatureSpace({"a": "float"}, crosses=["ab"]),
            errors.ArgumentError,
            "at least two",
        ),
        (lambda: FeatureSpace.feature("float32", "layer", "float"), errors.ArgumentError, "layer"),
        (lambda: FeatureSpace({"a": "float"})([1]), errors.ArgumentError, "dict of columns"),
        (lambda: FeatureSpace({"a": "float"})({"b": [1]}), errors.DataError, "columns a, got b"),
        (
            lambda: FeatureSpace({"a": "float_normalized"})({"a": [1]}),
            errors.NotBuiltError,
            "adapt",
        ),
        (
            lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, "int")})({"a": [1]}),
            errors.DTypeError,
            "concatenate.*a",
        ),
        (
            lambda: FeatureSpace(
                {"a": FeatureSpace.feature("int32", nn.layers.Identity(), "one_hot")}
            )({"a": [1]}),
            errors.ArgumentError,
            "Identity",
        ),
    ],
)
def test_it_is_refused(attempt, error, match):
    with pytest.raises(error, match=match):
        attempt()
