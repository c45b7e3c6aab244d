"""Process-wide settings: float type, fuzz factor, image layout, limits and output of training.

Those of layers are read when a layer is made, never while it is traced.
"""

from dataclasses import dataclass

from nnlib.core.errors import ArgumentError


@dataclass
class _Settings:
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    max_epochs: int | None = None
    max_steps_per_epoch: int | None = None
    interactive_logging: bool = True


_settings = _Settings()


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ArgumentError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}.")
    return value


def floatx() -> str:
    """The default float type of weights, "float32" unless changed."""
    return _settings.floatx


def set_floatx(value: str) -> None:
    """Change the default float type: "float16", "bfloat16", "float32" or "float64"."""
    _settings.floatx = _one_of("set_floatx", value, ("float16", "bfloat16", "float32", "float64"))


def epsilon() -> float:
    """The small number that keeps logarithms and divisions finite, 1e-7 unless changed."""
    return _settings.epsilon


def set_epsilon(value: float) -> None:
    """Change the fuzz factor."""
    if not value > 0:
        raise ArgumentError(f"set_epsilon: expected a number above 0, got {value!r}.")
    _settings.epsilon = float(value)


def image_data_format() -> str:
    """The default axis order of images, "channels_last" unless changed."""
    return _settings.image_data_format


def set_image_data_format(value: str) -> None:
    """Change the default axis order: "channels_last" or "channels_first"."""
    _settings.image_data_format = _one_of(
        "set_image_data_format", value, ("channels_last", "channels_first")
    )


def max_epochs() -> int | None:
    """The most epochs that a `fit` may take, for quick tries of long programs; None for any."""
    return _settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit` from now on; None for no limit."""
    _settings.max_epochs = _limit("set_max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """The most batches that `fit`, `evaluate` and `predict` take at once; None for any."""
    return _settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of every epoch, evaluation and prediction; None for no limit."""
    _settings.max_steps_per_epoch = _limit("set_max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: int | None) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and (not whole or value < 1):
        raise ArgumentError(f"{name}: expected an integer above 0 or None, got {value!r}.")
    return value


def is_interactive_logging_enabled() -> bool:
    """Whether progress is printed; if not, it goes to the logger "nnlib"."""
    return _settings.interactive_logging


def enable_interactive_logging() -> None:
    """Print the progress of training, as at first."""
    _settings.interactive_logging = True


def disable_interactive_logging() -> None:
    """Send progress, a line an epoch, and all other messages to the logger "nnlib" as INFO."""
    _settings.interactive_logging = False


def enable_unsafe_deserialization() -> None:
    """Refused: nnlib runs no code from files, so there is nothing to allow.

    Raises:
        ArgumentError: always.
    """
    raise ArgumentError(
        "enable_unsafe_deserialization: expected safe deserialization, got a wish for code from "
        "files, which nnlib never runs. Give functions a name and pass "
        "custom_objects={name: function}."
    )


def forget_session_settings() -> None:
    """Output as at first; float type, layout and limits stay."""
    _settings.interactive_logging = True
