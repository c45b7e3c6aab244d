"""Bad arguments of optimizers, schedules, initializers, settings and random numbers."""

import jax.numpy as jnp
import numpy as np

from nnlib import activations, config, dtype_policies, errors, initializers, optimizers, random
from nnlib.optimizers import schedules
from tests.contract.refusal import refusal

ARGUMENT, UNEXPECTED = errors.ArgumentError, errors.UnexpectedArgumentError
SHAPE = errors.ShapeError
MAP = dtype_policies.DTypePolicyMap("float32", {"a.*": "float16", ".*b": "bfloat16"})


def scaled():
    return optimizers.LossScaleOptimizer(optimizers.SGD())


def twice():
    chosen = optimizers.OptimizerMap(optimizers.SGD(), {"a.*": optimizers.SGD()})
    chosen[".*b"] = optimizers.SGD()
    return chosen


REFUSALS = [
    refusal(lambda: optimizers.SGD(use_ema=True, ema_momentum=1.5), ARGUMENT, "ema_momentum.*1.5"),
    refusal(lambda: optimizers.SGD(use_ema=True, ema_momentum=None), ARGUMENT, "ema_momentum"),
    refusal(lambda: optimizers.SGD(ema_overwrite_frequency=3), ARGUMENT, "use_ema=True"),
    refusal(
        lambda: optimizers.SGD(use_ema=True, ema_overwrite_frequency=0), ARGUMENT, "at least 1.*0"
    ),
    refusal(lambda: optimizers.SGD(loss_scale_factor=0), ARGUMENT, "loss_scale_factor.*above 0"),
    refusal(lambda: optimizers.SGD(gradient_accumulation_steps=1), ARGUMENT, "at least 2.*1"),
    refusal(lambda: optimizers.SGD(gradient_accumulation_steps=2.5), ARGUMENT, "integer.*2.5"),
    refusal(lambda: optimizers.SGD().exclude_from_weight_decay([jnp.ones(2)]), ARGUMENT, "path"),
    refusal(lambda: optimizers.Adadelta(rho=1.0), ARGUMENT, "rho.*below 1"),
    refusal(lambda: optimizers.Adagrad(initial_accumulator_value=-1), ARGUMENT, "initial_acc.*-1"),
    refusal(lambda: optimizers.Adagrad(epsilon=None), ARGUMENT, "epsilon.*None"),
    refusal(lambda: optimizers.Adamax(beta_1=2), ARGUMENT, "beta_1.*2"),
    refusal(lambda: optimizers.Nadam(beta_2=-1), ARGUMENT, "beta_2.*-1"),
    refusal(lambda: optimizers.Ftrl(learning_rate_power=0.5), ARGUMENT, "at most 0.*0.5"),
    refusal(lambda: optimizers.Ftrl(l1_regularization_strength=-1), ARGUMENT, "l1_.*-1"),
    refusal(lambda: optimizers.Adafactor(beta_2_decay=0.5), ARGUMENT, "below 0.*0.5"),
    refusal(lambda: optimizers.Adafactor(clip_threshold=0), ARGUMENT, "clip_threshold.*above 0"),
    refusal(lambda: optimizers.Lamb(epsilon=-1), ARGUMENT, "epsilon.*-1"),
    refusal(lambda: optimizers.Lion(beta_1=0), ARGUMENT, "beta_1.*above 0"),
    refusal(lambda: optimizers.Lion(beta_1=1.5), ARGUMENT, "beta_1.*1.5"),
    refusal(lambda: optimizers.Muon(ns_steps=-1), ARGUMENT, "ns_steps.*-1"),
    refusal(lambda: optimizers.Muon(exclude_layers=[3]), ARGUMENT, "exclude_layers.*3"),
    refusal(lambda: optimizers.Muon(momentun=0.5), UNEXPECTED, "Did you mean 'momentum'"),
    refusal(lambda: optimizers.LossScaleOptimizer("adam"), ARGUMENT, "inner_optimizer.*'adam'"),
    refusal(lambda: optimizers.LossScaleOptimizer(scaled()), ARGUMENT, "without dynamic"),
    refusal(
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(loss_scale_factor=2.0)),
        ARGUMENT,
        "divided twice",
    ),
    refusal(
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0),
        UNEXPECTED,
        "to the inner optimizer",
    ),
    refusal(
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), initial_scale=0), ARGUMENT, "scale"
    ),
    refusal(
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic_growth_steps=0),
        ARGUMENT,
        "dynamic_growth_steps",
    ),
    refusal(lambda: optimizers.MultiOptimizer(optimizers.SGD()), ARGUMENT, "OptimizerMap"),
    refusal(lambda: optimizers.OptimizerMap("sgd"), ARGUMENT, "got 'sgd'"),
    refusal(lambda: optimizers.OptimizerMap(scaled()), ARGUMENT, "Wrap the whole"),
    refusal(lambda: optimizers.OptimizerMap(optimizers.SGD(), [1]), ARGUMENT, "dict"),
    refusal(
        lambda: optimizers.OptimizerMap(optimizers.SGD(loss_scale_factor=2.0)),
        ARGUMENT,
        "to the MultiOptimizer",
    ),
    refusal(lambda: twice()["ab"], ARGUMENT, "one key to match 'ab'"),
    refusal(lambda: twice().update({"a.*": optimizers.SGD()}), ARGUMENT, "new path"),
    refusal(
        lambda: optimizers.MultiOptimizer(lambda weight: "sgd").init({"w": np.ones(2)}),
        ARGUMENT,
        "got 'sgd'",
    ),
    refusal(lambda: optimizers.deserialize({"class_name": "Adm"}), errors.UnknownNameError, "Adam"),
    refusal(lambda: schedules.CosineDecayRestarts(0.1, 0), ARGUMENT, "first_decay_steps"),
    refusal(lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), ARGUMENT, "at least 1.*0.5"),
    refusal(lambda: schedules.CosineDecayRestarts(0.1, 5, m_mul=-1), ARGUMENT, "m_mul"),
    refusal(lambda: schedules.deserialize("ExponentialDecay"), ARGUMENT, "config of a schedule"),
    # Initializers.
    refusal(lambda: initializers.RandomNormal(stddev=-1), ARGUMENT, "stddev.*at least 0.*-1"),
    refusal(lambda: initializers.RandomUniform(1.0, 0.0), ARGUMENT, "maxval.*at least 1"),
    refusal(lambda: initializers.TruncatedNormal("a"), ARGUMENT, "TruncatedNormal.*mean.*'a'"),
    refusal(lambda: initializers.HeNormal(seed="a"), ARGUMENT, "HeNormal.*seed.*'a'"),
    refusal(lambda: initializers.VarianceScaling(0.0), ARGUMENT, "scale above 0"),
    refusal(lambda: initializers.VarianceScaling(mode="fan"), ARGUMENT, "fan_in.*'fan'"),
    refusal(lambda: initializers.VarianceScaling(distribution="x"), ARGUMENT, "distribution.*'x'"),
    refusal(lambda: initializers.GlorotUniform(input_axes=[0]), ARGUMENT, "both or none"),
    refusal(lambda: initializers.Orthogonal()((3,)), SHAPE, "2 axes"),
    refusal(lambda: initializers.Orthogonal("x"), ARGUMENT, "gain"),
    refusal(lambda: initializers.Identity()((3, 3, 3)), SHAPE, "2 axes"),
    refusal(lambda: initializers.Constant([1.0, 2.0])((3,)), SHAPE, r"broadcasts to \(3,\)"),
    refusal(lambda: initializers.get(3), ARGUMENT, "initializer.*3"),
    # Activations.
    refusal(lambda: activations.get(3), ARGUMENT, "activation.*3"),
    refusal(lambda: activations.get("rellu"), errors.UnknownNameError, "Did you mean 'relu'"),
    # Random numbers.
    refusal(lambda: random.normal((2,), seed="a"), ARGUMENT, "normal.*seed.*'a'"),
    refusal(lambda: random.normal((2,), seed=jnp.ones(2)), ARGUMENT, "seed"),
    refusal(lambda: random.normal((2,), stddev=-1.0), ARGUMENT, "stddev.*-1"),
    refusal(lambda: random.normal((2, None)), ARGUMENT, "dims.*None"),
    refusal(lambda: random.uniform((-2,)), ARGUMENT, "dims.*-2"),
    refusal(lambda: random.uniform((2,), 1.0, 0.0), ARGUMENT, "minval below maxval"),
    refusal(lambda: random.uniform((2,), dtype="int32"), errors.DTypeError, "float type.*int32"),
    refusal(lambda: random.randint((2,), 0, 5, "float32"), errors.DTypeError, "integer type"),
    refusal(lambda: random.randint((2,), 5, 5), ARGUMENT, "minval below maxval"),
    refusal(lambda: random.categorical([0.0, 1.0], 2), SHAPE, "rows, classes"),
    refusal(lambda: random.shuffle([1, 2], axis=1), SHAPE, "axis 1"),
    refusal(lambda: random.dropout([1.0], 1.5), ARGUMENT, "rate.*1.5"),
    refusal(lambda: random.dropout([1.0], 0.5, (1, 1)), SHAPE, "noise_shape of 1 axes"),
    refusal(lambda: random.SeedGenerator("a"), ARGUMENT, "seed.*'a'"),
    # Settings and policies.
    refusal(lambda: config.set_floatx("float8"), ARGUMENT, "set_floatx.*float8"),
    refusal(config.enable_unsafe_deserialization, ARGUMENT, "custom_objects"),
    refusal(lambda: config.set_epsilon(0), ARGUMENT, "above 0"),
    refusal(lambda: config.set_max_epochs(0), ARGUMENT, "set_max_epochs.*0"),
    refusal(lambda: config.set_max_steps_per_epoch(2.5), ARGUMENT, "steps_per_epoch.*2.5"),
    refusal(lambda: dtype_policies.DTypePolicy("float33"), ARGUMENT, "float33"),
    refusal(lambda: dtype_policies.get(object()), ARGUMENT, "dtype: expected a name"),
    refusal(lambda: dtype_policies.DTypePolicyMap(MAP), ARGUMENT, "default_policy.*single"),
    refusal(lambda: dtype_policies.DTypePolicyMap("float32", [1]), ARGUMENT, "policy_map.*dict"),
    refusal(lambda: MAP["ab"], ARGUMENT, "one key to match 'ab'"),
    refusal(lambda: MAP.update({"a.*": "float16"}), ARGUMENT, "new path"),
    refusal(lambda: MAP.update({"new": MAP}), ARGUMENT, "got a map"),
]
