"""A frozen base, a new top, then fine-tuning, as the guide on transfer learning does it."""

import jax
import numpy as np
import pytest

import nnlib as nn
from nnlib.core.tree import flatten

SIZE, CLASSES = 32, 10
X = np.random.default_rng(0).uniform(-1, 1, (8, SIZE, SIZE, 3)).astype("float32")
Y = np.arange(8) % CLASSES


def classifier(base):
    layers = [base, nn.layers.GlobalAveragePooling2D(), nn.layers.Dense(CLASSES)]
    return nn.Sequential(layers)


def compiled(model, rate=1e-3):
    loss = nn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=nn.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    return model


def flops(model):
    """Of the compiled training step."""
    state = model.trainer.make_state()
    step = jax.jit(model.train_step).lower(state, (X, Y)).compile()
    return step.cost_analysis()["flops"]


def slots(model):
    """How many numbers the optimizer keeps for each trained weight together."""
    arrays = jax.tree.leaves(model.trainer.make_state().opt)
    return sum(array.size for array in arrays if array.ndim)


@pytest.fixture(scope="module")
def base():
    return nn.applications.MobileNetV2(
        input_shape=(SIZE, SIZE, 3), alpha=0.35, include_top=False, weights=None
    )


@pytest.fixture
def weights_of(base):
    def copies():
        params, state = map(flatten, base.variables)
        return {path: np.array(array) for path, array in (params | state).items()}

    return copies


def test_frozen_base(base, weights_of):
    base.trainable = False
    model = compiled(classifier(base))
    assert len(model.trainable_weights) == 2
    before, top = weights_of(), model.layers[-1].get_weights()
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    for path, array in weights_of().items():  # the statistics of BatchNormalization among them
        assert np.array_equal(array, before[path]), path
    assert not np.array_equal(model.layers[-1].get_weights()[0], top[0])
    head = sum(weight.size for weight in model.layers[-1].get_weights())
    assert slots(model) == 2 * head, "Adam's two moments of the top, and nothing of the base"
    params, state = model.variables
    trained = model.apply(params, state, X, training=True)[0]
    np.testing.assert_array_equal(trained, model.apply(params, state, X)[0])


def test_fine_tuning(base, weights_of):
    base.trainable = True
    for layer in base.layers[:-10]:
        layer.trainable = False
    model = compiled(classifier(base), rate=1e-4)
    free = {layer.name for layer in base.layers[-10:]}
    before = weights_of()
    model.fit(X, Y, epochs=1, batch_size=4, verbose=0)
    changed = {
        path.split("/")[0]
        for path, array in weights_of().items()
        if not np.array_equal(array, before[path])
    }
    assert changed == {name for name in free if base.get_layer(name).weights}
    tuned = sum(weight.size for layer in base.layers[-10:] for weight in layer.trainable_weights)
    head = sum(weight.size for weight in model.layers[-1].get_weights())
    assert slots(model) == 2 * (tuned + head)


def test_frozen_weights_cost_no_gradient(base):
    """Backward passes cost about twice the forward one: a third of the work is left."""
    base.trainable = True
    everything = flops(compiled(classifier(base)))
    for layer in base.layers[:-10]:
        layer.trainable = False
    last_ten = flops(compiled(classifier(base)))
    base.trainable = False
    frozen = flops(compiled(classifier(base)))
    assert frozen < 0.4 * everything
    assert frozen < last_ten < 0.7 * everything
