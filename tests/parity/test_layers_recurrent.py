"""The recurrent layers give Keras' numbers: outputs, states, gradients, names, defaults."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from nnlib import layers
from nnlib.core.tree import flatten
from tests.parity.layer_parity import check_signature, close, weighted_sum

# Leading, middle, trailing and all steps masked.
MASK = jnp.array([[0, 0, 1, 1], [1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
SEQUENCE = (4, 4, 3)
IMAGES = (2, 2, 4, 4, 2)
FULL = {"return_sequences": True, "return_state": True}


def random(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), "float32")


def states(count, units=3, rows=4):
    return {"initial_state": [random(rows, units, seed=number) for number in range(count)]}


def accumulator(la):
    """A cell whose output is not its state, and that says little of itself."""

    class Accumulator(la.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.state_size = 3

        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

        def call(self, inputs, states):
            total = states[0] + inputs * self.scale[None]
            return total * 2 + 1, [total]

    return Accumulator()


# (name, what makes the layer from either library's `layers`, arguments of the call, input shape)
ROWS = [
    ("SimpleRNN", lambda la: la.SimpleRNN(3, "relu", **FULL), {"mask": MASK}, SEQUENCE),
    (
        "SimpleRNN-backwards",
        lambda la: la.SimpleRNN(3, use_bias=False, go_backwards=True, unroll=True),
        states(1),
        SEQUENCE,
    ),
    ("GRU", lambda la: la.GRU(3, **FULL), {"mask": MASK} | states(1), SEQUENCE),
    (
        "GRU-before",
        lambda la: la.GRU(3, "relu", "hard_sigmoid", reset_after=False, go_backwards=True),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "GRU-no-bias",
        lambda la: la.GRU(3, use_bias=False, unroll=True, use_cudnn=False, return_sequences=True),
        {},
        SEQUENCE,
    ),
    (
        "LSTM",
        lambda la: la.LSTM(3, go_backwards=True, **FULL),
        {"mask": MASK} | states(2),
        SEQUENCE,
    ),
    (
        "LSTM-zero",
        lambda la: la.LSTM(3, zero_output_for_mask=True, unit_forget_bias=False),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "LSTM-unroll",
        lambda la: la.LSTM(3, "relu", None, use_bias=False, unroll=True),
        {"mask": MASK},
        SEQUENCE,
    ),
    ("RNN", lambda la: la.RNN(la.LSTMCell(3), **FULL), {"mask": MASK}, SEQUENCE),
    (
        "RNN-stacked",
        lambda la: la.RNN([la.LSTMCell(3), la.GRUCell(2)], go_backwards=True, **FULL),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "RNN-custom",
        lambda la: la.RNN(accumulator(la), return_state=True, go_backwards=True),
        states(1),
        SEQUENCE,
    ),
    (
        "RNN-custom-zero",
        lambda la: la.RNN([accumulator(la)], return_sequences=True, zero_output_for_mask=True),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "Bidirectional",
        lambda la: la.Bidirectional(la.LSTM(3, return_sequences=True)),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "Bidirectional-sum",
        lambda la: la.Bidirectional(la.GRU(3, return_state=True), "sum"),
        {"mask": MASK} | states(2),
        SEQUENCE,
    ),
    (
        "Bidirectional-mul",
        lambda la: la.Bidirectional(
            la.SimpleRNN(3), "mul", backward_layer=la.SimpleRNN(3, "relu", go_backwards=True)
        ),
        {},
        SEQUENCE,
    ),
    (
        "Bidirectional-ave",
        lambda la: la.Bidirectional(la.RNN(la.SimpleRNNCell(3)), merge_mode="ave"),
        {},
        SEQUENCE,
    ),
    (
        "Bidirectional-pair",
        lambda la: la.Bidirectional(la.SimpleRNN(3, **FULL), None),
        {"mask": MASK},
        SEQUENCE,
    ),
    (
        "TimeDistributed",
        lambda la: la.TimeDistributed(la.Conv1D(2, 2)),
        {},
        (2, 3, 4, 2),
    ),
    (
        "TimeDistributed-mask",
        lambda la: la.TimeDistributed(la.SimpleRNN(3)),
        {"mask": jnp.stack([MASK, MASK[::-1]])},
        (2, *SEQUENCE),
    ),
    (
        "TimeDistributed-training",
        lambda la: la.TimeDistributed(la.BatchNormalization(momentum=0.5)),
        {"training": True},
        SEQUENCE,
    ),
    (
        "ConvLSTM1D",
        lambda la: la.ConvLSTM1D(2, 2, dilation_rate=2, data_format="channels_first", **FULL),
        {"initial_state": [random(2, 2, 3, seed=n) for n in range(2)]},
        (2, 3, 2, 5),
    ),
    (
        # Keras broadcasts this mask wrongly unless it unrolls.
        "ConvLSTM2D",
        lambda la: la.ConvLSTM2D(2, 3, 2, "same", "channels_last", go_backwards=True, unroll=True),
        {"mask": jnp.array([[0, 1], [1, 0]], bool)},
        IMAGES,
    ),
    (
        "ConvLSTM3D",
        lambda la: la.ConvLSTM3D(
            1, (1, 2, 2), use_bias=False, recurrent_activation="hard_sigmoid", return_state=True
        ),
        {},
        (1, 2, 1, 3, 2, 1),
    ),
]
CELLS = ["SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells"]
NAMES = ["SimpleRNN", "GRU", "LSTM", "RNN", "Bidirectional", "TimeDistributed", *CELLS]
NAMES += ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


def same_weights(theirs, ours):
    """Random ones, for both layers."""
    generator = np.random.default_rng(1)
    assert [w.shape for w in theirs.get_weights()] == [w.shape for w in ours.get_weights()]
    weights = [generator.uniform(0.1, 0.8, size=w.shape) for w in theirs.get_weights()]
    theirs.set_weights(weights)
    ours.set_weights(weights)


def gradient(loss):
    return jax.jit(jax.grad(loss, (0, 1), has_aux=True))


@pytest.mark.parametrize(("make", "call", "shape"), [row[1:] for row in ROWS],
                         ids=[row[0] for row in ROWS])  # fmt: skip
def test_it_computes_what_keras_computes(keras, make, call, shape):
    x = random(*shape)
    theirs, ours = make(keras.layers), make(layers)
    theirs.build(shape)
    ours.declare(x)
    same_weights(theirs, ours)
    trained = [v.value for v in theirs.trainable_variables]
    untrained = [v.value for v in theirs.non_trainable_variables]

    def keras_loss(trained, x):
        out, state = theirs.stateless_call(trained, untrained, x, **call)
        return weighted_sum(out), (out, state)

    def our_loss(params, x):
        out, state = ours.apply(params, ours.variables[1], x, **call)
        return weighted_sum(out), (out, state)

    (want_params, want_dx), (want, want_state) = gradient(keras_loss)(trained, x)
    with jax.numpy_rank_promotion("raise"):
        (params, dx), (got, state) = gradient(our_loss)(ours.variables[0], x)
    close(got, want)
    close(dx, want_dx)
    flat = flatten(params)
    names = ["/".join((*p, n)) for p, _, n, w in ours.weight_specs() if w.trainable]
    for name, grad in zip(names, want_params, strict=True):
        np.testing.assert_allclose(flat[name], grad, rtol=2e-5, atol=2e-5, err_msg=name)
    floats = [s for s in want_state if jnp.issubdtype(s.dtype, jnp.floating)]
    close([state[p[0]][n] for p, _, n, w in ours.weight_specs() if not w.trainable], floats)


@pytest.mark.parametrize("name", CELLS)
def test_cells_step_as_keras_steps(keras, name):
    def make(la):
        kinds = [la.LSTMCell(3), la.SimpleRNNCell(2)]
        return la.StackedRNNCells(kinds) if name == "StackedRNNCells" else getattr(la, name)(3)

    theirs, ours = make(keras.layers), make(layers)
    begin = [[random(4, n, seed=n) for n in (3, 3)], [random(4, 2)]]
    if name != "StackedRNNCells":
        begin = [random(4, 3, seed=n) for n in range(2 if name == "LSTMCell" else 1)]
    theirs.build((4, 3))
    ours.declare(random(4, 3), begin)
    same_weights(theirs, ours)
    close(ours(random(4, 3), begin), theirs(random(4, 3), begin))
    assert (ours.state_size, ours.output_size) == (theirs.state_size, theirs.output_size)
    first = [list(map(np.shape, jax.tree.leaves(c.get_initial_state(5)))) for c in (theirs, ours)]
    assert first[0] == first[1]


def test_states_stay_as_in_keras(keras):
    theirs, ours = (la.LSTM(3, stateful=True, return_state=True) for la in (keras.layers, layers))
    x = random(*SEQUENCE)
    theirs.build(x.shape)
    ours.declare(x)
    same = theirs.get_weights()
    ours.set_weights([*same, *ours.get_weights()[3:]])
    for _ in range(2):
        close(ours(x), theirs(x))
    close(ours.states, [s.value for s in theirs.states])
    theirs.reset_state()
    ours.reset_state()
    close(ours(x), theirs(x))


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_those_of_keras(keras, name):
    check_signature(keras, name)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name not in (*CELLS, "TimeDistributed")]
)
def test_calls_take_what_keras_calls_take(keras, name):
    theirs, ours = (inspect.signature(getattr(la, name).call) for la in (keras.layers, layers))
    assert [n for n in theirs.parameters if n != "training"] == [
        n for n in ours.parameters if n != "training"
    ]
