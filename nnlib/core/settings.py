"""Process-wide defaults: float type, fuzz factor, image layout.

They are read when a layer is made, never while it is traced.
"""

from dataclasses import dataclass

from nnlib.core.errors import ArgumentError


@dataclass
class _Settings:
    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"


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
