"""What to do instead of a primitive that no .tflite file can hold."""

from __future__ import annotations

_RANDOM = (
    "Export the inference function (training=False), or make the random numbers an input of it."
)
_BITS = "There is no bitwise kernel for integers; use comparisons and jnp.where, or bool values."
_LINALG = (
    "Compute the factorisation outside the exported function and pass its result as a constant."
)
_DEFAULT = (
    "Write it with other jnp operations, or compute it outside the exported function. "
    "`nnlib.tflite_export.supported_primitives()` lists what exports."
)

_REMEDIES = {
    "sort": "Use jax.lax.top_k, or sort outside the exported function.",
    "fft": "Multiply by a constant DFT matrix, or transform outside the exported function.",
    "pure_callback": "Callbacks cannot travel in a file: write the function in jnp.",
    "io_callback": "Callbacks cannot travel in a file: write the function in jnp.",
}


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
    if primitive in ("and", "or", "xor", "not", "population_count", "clz") or "shift" in primitive:
        return _BITS
    if primitive in ("cholesky", "lu", "qr", "eig", "eigh", "svd", "triangular_solve", "schur"):
        return _LINALG
    return _DEFAULT
