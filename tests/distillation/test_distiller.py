"""A student learns from targets and a teacher, by Keras' numbers."""

import jax.numpy as jnp
import numpy as np
import pytest

import nnlib as nn
from nnlib import distillation
from nnlib.core.errors import ArgumentError, DTypeError, NotBuiltError, ShapeError, UnknownNameError

generator = np.random.default_rng(0)
X = generator.normal(size=(8, 4)).astype("float32")
Y = (np.arange(8) % 3).astype("int32")


def network(library, units, name):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((4,)),
            layers.Dense(units, activation="tanh", name=f"{name}_in"),
            layers.Dense(5, activation="relu", name=f"{name}_mid"),
            layers.Dense(3, name=f"{name}_out"),
        ]
    )


def distiller(library, weight=0.3, **options):
    losses = [
        library.distillation.LogitsDistillation(2.0, library.losses.KLDivergence()),
        library.distillation.FeatureDistillation("mse", "teacher_mid", "student_mid"),
    ]
    made = library.distillation.Distiller(
        network(library, 6, "teacher"),
        network(library, 2, "student"),
        losses,
        distillation_loss_weights=[1.0, 0.5],
        student_loss_weight=weight,
        **options,
    )
    made.compile(
        library.optimizers.SGD(0.1),
        library.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return made


def test_losses_and_a_step_of_keras(keras):
    theirs, ours = distiller(keras), distiller(nn)
    for role in ("teacher", "student"):
        getattr(ours, role).set_weights(getattr(theirs, role).get_weights())
    teacher = ours.teacher.get_weights()
    want = theirs.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    got = ours.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    assert got.keys() == want.keys()
    for name, value in want.items():
        assert got[name] == pytest.approx(value, abs=1e-5), name
    theirs.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    ours.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(ours.student.get_weights(), theirs.student.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert all(map(np.array_equal, ours.teacher.get_weights(), teacher))
    np.testing.assert_allclose(ours(X), ours.student(X))
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), atol=1e-5)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse"])
def test_other_losses_of_logits(keras, loss):
    teacher, student = generator.uniform(0.1, 1, (2, 4, 3)).astype("float32")
    got = distillation.LogitsDistillation(3.0, loss).compute_loss(teacher, student)
    want = keras.distillation.LogitsDistillation(3.0, loss).compute_loss(teacher, student)
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_several_outputs_some_of_which_do_not_count(keras):
    pairs = generator.normal(size=(2, 3, 4, 3)).astype("float32")
    teacher, student = (list(side) for side in pairs)
    for kind in ("LogitsDistillation", "FeatureDistillation"):
        loss = ["mse", None, "mae"]
        got = getattr(distillation, kind)(loss=loss)
        want = getattr(keras.distillation, kind)(loss=loss)
        got.validate_outputs(teacher, student)
        assert float(got.compute_loss(teacher, student)) == pytest.approx(
            float(want.compute_loss(teacher, student)), rel=1e-5
        )
        with pytest.raises(ShapeError, match="loss to have the structure"):
            got.validate_outputs(teacher[:2], student[:2])
        with pytest.raises(ShapeError, match="student's outputs"):
            got.validate_outputs(teacher, student[:2])


def test_divergence_by_name_is_of_probabilities():
    """Keras' default compares the raw logits with one another, against its own documentation."""
    teacher, student = generator.normal(size=(2, 4, 3)).astype("float32")
    made = [distillation.LogitsDistillation(2.0, one) for one in ("kl_divergence", "kld")]
    made.append(distillation.LogitsDistillation(2.0, nn.losses.KLDivergence()))
    values = {float(one.compute_loss(teacher, student)) for one in made}
    p, q = (
        np.exp(side / 2) / np.exp(side / 2).sum(-1, keepdims=True) for side in (teacher, student)
    )
    assert len({round(value, 5) for value in values}) == 1
    assert values.pop() == pytest.approx(4 * np.mean(np.sum(p * np.log(p / q), -1)), rel=1e-4)


class Own(nn.Model):
    def __init__(self):
        super().__init__()
        self.norm, self.dense = nn.layers.BatchNormalization(), nn.layers.Dense(3)

    def call(self, x):
        return self.dense(self.norm(x))


class Gap(distillation.DistillationLoss):
    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        return jnp.mean(jnp.abs(teacher_outputs - student_outputs))


def test_models_with_call_weights_of_samples_and_penalties():
    teacher = Own()
    student = nn.Sequential(
        [nn.Input((4,)), nn.layers.Dense(3, kernel_regularizer=nn.regularizers.L2(0.5))]
    )
    made = distillation.Distiller(teacher, student, Gap(), student_loss_weight=0.25)
    made.compile("sgd", "mse")
    y, weights = generator.normal(size=(8, 3)), generator.uniform(size=8)
    got = made.evaluate(X, y, sample_weight=weights, verbose=0, return_dict=True)
    before = teacher.get_weights()
    errors = np.square(student.predict(X) - y).mean(1)
    assert got["student_loss"] == pytest.approx(np.mean(errors * weights), rel=1e-4)
    gap = np.abs(teacher.predict(X) - student.predict(X)).mean()
    assert got["distillation_loss"] == pytest.approx(gap, rel=1e-4)
    size = 0.5 * np.square(student.get_weights()[0]).sum()
    total = 0.25 * got["student_loss"] + 0.75 * gap + size
    assert got["loss"] == pytest.approx(total, rel=1e-4)
    by_hand, parts = made.compute_loss(X, y, sample_weight=jnp.asarray(weights), training=False)
    assert float(by_hand) == pytest.approx(total, rel=1e-4)
    assert float(parts["distillation"]) == pytest.approx(gap, rel=1e-4)
    made.fit(X, y, verbose=0)
    assert all(map(np.array_equal, teacher.get_weights(), before))  # its statistics too


def test_refusals():
    logits = distillation.LogitsDistillation()
    teacher, student = network(nn, 6, "teacher"), network(nn, 2, "student")
    make = distillation.Distiller
    with pytest.raises(ArgumentError, match="teacher to be a model, got 'x'"):
        make("x", student, logits)
    with pytest.raises(ShapeError, match="outputs of the same shapes"):
        make(nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)]), student, logits)
    half = nn.Sequential([nn.Input((4,), dtype="float16"), nn.layers.Dense(3)])
    with pytest.raises(DTypeError, match="inputs of the same dtype"):
        make(half, student, logits)
    with pytest.raises(ArgumentError, match="between 0 and 1, got 2"):
        make(teacher, student, logits, student_loss_weight=2)
    with pytest.raises(ArgumentError, match="a DistillationLoss such as"):
        make(teacher, student, None)
    with pytest.raises(ArgumentError, match="expected 1 distillation_loss_weights"):
        make(teacher, student, [logits], [1.0, 2.0])
    with pytest.raises(ArgumentError, match="expected a loss"):
        make(teacher, student, logits).compile("adam")
    feature = distillation.FeatureDistillation("mse", "nowhere", "student_mid")
    with pytest.raises(UnknownNameError, match="nowhere"):
        make(teacher, student, feature)
    with pytest.raises(NotBuiltError, match="graph is not known"):
        make(Own(), student, distillation.FeatureDistillation("mse", "dense"))
    with pytest.raises(ArgumentError, match="temperature to be a number above 0, got 0"):
        distillation.LogitsDistillation(0)
    with pytest.raises(ArgumentError, match="at least one output, got None"):
        distillation.FeatureDistillation(None)
    with pytest.raises(NotImplementedError, match="compute_loss"):
        distillation.DistillationLoss().compute_loss(X, X)


def test_losses_by_config():
    for made in (
        distillation.LogitsDistillation(2.0, ["mse", None]),
        distillation.FeatureDistillation(nn.losses.Huber(2.0), "a", "b"),
    ):
        config = nn.saving.serialize_keras_object(made)
        assert nn.saving.deserialize_keras_object(config).get_config() == made.get_config()
