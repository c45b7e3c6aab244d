"""What two processes with two replicas each come to; run by test_replicas_of_processes.py."""

import sys

import jax
import numpy as np
import pytest
import state_of_two_processes
from jax.sharding import Mesh

import nnlib as nn

RANK, PORT = int(sys.argv[1]), sys.argv[2]
jax.config.update("jax_num_cpu_devices", 2)
jax.distributed.initialize(f"127.0.0.1:{PORT}", 2, RANK, initialization_timeout=60)

D = nn.distributed
strategy = D.Strategy(Mesh(np.array(jax.devices()), ("replica",)))
assert strategy.num_replicas_in_sync == 4
OWN = [2 * RANK, 2 * RANK + 1]


def lists(value):
    return [np.asarray(part).tolist() for part in strategy.experimental_local_results(value)]


def of(*values):
    return strategy.experimental_distribute_values_from_function(
        lambda context: np.asarray(values[context.replica_id_in_sync_group], "float32")
    )


def total(x):
    context = D.get_replica_context()
    return context.all_reduce("SUM", x), context.replica_id_in_sync_group


summed, number = strategy.run(total, args=(of(1, 2, 3, 4),))
assert (lists(summed), lists(number)) == ([10, 10], OWN)
assert float(strategy.reduce("MEAN", of(1, 2, 3, 6), axis=None)) == 3
assert lists(strategy.run(lambda x, y: x + y, args=(of(1, 2, 3, 4), np.float32(1)))) == [
    own + 2 for own in OWN
]

# Of different shapes: everywhere, and only between the processes.
for parts in (([0, 1, 2], [10], [], [4, 4]), ([1], [2], [3, 4], [5, 6])):
    ragged = of(*parts)
    joined = np.concatenate(parts)
    np.testing.assert_allclose(strategy.reduce("MEAN", ragged, axis=0), joined.mean(), rtol=1e-6)
    assert strategy.gather(ragged, axis=0).tolist() == joined.tolist()
    sums = strategy.run(lambda x: x.sum(), args=(ragged,))
    assert float(strategy.reduce("SUM", sums, axis=None)) == joined.sum()
    summed, number = strategy.run(lambda x: total(x.sum()), args=(ragged,))
    assert (lists(summed), lists(number)) == ([joined.sum()] * 2, OWN)
    everything = strategy.run(
        lambda x: nn.distributed.get_replica_context().all_gather(x, axis=0), args=(ragged,)
    )
    assert lists(everything) == [joined.tolist()] * 2
    with pytest.raises(ValueError, match="one shape"):
        strategy.reduce("SUM", ragged, axis=None)


def apart(x):
    context = D.get_replica_context()
    return context.all_reduce("SUM", x) if RANK else context.all_gather(x, axis=0)


with pytest.raises(RuntimeError, match="something else in another process"):
    strategy.run(apart, args=(of([1, 2], [2, 3], [3], [5]),))

# The global batches are the same everywhere; each process has the rows of its replicas.
dataset = strategy.experimental_distribute_dataset(nn.data.Dataset.range(14).batch(8))
found = [lists(element) for element in dataset]
whole = [[[0, 1], [2, 3], [4, 5], [6, 7]], [[8, 9], [10, 11], [12, 13], []]]
assert found == [[step[own] for own in OWN] for step in whole]
assert strategy.gather(next(iter(dataset)), axis=0).tolist() == list(range(8))


# Each process reads a dataset of its own; that of the first ends earlier.
def own_dataset(context):
    assert (context.num_input_pipelines, context.input_pipeline_id) == (2, RANK)
    size = context.get_per_replica_batch_size(8)
    return nn.data.Dataset.range(5 if RANK == 0 else 9).batch(size)


means = []
from_function = strategy.distribute_datasets_from_function(own_dataset)
for element in from_function:
    means.append(float(strategy.reduce("MEAN", element, axis=0)))
np.testing.assert_allclose(means, [1.5, (4 + 4 + 5 + 6 + 7) / 5, 8], rtol=1e-6)

# Training on what each process reads is training on all of it together.
ROWS = np.arange(26, dtype="float32").reshape(26, 1) / 26


def trained(strategy, data):
    nn.utils.set_random_seed(3)
    with strategy.scope():
        model = nn.Sequential([nn.Input((1,)), nn.layers.Dense(1)])
        model.compile(nn.optimizers.SGD(0.1), "mse")
    losses = model.fit(data, epochs=2, verbose=0).history["loss"]
    return [*losses, model.evaluate(data, verbose=0), *model.predict(data)[:, 0]]


def own_rows(context):
    size = context.get_per_replica_batch_size(8)
    picked = [row for row in range(26) if row // 4 % 2 == RANK]
    own = ROWS[picked]
    return nn.data.Dataset.from_tensor_slices((own, -own)).batch(size)


whole_dataset = nn.data.Dataset.from_tensor_slices((ROWS, -ROWS)).batch(8)
found = trained(strategy, strategy.distribute_datasets_from_function(own_rows))
expected = trained(D.MirroredStrategy([jax.local_devices()[0]]), whole_dataset)
np.testing.assert_allclose(found, expected, rtol=1e-5)

# Weights that are cut over both processes: the numbers are the same.
WIDE = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")


def wide(strategy, epochs=2, callbacks=None):
    nn.utils.set_random_seed(3)
    with strategy.scope():
        model = nn.Sequential([nn.Input((8,)), nn.layers.Dropout(0.2), nn.layers.Dense(8)])
        model.compile(nn.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(WIDE, -WIDE, batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks)
    return model


cut, alone = wide(D.ShardedStrategy()), wide(D.MirroredStrategy([jax.local_devices()[0]]))
assert not cut.layers[-1].kernel.is_fully_addressable
np.testing.assert_allclose(cut.get_weights()[0], alone.get_weights()[0], rtol=1e-5, atol=1e-7)
state_of_two_processes.check(wide, cut, RANK, sys.argv[3])
print("done", RANK)
