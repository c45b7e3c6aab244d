"""Models whose attention layers cut sequences over devices, against the same on one device."""

import jax
import numpy as np
import pytest

import nnlib as nn

RNG = np.random.default_rng(0)
TOKENS, NEXT = (RNG.integers(0, 11, (4, 16)).astype("int32") for _ in range(2))
TOKENS[:, 12:] = 0  # no token
MESH = {"data": 2, "sequence": 4}


def network(length=16, **options):
    inputs = nn.Input((length,), dtype="int32")
    x = nn.layers.Embedding(11, 8, mask_zero=True)(inputs)
    x = nn.layers.GroupQueryAttention(4, 4, 2, use_gate=True, **options)(x, x, use_causal_mask=True)
    model = nn.Model(inputs, nn.layers.Dense(11)(x))
    loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(nn.optimizers.SGD(1.0), loss)
    return model


def test_training_gives_the_numbers_of_one_device():
    """Masked steps included, which the loss does not leave out."""
    one = network()
    start = one.get_weights()
    with nn.distributed.ShardedStrategy(MESH, sequence="sequence").scope():
        cut = network()
    cut.set_weights(start)
    losses = [
        model.fit(TOKENS, NEXT, batch_size=4, verbose=0).history["loss"] for model in (one, cut)
    ]
    np.testing.assert_allclose(*losses, rtol=1e-6)
    for before, a, b in zip(start, one.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_allclose(b - before, a - before, rtol=0, atol=1e-6)


def test_a_model_without_attention_is_warned_of():
    with nn.distributed.ShardedStrategy(MESH, sequence="sequence").scope():
        model = nn.Sequential([nn.Input((8, 2)), nn.layers.GRU(3)])
        model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="the 4 devices of that axis repeat work"):
        model.predict(np.ones((4, 8, 2), "float32"), verbose=0)
    with nn.distributed.ShardedStrategy({"data": 8, "sequence": 1}, sequence="sequence").scope():
        one = nn.Sequential([nn.Input((8, 2)), nn.layers.GRU(3)])
        one.compile("sgd", "mse")
    one.predict(np.ones((8, 8, 2), "float32"), verbose=0)  # nothing is repeated


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_queries_that_see_no_key_get_what_one_device_gives_them(dropout):
    """Nothing where the layer has dropout, as in Keras; masks may be integers."""
    x = RNG.normal(size=(4, 8, 4)).astype("float32")
    known = (np.arange(8) % 8 >= np.array([[0], [3], [8], [2]])).astype("int32")
    known[3, 6:] = 0
    layer = nn.layers.MultiHeadAttention(2, 3, dropout=dropout)
    params, state = layer.init(jax.random.key(0), x, x)

    def call(x, known):
        options = {"query_mask": known, "value_mask": known, "use_causal_mask": True}
        return layer.apply(params, state, x, x, **options)[0]

    one = call(x, known)
    strategy = nn.distributed.ShardedStrategy(MESH, sequence="sequence")
    with strategy.placement_of(layer).step():
        ring = jax.jit(call)(x, known)
    np.testing.assert_allclose(ring, one, atol=1e-6)
    assert np.any(one[2]) == (not dropout)


def test_devices_have_parts_of_the_sequence():
    """Parts of keys and values go round, and activations take a part of the memory."""
    batch, memory = (np.ones((2, 512), "int32"), np.ones((2, 512), "int32")), []
    for options in ({}, {"sequence": "sequence"}):
        strategy = nn.distributed.ShardedStrategy(MESH, **options)
        found = nn.distributed.plan(network(512), strategy, batch, verbose=False)
        memory.append(found.memory.temporary)
        moved = {one.bytes for one in found.collectives if one.kind == "collective-permute"}
        assert ({128 * 2 * 4 * 4, 128} <= moved) == bool(options)  # values, and their mask
        assert strategy.on_mesh(strategy.mesh).sequence == strategy.sequence
    assert memory[1] < 0.3 * memory[0]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"dropout": 0.1}, "got dropout=0.1 in training. Leave"),
        ({"sliding_window": 3}, "got sliding_window=3. Leave"),
        ({"sliding_window": 3, "dropout": 0.1}, "got dropout=0.1 in training, sliding_window=3"),
        ({"length": 18}, "4 devices divide"),
    ],
)
def test_what_layers_refuse(options, match):
    strategy = nn.distributed.ShardedStrategy(MESH, sequence="sequence")
    length = options.get("length", 16)
    with pytest.raises(ValueError, match=match):
        nn.distributed.plan(
            network(**options), strategy, (TOKENS[:, :1].repeat(length, 1),) * 2, verbose=False
        )


@pytest.mark.parametrize(
    ("axis", "match"), [("data", "another axis"), ("sequences", "Did you mean 'sequence'")]
)
def test_axes_that_are_refused(axis, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.ShardedStrategy(MESH, sequence=axis)
