"""Names of dtypes, and what a symbol is."""

from typing import Any

import jax.numpy as jnp

from nnlib.core.errors import DTypeError
from nnlib.core.settings import floatx
from nnlib.core.symbol import Symbol

_PYTHON = {bool: "bool", int: "int32", "int": "int32", float: "float32", complex: "complex64"}
_TEXT = (str, "string")


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype, however it is written.

    Args:
        dtype: a name, a type of Python, a dtype of NumPy, JAX, torch or TensorFlow; None for
            `floatx()`.

    Raises:
        DTypeError: for what is no dtype.

    >>> import numpy as np
    >>> standardize_dtype(None), standardize_dtype(int), standardize_dtype(np.float16)
    ('float32', 'int32', 'float16')
    """
    if dtype is None:
        return floatx()
    if isinstance(dtype, str | type) and dtype in _TEXT:
        return "string"
    known = _PYTHON.get(dtype, dtype) if isinstance(dtype, str | type) else dtype
    name = str(known).removeprefix("torch.") if "torch" in str(known) else known
    try:
        return jnp.dtype(getattr(name, "name", name)).name
    except TypeError:
        raise DTypeError(
            f"standardize_dtype: expected a dtype or its name, got {dtype!r}. Write 'float32'."
        ) from None


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` stands for an array to come: what `Input` and layers called on one return.

    >>> import numpy as np, nnlib as nn
    >>> is_keras_tensor(nn.Input((2,))), is_keras_tensor(np.ones(2))
    (True, False)
    """
    return isinstance(x, Symbol)
