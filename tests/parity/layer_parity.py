"""Comparison of one layer with the installed Keras: outputs, gradients, state, signature."""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from nnlib import layers


def row_id(row):
    name, arguments, _ = row
    return "-".join([name, *(f"{k}={v}" for k, v in arguments.items())])


def call_id(value):
    return row_id(value) if isinstance(value, tuple) else f"training={value}"


def arrays_for(shape, seed=0):
    generator = np.random.default_rng(seed)
    draw = lambda s: jnp.asarray(generator.normal(size=s), "float32")  # noqa: E731
    return [draw(s) for s in shape] if isinstance(shape, list) else draw(shape)


def pair_of(keras, name, arguments, x):
    """Both layers, built on x, with the same random weights."""
    theirs = getattr(keras.layers, name)(**arguments)
    ours = getattr(layers, name)(**arguments)
    shape = [a.shape for a in x] if isinstance(x, list) else x.shape
    theirs.build(shape)
    ours.declare(x)
    generator = np.random.default_rng(1)
    weights = [generator.uniform(0.2, 1.0, size=w.shape) * 0.7 for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return theirs, ours


def weighted_sum(out):
    generator = np.random.default_rng(2)
    return sum(jnp.sum(y * generator.normal(size=y.shape)) for y in jax.tree.leaves(out))


def in_order(layer, params):
    """The leaves of a params tree, in the order of get_weights."""
    return [params[name] for name, weight in layer.own_weights.items() if weight.trainable]


def close(first, second, tol=1e-5):
    first, second = jax.tree.leaves(first), jax.tree.leaves(second)
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def check_row(keras, row, training):
    """Outputs, gradients and new state for `(class, arguments, input shape or list of shapes)`."""
    name, arguments, shape = row
    x = arrays_for(shape)
    theirs, ours = pair_of(keras, name, arguments, x)
    trained = [v.value for v in theirs.trainable_variables]
    untrained = [v.value for v in theirs.non_trainable_variables]
    flag = {"training": True} if training else {}

    def keras_loss(trained, x):
        out, state = theirs.stateless_call(trained, untrained, x, **flag)
        return weighted_sum(out), (out, state)

    def our_loss(params, x):
        out, state = ours.apply(params, ours.variables[1], x, training=training)
        return weighted_sum(out), (out, state)

    keras_gradient = jax.jit(jax.grad(keras_loss, (0, 1), has_aux=True))
    want_grads, (want, want_state) = keras_gradient(trained, x)
    with jax.numpy_rank_promotion("raise"):
        gradient = jax.jit(jax.grad(our_loss, (0, 1), has_aux=True))
        (params, dx), (got, state) = gradient(ours.variables[0], x)
    close(got, want)
    close(dx, want_grads[1])
    # Sums over images reach some hundreds, of which float32 holds seven digits.
    for a, b in zip(in_order(ours, params), want_grads[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, float(jnp.abs(b).max())))
    keras_state = [s for s in want_state if jnp.issubdtype(s.dtype, jnp.floating)]
    names = [n for n, w in ours.own_weights.items() if not w.trainable]
    close([state[n] for n in names], keras_state)


def parameters_of(cls):
    skip = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(cls.__init__).parameters
    common = ("self", "name", "dtype")
    return {n: p for n, p in parameters.items() if p.kind not in skip and n not in common}


def check_signature(keras, name, not_yet: Any = (), ours_alone: Any = ()):
    """The arguments of a layer, their order and their defaults are those of Keras.

    `not_yet` are arguments of Keras that we lack, `ours_alone` those that Keras lacks.
    """
    theirs = parameters_of(getattr(keras.layers, name))
    ours = parameters_of(getattr(layers, name))
    wanted = [n for n in theirs if n not in not_yet]
    assert [n for n in ours if n not in ours_alone and n in theirs] == wanted
    base = inspect.signature(layers.Layer.__init__).parameters
    assert set(ours) - set(theirs) <= set(ours_alone) | set(base)
    for argument in wanted:
        default, own = theirs[argument].default, ours[argument].default
        if default is inspect.Parameter.empty or name == "InputLayer":
            continue  # that we have a default where Keras has none hurts nobody
        same_for_every_axis = isinstance(default, tuple) and set(default) == {own}
        assert own == default or same_for_every_axis, argument
