"""Every error that nnlib raises on purpose.

A text reads `<place>: <what was expected>, got <what>. <what to write instead>`, where the place is
the path of a layer (`encoder/dense_1 (Dense)`) or the name of a call (`fit`). An unhelpful message
is a bug. Each class also derives from the built-in error that Python users would catch.
"""


class NnlibError(Exception):
    """The base of all errors below: `except nnlib.errors.NnlibError` catches them together."""


class ShapeError(NnlibError, ValueError):
    """Arrays whose shapes do not fit a layer, a loss or each other.

    Wrong: `Dense(2)` built on `(None, 4)`, then called on an array of shape `(2, 5)`.
    Right: give it `(2, 4)`, or make a new `Dense` for inputs of size 5.
    """


class DTypeError(NnlibError, TypeError):
    """An array of a dtype that cannot be computed with: strings, objects, floats as indices.

    Wrong: `model.fit(np.array(["a", "b"]), y)`.
    Right: turn the strings into numbers first.
    """


class ArgumentError(NnlibError, ValueError):
    """A constructor or method argument outside of what it may be.

    Wrong: `Dropout(1.5)`.  Right: `Dropout(0.5)`.
    """


class UnexpectedArgumentError(NnlibError, TypeError):
    """A keyword that a layer does not know; the text lists those it does.

    Wrong: `Dense(2, activaton="relu")`.  Right: `Dense(2, activation="relu")`.
    """


class UnknownNameError(NnlibError, ValueError):
    """A string that is in no registry; the text lists close matches.

    Wrong: `Dense(2, activation="rellu")`.  Right: `Dense(2, activation="relu")`.
    """


class NamingError(NnlibError, ValueError):
    """Two things under one name: two layers of a model, or a weight and a child of a layer."""


class NotBuiltError(NnlibError, ValueError):
    """Weights, shapes or a summary asked of a model whose input shape is not known yet.

    Wrong: `Sequential([Dense(2)]).summary()`.
    Right: start with `Input((4,))`, call `model.build((None, 4))`, or call the model on data.
    """


class NotCompiledError(NnlibError, ValueError):
    """`fit` or `evaluate` before `compile`."""


class WeightMissingError(NnlibError, KeyError):
    """A params or state tree without an array that the layer declared, or in another shape.

    Wrong: `layer.apply({}, {}, x)`.
    Right: `params, state = layer.init(key, x)`, then `layer.apply(params, state, x)`.
    """

    def __str__(self) -> str:  # KeyError would show the repr, with quotes and escapes
        return str(self.args[0]) if self.args else ""


class LayerCreatedInCallError(NnlibError, RuntimeError):
    """A layer that the model does not hold, used in `call`: its weights would be lost.

    Wrong: `def call(self, x): return Dense(2)(x)`.
    Right: `self.dense = Dense(2)` in `__init__`, and `return self.dense(x)`.
    """


class StateWriteError(NnlibError, RuntimeError):
    """State that would be written where a write cannot be kept: in an inner vmap, scan or jit.

    Wrong: `jax.vmap(self.norm)(x)` within `call`, while training.
    Right: `self.norm.apply(params, state, x)` there, and thread the new state yourself.
    """


class RandomKeyError(NnlibError, ValueError):
    """Random numbers wanted where no key is at hand, or where one key would serve many draws.

    Wrong: `model.apply(params, state, x, training=True)` with a Dropout inside.
    Right: `model.apply(params, state, x, training=True, rng=jax.random.key(0))`.
    """


class FrozenConfigError(NnlibError, AttributeError):
    """Configuration changed after the layer was built, or an attribute assigned in `call`.

    Wrong: `dense.units = 5` after the first call; `self.count = x` in `call`.
    Right: make a new layer; declare a weight with `trainable=False` and `self.update(count=x)`.
    """


class DataError(NnlibError, ValueError):
    """Data that cannot be trained on: empty, of different lengths, labels out of range."""


class NonFiniteLossError(NnlibError, ArithmeticError, RuntimeError):
    """The loss turned NaN; the text names the step and how to find the layer."""


class MissingExtraError(NnlibError, ImportError):
    """An optional dependency that is not installed; the text names the extra to install."""


class CheckpointError(NnlibError, OSError):
    """A checkpoint that is not there, not complete, or of another model."""


class SavingError(NnlibError, OSError):
    """A file that could not be written; what was there before is still there."""


class DownloadError(NnlibError, OSError):
    """A file that is neither in the cache nor to be had; the text names file, folder and URL."""


class CorruptFileError(NnlibError, ValueError):
    """A file, or a config in it, that is damaged, cut off or made up: nothing is made from it."""
