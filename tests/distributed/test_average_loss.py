"""compute_average_loss and scale_regularization_loss: TensorFlow 2.21's answers, recorded."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn

D = nn.distributed
TWO = D.MirroredStrategy(["cpu:0", "cpu:1"])
FOUR_LOSSES = [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("losses", "options", "expected"),
    [
        (FOUR_LOSSES, {}, 2.5),
        (FOUR_LOSSES, {"global_batch_size": 10}, 1),
        (FOUR_LOSSES, {"global_batch_size": np.int32(8)}, 1.25),
        (FOUR_LOSSES, {"global_batch_size": 0}, 0),
        (FOUR_LOSSES, {"sample_weight": [1, 0, 1, 0]}, 1),
        (FOUR_LOSSES, {"sample_weight": [[1.0], [0.0], [1.0], [0.0]]}, 1),
        (FOUR_LOSSES, {"sample_weight": 2.0}, 5),
        ([[1.0, 2.0], [3.0, 4.0]], {}, 5),
        ([[1.0, 2.0], [3.0, 4.0]], {"sample_weight": [1.0, 0.0]}, 1.5),
        ([1, 2], {}, 1.5),
        ([], {}, 0),
        (np.array([1, 2], "float16"), {"sample_weight": [1.0, 0.5]}, 1),
        (np.full(2, 60000, "float16"), {"global_batch_size": 100000}, 1.2),
    ],
)
def test_average_losses(losses, options, expected):
    losses = jnp.asarray(losses)
    found = D.compute_average_loss(losses, **options)
    assert float(found) == pytest.approx(expected, rel=1e-3)
    assert found.dtype == (losses.dtype if losses.dtype != "int32" else "float32")


@pytest.mark.parametrize(
    ("losses", "options", "error"),
    [
        (3.0, {}, ValueError),
        (FOUR_LOSSES, {"global_batch_size": -1}, ValueError),
        (FOUR_LOSSES, {"global_batch_size": np.asarray(-3)}, ValueError),
        (FOUR_LOSSES, {"global_batch_size": jnp.asarray(-3)}, ValueError),
        (FOUR_LOSSES, {"global_batch_size": [8]}, ValueError),
        (FOUR_LOSSES, {"global_batch_size": 2.0}, TypeError),
        (FOUR_LOSSES, {"sample_weight": [1.0, 2.0]}, ValueError),
    ],
)
def test_what_average_losses_refuse(losses, options, error):
    with pytest.raises(error, match="compute_average_loss: expected"):
        D.compute_average_loss(losses, **options)


def test_penalties_are_shared_by_the_replicas():
    assert float(D.scale_regularization_loss([jnp.ones(()), jnp.full((), 2.0)])) == 3
    shares = TWO.run(lambda: D.scale_regularization_loss(jnp.array([1.0, 2.0])))
    assert [float(share) for share in shares.values] == [1.5, 1.5]


@pytest.mark.parametrize("size", [None, 4])
def test_the_sum_of_gradients_is_that_of_the_whole_batch(size):
    x, w = jnp.arange(4.0), jnp.full((), 3.0)

    def gradient(w, x):
        def loss(w):
            return D.compute_average_loss((w * x - 1) ** 2, global_batch_size=size)

        return D.get_replica_context().all_reduce("SUM", jax.grad(loss)(w))

    (rows,) = TWO.experimental_distribute_dataset(nn.data.Dataset.from_tensors(np.asarray(x)))
    found = TWO.run(gradient, args=(w, rows)).values
    expected = jax.grad(lambda w: ((w * x - 1) ** 2).mean())(w)
    np.testing.assert_allclose(found, [expected] * 2, rtol=1e-6)


def test_a_short_last_batch_needs_its_size():
    (rows,) = TWO.experimental_distribute_dataset(nn.data.Dataset.from_tensors(np.arange(3.0)))
    parts = TWO.run(lambda x: D.compute_average_loss(x, global_batch_size=3), args=(rows,))
    assert float(TWO.reduce("SUM", parts, axis=None)) == 1
    with pytest.raises(RuntimeError, match="expected global_batch_size"):
        TWO.run(D.compute_average_loss, args=(rows,))


def test_they_belong_into_run():
    with TWO.scope():
        for call in (D.compute_average_loss, D.scale_regularization_loss):
            with pytest.raises(RuntimeError, match="cross-replica context"):
                call([1.0])


def test_rows_that_differ_need_a_size():
    ragged = D.PerReplica([np.ones(2, "float32"), np.ones(1, "float32")])

    def step(x, size):
        D.get_replica_context().all_reduce("SUM", x.sum())
        return D.compute_average_loss(x, global_batch_size=size)

    with pytest.raises(RuntimeError, match="expected global_batch_size"):
        TWO.run(step, args=(ragged, None))
    losses = TWO.run(step, args=(ragged, 3))
    assert float(TWO.reduce("SUM", losses, axis=None)) == pytest.approx(1)
