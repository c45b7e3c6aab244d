"""`strategy.run` as training loops use it, and how it compiles."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from tests.distributed.on_two_replicas import TWO, lists, network, of, traced

D = nn.distributed
ONE, EIGHT = (D.MirroredStrategy([f"cpu:{i}" for i in range(n)]) for n in (1, 8))
STRATEGIES = [ONE, TWO, EIGHT]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 6)).astype("float32")
Y = RNG.normal(size=(48, 1)).astype("float32")


# A training loop ---------------------------------------------------------------------------------


def squares(model, params, state, x, y):
    """The sum of squared errors, over the rows of the global batch; the new state."""
    found, state = model.apply(params, state, x, training=True)
    return jnp.sum((found - y) ** 2) / len(X), state


def assert_close(found, expected, tolerance=1e-6):
    """Equal but for the order of sums: relative to the largest number of the tree."""
    largest = max(np.abs(b).max() for b in jax.tree.leaves(expected))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradients_are_those_of_one_device(strategy):
    """Sums over replicas are neither missing nor doubled: nothing but SGD would show it."""
    model, params, state = network()

    def step(params, rows):
        value, grads = jax.value_and_grad(lambda p: squares(model, p, state, *rows)[0])(params)
        grads = D.get_replica_context().all_reduce("SUM", grads)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), value, grads

    dataset = nn.data.Dataset.from_tensor_slices((X, Y)).batch(48)
    now = params
    for _ in range(2):
        for rows in strategy.experimental_distribute_dataset(dataset):
            expected, grads = jax.value_and_grad(lambda p: squares(model, p, state, X, Y)[0])(
                params
            )
            params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
            now, value, summed = strategy.run(step, args=(now, rows))
            np.testing.assert_allclose(
                float(strategy.reduce("SUM", value, axis=None)), expected, rtol=1e-6
            )
            for own in strategy.experimental_local_results(summed):
                assert_close(own, grads)
    copies = strategy.experimental_local_results(now)
    assert len(copies) == strategy.num_replicas_in_sync
    for own in copies:
        assert_close(own, params)


def test_a_mean_of_means():
    model, params, state = network()

    def gradient(params, x, y):
        def loss(params):
            found, _ = model.apply(params, state, x, training=True)
            return jnp.mean((found - y) ** 2)

        return D.get_replica_context().all_reduce("MEAN", jax.grad(loss)(params))

    (rows,) = TWO.experimental_distribute_dataset(
        nn.data.Dataset.from_tensor_slices((X, Y)).batch(48)
    )
    found = TWO.experimental_local_results(TWO.run(gradient, args=(params, *rows)))
    assert_close(found[1], nn.distributed.get_strategy().run(gradient, args=(params, X, Y)))


@pytest.mark.parametrize("synchronized", [False, True])
def test_batch_normalization(synchronized):
    """Each replica has the statistics of its own rows, unless they are to be synchronised."""
    layer = nn.layers.BatchNormalization(momentum=0.0, synchronized=synchronized)
    params, state = layer.init(jax.random.key(0), X)
    parts = [X[:24], X[24:]]

    def step(params, state, x):
        def loss(params):
            y, new = layer.apply(params, state, x, training=True)
            return jnp.sum(jnp.sin(y)), (y, new)

        grads, (y, new) = jax.grad(loss, has_aux=True)(params)
        return y, new, D.get_replica_context().all_reduce("SUM", grads)

    y, new, grads = TWO.run(step, args=(params, state, of(*parts)))
    means = [np.asarray(one["moving_mean"]) for one in TWO.experimental_local_results(new)]
    variances = [np.asarray(one["moving_variance"]) for one in TWO.experimental_local_results(new)]
    for index, part in enumerate(parts):
        rows = X if synchronized else part
        np.testing.assert_allclose(means[index], rows.mean(0), atol=1e-6)
        np.testing.assert_allclose(variances[index], rows.var(0), rtol=1e-5)
        normalised = (part - rows.mean(0)) / np.sqrt(rows.var(0) + 1e-3)
        np.testing.assert_allclose(y.values[index], normalised, atol=1e-5)
    if synchronized:
        expected = jax.grad(lambda p: jnp.sum(jnp.sin(layer.apply(p, state, X, training=True)[0])))(
            params
        )
        assert_close(TWO.experimental_local_results(grads)[1], expected, 1e-5)


def test_synchronized_statistics_have_the_gradient_of_the_whole_batch():
    layer = nn.layers.BatchNormalization(synchronized=True)
    params, state = layer.init(jax.random.key(0), X)

    def gradient(x):
        def loss(x):
            return jnp.sum(jnp.sin(2 * layer.apply(params, state, x, training=True)[0]))

        return jax.grad(loss)(x)

    found = TWO.gather(TWO.run(gradient, args=(of(X[:24], X[24:]),)), axis=0)
    np.testing.assert_allclose(found, gradient(X), atol=1e-5)


def test_a_model_that_was_trained_is_called_on_all_replicas():
    with TWO.scope():
        model, _, _ = network()
        model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=48, verbose=0)
    called, calls = traced(lambda x: model(x) + model.layers[1].bias[None])
    for epochs in (1, 1, 0):  # its weights are those of now, not of when it was compiled
        model.fit(X, Y, batch_size=48, verbose=0, epochs=epochs)
        result = TWO.run(called, args=(of(X[:24], X[24:]),))
        expected = model(X) + model.layers[1].bias[None]
        np.testing.assert_allclose(TWO.gather(result, axis=0), expected, atol=1e-6)
    model.layers[1].bias = jnp.full(1, 5.0)
    result = TWO.run(called, args=(of(X[:24], X[24:]),))
    np.testing.assert_allclose(TWO.gather(result, axis=0), model(X) + 5, atol=1e-6)
    uneven = TWO.run(model, args=(of(X[:3], X[3:5]),))
    np.testing.assert_allclose(TWO.gather(uneven, axis=0), model(X[:5]), atol=1e-6)
    before = len(calls)
    TWO.run(called, args=(of(X[:24], X[24:]),))
    assert len(calls) == before
    params, state = model.variables
    pure = TWO.run(lambda p, x: model.apply(p, state, x)[0], args=(params, of(X[:24], X[24:])))
    np.testing.assert_allclose(TWO.gather(pure, axis=0), model(X), atol=1e-6)


# Compilation -------------------------------------------------------------------------------------


def test_one_trace_for_each_kind_of_arguments():
    double, calls = traced(lambda x, by=2: x * by)
    for start in range(3):
        assert lists(TWO.run(double, args=(of(start, 1),))) == [2 * start, 2]
    assert len(calls) == 1
    TWO.run(double, args=(of([1.0], [2.0]),))
    TWO.run(double, args=(jnp.ones(1),))
    assert len(calls) == 3
    assert lists(TWO.run(double, args=(of(1, 1),), kwargs={"by": 3})) == [3, 3]
    assert len(calls) == 4
    assert lists(STRATEGIES[0].run(double, args=(jnp.ones(()),)), STRATEGIES[0]) == [2]
    assert len(calls) == 5


def test_constants_that_are_equal_are_not_the_same():
    """1 and True and 1.0, 0.0 and -0.0: each has its own result."""
    told, _ = traced(repr)
    for value in (1, True, 1.0, 0.0, -0.0, (1, 2), [1, 2], "a", None, 2j):
        assert TWO.run(told, args=(value,)) == repr(value)


def test_constants_may_depend_on_shapes():
    size, calls = traced(lambda x: (x.shape[0], x.sum()))
    for count in (1, 2, 1, 2):
        assert TWO.run(size, args=(jnp.ones(count),))[0] == count
    assert len(calls) == 2


def test_what_cannot_be_hashed_is_refused():
    with pytest.raises(ValueError, match="cannot be hashed"):
        TWO.run(lambda x: 1, args=({1, 2},))
    with pytest.raises(ValueError, match="expected a function"):
        TWO.run(None)


def test_programs_live_as_long_as_their_functions():
    class Trainer:
        def __init__(self, factor):
            self.factor = factor

        def step(self, x):
            return x * self.factor

        def __eq__(self, other):
            return True

        __hash__ = None

    strategy = D.MirroredStrategy(["cpu:0", "cpu:1"])
    programs = strategy.replica_run._programs
    first, second = Trainer(2.0), Trainer(3.0)
    for trainer in (first, second, first):
        found = lists(strategy.run(trainer.step, args=(jnp.ones(()),)))
        assert found == [trainer.factor] * 2
    made = strategy.run(functools.partial(jnp.add, 1.0), args=(jnp.ones(()),))
    assert lists(made) == [2, 2]
    assert lists(strategy.run(jax.jit(lambda x: x + 1), args=(jnp.ones(()),))) == [2, 2]
    assert len(programs) == 2
    del trainer, first, second
    assert len(programs) == 0


def test_within_jit():
    """A step that runs, reduces and updates may be one program."""

    @jax.jit
    def step(weight, rows):
        sums = TWO.run(lambda w, x: jnp.sum(w * x), args=(weight, rows))
        return weight - TWO.reduce("SUM", sums, axis=None), sums

    weight, sums = step(jnp.full((), 2.0), of([1.0, 2.0], [3.0, 4.0]))
    assert float(weight) == 2 - 20
    assert lists(sums) == [6, 14]


def test_results_of_jit_may_lie_anywhere():
    anywhere = jax.jit(lambda value: jax.tree.map(lambda a: a + 1, value))
    replicated = D.PerReplica.of_array(jnp.arange(2.0))
    for value in (anywhere(of(0.0, 1.0)), anywhere(replicated)):
        assert lists(value) == [1, 2]
        assert float(TWO.reduce("SUM", value, axis=None)) == 3
        assert lists(TWO.run(lambda x: x + 1, args=(value,))) == [2, 3]
    wrong = D.PerReplica.of_array(jax.device_put(jnp.ones(4), TWO.replicas.by_replica))
    with pytest.raises(ValueError, match="each of 2 replicas, got 4"):
        TWO.run(lambda x: x, args=(wrong,))


def test_a_mesh_with_another_axis():
    """Replicas are of two devices each, which a function may use by the name of their axis."""
    devices = np.array(jax.devices()[:4]).reshape(2, 2)
    strategy = D.Strategy(jax.sharding.Mesh(devices, ("model", "replica")))
    values = strategy.experimental_distribute_values_from_function(
        lambda context: np.full(2, context.replica_id_in_sync_group, "float32")
    )

    def step(x):
        total = D.get_replica_context().all_reduce("SUM", x)
        return total, jax.lax.psum(x, "model")

    total, doubled = strategy.run(step, args=(values,))
    assert (lists(total, strategy), lists(doubled, strategy)) == ([[1, 1]] * 2, [[0, 0], [2, 2]])
    assert strategy.gather(values, axis=0).tolist() == [0, 0, 1, 1]
    ragged = D.PerReplica([np.ones(2, "float32"), np.ones(1, "float32")])
    assert lists(strategy.run(lambda x: x.sum(), args=(ragged,)), strategy) == [2, 1]
    assert float(strategy.reduce("MEAN", ragged, axis=0)) == 1


def test_keys_and_numpy_values():
    keys = TWO.experimental_distribute_values_from_function(
        lambda context: jax.random.key(context.replica_id_in_sync_group)
    )
    drawn = TWO.run(jax.random.uniform, args=(keys,))
    assert lists(drawn) == [float(jax.random.uniform(jax.random.key(i))) for i in range(2)]
    numbers = D.PerReplica([np.float64(1.5), np.float64(2.5)])
    assert lists(TWO.run(lambda x: 2 * x, args=(numbers,))) == [3, 5]
    assert lists(TWO.run(lambda x: np.full(1, 2.0), args=(1,))) == [[2], [2]]
    assert repr(D.PerReplica([1, 2])) == "PerReplica({0: 1, 1: 2})"


def test_integers_that_do_not_fit_are_refused():
    """JAX would cut them off."""
    big, one = np.array([2**40]), D.MirroredStrategy(["cpu:0"])
    both = TWO.experimental_distribute_values_from_function
    for given in (
        lambda: TWO.run(lambda x: x, args=(big,)),
        lambda: one.run(lambda x: x, args=(big,)),
        lambda: both(lambda _: big),
        lambda: TWO.run(lambda x: x, args=(D.PerReplica([big, big[:0]]),)),
    ):
        with pytest.raises(ValueError, match="32 bits"):
            given()
    assert lists(TWO.run(lambda x: x, args=(np.array([7]),))) == [[7], [7]]


@pytest.mark.parametrize("use", [np.asarray, np.mean, jnp.asarray, jnp.sum])
def test_values_of_replicas_are_no_array(use):
    with pytest.raises(TypeError):
        use(of(1.0, 2.0))
