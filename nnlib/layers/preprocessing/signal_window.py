"""Windows by which pieces of a signal are multiplied."""

from typing import Any

import numpy as np

from nnlib.core.errors import ArgumentError


def checked_window(layer: str, value: Any, length: int) -> Any:
    """None, the name of a window of SciPy, or `length` numbers as a list."""
    if value is None:
        return None
    if isinstance(value, str):
        signal_window(layer, value, 1, periodic=True)
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or array.shape != (length,):
        raise ArgumentError(
            f"{layer}: expected window to be a name, None or {length} numbers, got {value!r}."
        )
    return array.tolist()


def signal_window(layer: str, value: Any, length: int, periodic: bool) -> np.ndarray:
    """The (length,) numbers of a window; `periodic` ones go on where they would begin again."""
    if not isinstance(value, str):
        return np.asarray(value, "float64")
    from scipy.signal import get_window  # noqa: PLC0415 - slow to import; jax brings it along

    try:
        return get_window(value, length, fftbins=periodic)
    except ValueError as error:
        raise ArgumentError(
            f"{layer}: expected window to be a name that scipy.signal.get_window knows, such as "
            f"'hann', got {value!r} ({error})."
        ) from None
