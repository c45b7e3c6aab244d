"""What tests of `strategy.run` on two replicas share."""

import functools

import jax.numpy as jnp
import numpy as np

import nnlib as nn

TWO = nn.distributed.MirroredStrategy(["cpu:0", "cpu:1"])


def of(*values):
    return TWO.experimental_distribute_values_from_function(
        lambda context: jnp.asarray(values[context.replica_id_in_sync_group])
    )


def lists(value, strategy=TWO):
    return [np.asarray(part).tolist() for part in strategy.experimental_local_results(value)]


def network(*layers):
    nn.utils.set_random_seed(3)
    made = nn.Sequential([nn.Input((6,)), nn.layers.Dense(8, "tanh"), *layers, nn.layers.Dense(1)])
    return made, *made.variables


def traced(function):
    """The function, and a list that grows whenever it is traced."""
    calls = []

    @functools.wraps(function)
    def counted(*args, **kwargs):
        calls.append(args)
        return function(*args, **kwargs)

    return counted, calls
