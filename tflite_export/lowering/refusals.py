"""What to do instead of a primitive that no .tflite file can hold."""

from __future__ import annotations

_RANDOM = (
    "Export the inference function (training=False), or make the random numbers an input of it."
)
_BITS = "Of the bitwise functions, & | ^ ~ << >> export; build others of these and jnp.where."
_COMPLEX = "Compute with x.real and x.imag; sums, products and transforms of complex values export."
_DTYPE = (
    "Cast with x.astype(jnp.float32) or x.astype(jnp.int32), and leave jax_enable_x64 off while "
    "exporting."
)
_LINALG = (
    "Compute the factorisation outside the exported function and pass its result as a constant."
)
_DEFAULT = (
    "Write it with other jnp operations, or compute it outside the exported function. "
    "`nnlib.tflite_export.supported_primitives()` lists what exports."
)

_REMEDIES = {
    "pure_callback": "Callbacks cannot travel in a file: write the function in jnp.",
    "io_callback": "Callbacks cannot travel in a file: write the function in jnp.",
}


def dtype_remedy(dtype: object) -> str:
    """What to do with values of a dtype that has no kernels.

    Args:
        dtype: the dtype.

    Returns:
        The advice, ending in a full stop.
    """
    return _COMPLEX if str(dtype).startswith("complex") else _DTYPE


def remedy_for(primitive: str) -> str:
    """A sentence that says what to write instead of `primitive`.

    Args:
        primitive: name of a JAX primitive.

    Returns:
        The advice, ending in a full stop.

    Example:
        >>> remedy_for("random_bits").startswith("Export the inference function")
        True
    """
    if primitive in _REMEDIES:
        return _REMEDIES[primitive]
    if primitive.startswith(("random_", "threefry", "rng_")):
        return _RANDOM
    if primitive in ("population_count", "clz"):
        return _BITS
    if primitive in ("cholesky", "lu", "qr", "eig", "eigh", "svd", "triangular_solve", "schur"):
        return _LINALG
    return _DEFAULT
