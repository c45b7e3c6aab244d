"""The loop of LSTM: what is inside, what is outside, and where it begins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import errors, layers


def run_jaxpr(layer, x, **kwargs):
    params, state = layer.init(jax.random.key(0), x)
    call = lambda x: layer.apply(params, state, x, rng=jax.random.key(0), **kwargs)[0]  # noqa: E731
    return jax.make_jaxpr(call)(x).jaxpr


def equations(jaxpr):
    """All equations, those of inner jaxprs included."""
    found = []
    for eqn in jaxpr.eqns:
        found.append(eqn)
        for value in eqn.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                found += equations(inner)
    return found


def primitives(jaxpr):
    return [eqn.primitive.name for eqn in equations(jaxpr)]


def scan_body(jaxpr):
    (scan,) = [eqn for eqn in equations(jaxpr) if eqn.primitive.name == "scan"]
    return primitives(scan.params["jaxpr"].jaxpr)


def test_inputs_are_projected_once_before_the_loop():
    jaxpr = run_jaxpr(layers.LSTM(3), jnp.ones((2, 7, 4)))
    assert primitives(jaxpr).count("dot_general") == 2
    assert scan_body(jaxpr).count("dot_general") == 1


def test_masks_are_drawn_outside_of_the_loop():
    layer = layers.LSTM(3, dropout=0.5, recurrent_dropout=0.5)
    jaxpr = run_jaxpr(layer, jnp.ones((2, 7, 4)), training=True)
    assert primitives(jaxpr).count("random_bits") == 2
    assert "random_bits" not in scan_body(jaxpr)


def test_input_dropout_is_the_same_in_all_steps():
    # With ones as input and no recurrence, equal masks give equal outputs of equal states.
    layer = layers.LSTM(
        3, activation=None, recurrent_activation=lambda x: jnp.zeros_like(x) + 1,
        dropout=0.5, return_sequences=True, recurrent_initializer="zeros", unit_forget_bias=False,
    )  # fmt: skip
    x = jnp.ones((4, 3, 5))
    params, state = layer.init(jax.random.key(0), x)
    y = layer.apply(params, state, x, training=True, rng=jax.random.key(3))[0]
    np.testing.assert_allclose(y[:, 1], 2 * y[:, 0], rtol=1e-5)
    np.testing.assert_allclose(y[:, 2], 3 * y[:, 0], rtol=1e-5)
    plain = layer.apply(params, state, x)[0]
    assert not np.allclose(y[:, 0], plain[:, 0])


def test_unrolled_equals_looped():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 4)), "float32")
    looped, unrolled = layers.LSTM(3), layers.LSTM(3, unroll=True)
    params, state = looped.init(jax.random.key(0), x)
    unrolled.declare(x)
    first, second = (layer.apply(params, state, x)[0] for layer in (looped, unrolled))
    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_state_goes_on_where_it_stopped():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 4)), "float32")
    layer = layers.LSTM(3, return_state=True)
    whole = layer(x)
    _, h, c = layer(x[:, :2])
    for part, full in zip(layer(x[:, 2:], initial_state=[h, c]), whole, strict=True):
        np.testing.assert_allclose(part, full, rtol=1e-5)


@pytest.mark.parametrize("shapes", [[(2, 3)], [(2, 3), (2, 4)], [(3, 3), (3, 3)], [(3,), (3,)]])
def test_wrong_initial_states_are_refused(shapes):
    with pytest.raises(errors.ShapeError, match=r"initial_state.*\[\(2, 3\), \(2, 3\)\]"):
        layers.LSTM(3)(jnp.ones((2, 5, 4)), initial_state=[jnp.ones(s) for s in shapes])


@pytest.mark.parametrize("forget", [True, False])
def test_the_forget_gate_begins_open(forget):
    layer = layers.LSTM(2, unit_forget_bias=forget)
    layer(jnp.ones((1, 2, 3)))
    want = [0, 0, 1, 1, 0, 0, 0, 0] if forget else [0] * 8
    np.testing.assert_array_equal(layer.bias, want)
