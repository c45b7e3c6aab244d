"""How weights begin: an initializer is configuration, its `sample(key, shape, dtype)` is pure."""

from nnlib.core.config_capture import serialize
from nnlib.core.registries import initializers
from nnlib.initializers.distributions import RandomNormal, RandomUniform, TruncatedNormal
from nnlib.initializers.fixed import Constant, FromArray, Identity, Ones, Zeros
from nnlib.initializers.initializer import Initializer
from nnlib.initializers.orthogonal import Orthogonal
from nnlib.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

initializers.of_array = FromArray
get = initializers.get
deserialize = initializers.deserialize

# The spellings of Keras in lower case.
zeros, ones, constant, orthogonal, identity = Zeros, Ones, Constant, Orthogonal, Identity
OrthogonalInitializer, IdentityInitializer = Orthogonal, Identity
random_normal, random_uniform = RandomNormal, RandomUniform
truncated_normal, variance_scaling = TruncatedNormal, VarianceScaling
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal

__all__ = [
    "Constant",
    "FromArray",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]
