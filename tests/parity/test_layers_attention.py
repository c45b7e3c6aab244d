"""The numbers of Keras for attention: outputs, scores, gradients, weights, masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from tests.parity.layer_parity import (
    arrays_for,
    check_row,
    check_signature,
    close,
    pair_of,
    row_id,
    weighted_sum,
)

SEVERAL = [(2, 4, 3), (2, 5, 3)]
THREE = [(2, 4, 3), (2, 5, 2), (2, 5, 3)]
ROWS = [
    ("Attention", {}, SEVERAL),
    ("Attention", {"use_scale": True, "dropout": 0.5}, THREE),
    ("Attention", {"score_mode": "concat"}, THREE),
    ("Attention", {"score_mode": "concat", "use_scale": True}, SEVERAL),
    ("AdditiveAttention", {}, THREE),
    ("AdditiveAttention", {"use_scale": False}, SEVERAL),
]


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_outputs_and_gradients_of_one_head(keras, row):
    check_row(keras, row, training=False)


def masks(batch, *lengths, seed=4):
    """Random masks that leave the first step of each row."""
    generator = np.random.default_rng(seed)
    drawn = [generator.random((batch, length)) > 0.4 for length in lengths]
    for mask in drawn:
        mask[:, 0] = True
    return [jnp.asarray(mask) for mask in drawn]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_masks_and_scores_of_one_head(keras, name, causal):
    x = arrays_for(SEVERAL)
    theirs, ours = pair_of(keras, name, {"use_scale": True}, x)
    options = {"use_causal_mask": causal, "return_attention_scores": True}
    for mask in (None, masks(2, 4, 5), [None, masks(2, 5)[0]], [masks(2, 4)[0], None]):
        close(ours(x, mask=mask, **options), theirs(x, mask=mask, **options))
        close(ours.compute_mask(x, mask), theirs.compute_mask(x, mask))


def pair(keras, name, options, inputs):
    """Both layers, built, with the same random weights."""
    theirs, ours = getattr(keras.layers, name)(**options), getattr(layers, name)(**options)
    theirs(*inputs)
    ours.declare(*inputs)
    generator = np.random.default_rng(1)
    weights = [generator.normal(size=w.shape).astype("float32") for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


MHA, GQA = "MultiHeadAttention", "GroupQueryAttention"
HEADS, GROUPS = (
    {"num_heads": 2, "key_dim": 3},
    {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2},
)
PLAIN, CROSS = [(2, 4, 3), (2, 4, 3)], [(2, 4, 3), (2, 5, 6), (2, 5, 2)]
PROJECTED = [
    (MHA, HEADS | {"output_shape": (2, 3), "use_gate": True}, CROSS),
    (
        MHA,
        HEADS | {"value_dim": 2, "output_shape": 5, "use_bias": False, "sliding_window": 2,
                 "dropout": 0.5},
        CROSS,
    ),
    (MHA, HEADS | {"attention_axes": (2, 1)}, [(2, 3, 2, 4), (2, 5, 3, 4)]),
    (MHA, HEADS | {"attention_axes": -2}, [(2, 3, 4, 3), (2, 3, 5, 3)]),
    (GQA, GROUPS | {"use_gate": True, "sliding_window": 1, "use_bias": False}, PLAIN),
]  # fmt: skip


@pytest.mark.parametrize("row", PROJECTED, ids=row_id)
def test_outputs_and_gradients_of_many_heads(keras, row):
    name, options, shapes = row
    inputs = arrays_for(shapes)
    theirs, ours = pair(keras, name, options, inputs)
    trained = [v.value for v in theirs.trainable_variables]
    fixed = [v.value for v in theirs.non_trainable_variables]

    def wanted(trained, inputs):
        out, _ = theirs.stateless_call(trained, fixed, *inputs)
        return weighted_sum(out), out

    def found(params, inputs):
        out, _ = ours.apply(params, {}, *inputs)
        return weighted_sum(out), out

    want, want_out = jax.jit(jax.grad(wanted, (0, 1), has_aux=True))(trained, inputs)
    with jax.numpy_rank_promotion("raise"):
        compute = jax.jit(jax.grad(found, (0, 1), has_aux=True))
        (dparams, dinputs), out = compute(ours.variables[0], inputs)
    close(out, want_out)
    close(dinputs, want[1], tol=1e-4)
    paths = [(path[0], name) for path, _, name, _ in ours.weight_specs()]
    close([dparams[layer][name] for layer, name in paths], want[0], tol=1e-4)


@pytest.mark.parametrize(("name", "options"), [(MHA, HEADS), (GQA, GROUPS)])
def test_weights_have_the_names_of_keras(keras, name, options):
    theirs, ours = pair(keras, name, options | {"use_gate": True}, arrays_for(PLAIN))
    paths = ["/".join(w.path.split("/")[1:]) for w in theirs.weights if "seed" not in w.path]
    assert paths == ["/".join((*path, name)) for path, _, name, _ in ours.weight_specs()]


@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize(("name", "options"), [(MHA, HEADS), (GQA, GROUPS)])
def test_masks_of_many_heads(keras, name, options, scores):
    inputs = arrays_for([(2, 4, 3), (2, 5, 3)])
    theirs, ours = pair(keras, name, options, inputs)
    value_mask, key_mask = masks(2, 5, 5)
    free = jnp.asarray(np.random.default_rng(5).random((2, 4, 5)) > 0.3)
    several = [
        {"use_causal_mask": True},
        {"value_mask": value_mask},
        {"value_mask": value_mask, "key_mask": key_mask, "use_causal_mask": True},
        {"attention_mask": free.astype("int32"), "value_mask": value_mask},
        {"attention_mask": free[:, :1], "use_causal_mask": True},
    ]
    for given in several:
        flags = given | {"return_attention_scores": scores}
        close(ours(*inputs, **flags), theirs(*inputs, **flags))


def test_masks_that_travel_with_arrays(keras):
    ids = jnp.asarray([[1, 2, 0, 0], [3, 1, 2, 0]])
    tables = [kind.layers.Embedding(5, 3, mask_zero=True) for kind in (keras, _Ours)]
    theirs, ours = pair(keras, MHA, HEADS, arrays_for(PLAIN))
    tables[0](ids)
    tables[1](ids)
    tables[1].set_weights(tables[0].get_weights())
    theirs_x, ours_x = (table(ids) for table in tables)
    want, got = theirs(theirs_x, theirs_x), ours(ours_x, ours_x)
    close(got, want)
    close(layers.GlobalAveragePooling1D()(got), keras.layers.GlobalAveragePooling1D()(want))


class _Ours:
    layers = layers


def test_a_mask_of_queries_is_honoured():
    """Keras forgets a `query_mask` that is given by hand; here masked queries see nothing."""
    query, value = arrays_for([(1, 2, 3), (1, 4, 3)])
    layer = layers.MultiHeadAttention(2, 3)
    mask = jnp.asarray([[True, False]])
    _, scores = layer(query, value, query_mask=mask, return_attention_scores=True)
    assert bool((scores[:, :, 1] == 0).all())
    close(jnp.sum(scores[:, :, 0], -1), jnp.ones((1, 2)))


def test_inputs_by_name():
    query, value, key = arrays_for(CROSS)
    layer = layers.MultiHeadAttention(2, 3)
    out = layer(query=query, value=value, key=key)
    close(out, layer(query, value, key))
    close(out, layer(query, value, key=key))


@pytest.mark.parametrize(("name", "not_yet"), [
    ("Attention", ()), ("AdditiveAttention", ()), (MHA, ()), (GQA, ()),
])  # fmt: skip
def test_arguments_and_defaults_are_those_of_keras(keras, name, not_yet):
    check_signature(keras, name, not_yet)


def test_activity_is_penalised_at_each_projection(keras):
    inputs = arrays_for(PLAIN)
    theirs, ours = pair(keras, MHA, HEADS | {"activity_regularizer": "l2"}, inputs)
    theirs(*inputs)
    params, state = ours.variables
    close(ours.apply_full(params, state, *inputs).penalty, sum(theirs.losses))
