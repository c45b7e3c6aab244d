"""Dtype policies: in which float type weights are kept, and in which they are computed with."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from nnlib.core import settings
from nnlib.core.errors import ArgumentError
from nnlib.core.registry import Registry

policy_classes = Registry("dtype policy", "nnlib.core.dtype_policy_map")

_FLOATS = ("float16", "bfloat16", "float32", "float64")


class DTypePolicy:
    """The dtypes of a layer: `variable_dtype` to keep, `compute_dtype` to compute.

    Args:
        name: a float type for both, or "mixed_float16" / "mixed_bfloat16" (kept as float32,
            computed in 16 bits), or any integer type for layers of integers. None for the name of
            the global policy.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy.variable_dtype, policy.compute_dtype
    ('float32', 'bfloat16')

    Source: Micikevicius et al., "Mixed Precision Training", ICLR 2018.
    """

    by_path: bool = False
    """Whether layers have to ask `at(path)` for theirs."""
    name: str
    variable_dtype: str
    compute_dtype: str

    def __init__(self, name: str | None = None):
        name = dtype_policy().name if name is None else name
        self.name = name
        if name in ("mixed_float16", "mixed_bfloat16"):
            self.variable_dtype, self.compute_dtype = "float32", name.removeprefix("mixed_")
            return
        try:
            self.variable_dtype = self.compute_dtype = jnp.dtype(name).name
        except TypeError:
            raise ArgumentError(
                f"dtype: expected a float type ({', '.join(_FLOATS)}), 'mixed_float16' or "
                f"'mixed_bfloat16', got {name!r}."
            ) from None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "DTypePolicy":
        """A policy from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def at(self, path: str) -> "DTypePolicy":
        """The policy of the layer at `path`: itself, unless it is a map."""
        return self

    def as_argument(self) -> Any:
        """Plain data that `get` makes it again from: its name."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """What makes it again: `DTypePolicy(**config)`."""
        return {"name": self.name}


policy_classes.register("DTypePolicy")(DTypePolicy)

_global: dict[str, DTypePolicy | None] = {"policy": None}


def dtype_policy() -> DTypePolicy:
    """The policy of layers made without `dtype=`: the one set, else that of `floatx()`."""
    return _global["policy"] or DTypePolicy(settings.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers made from now on; None goes back to `floatx()`."""
    _global["policy"] = None if policy is None else get(policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from None (the global one), a policy, a name, a dtype, or the config of one."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        kind = policy_classes.lookup(identifier.get("class_name", "DTypePolicy"))
        return kind.from_config(identifier.get("config", identifier))
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(jnp.dtype(identifier).name)
    except TypeError:
        raise ArgumentError(
            f"dtype: expected a name, a dtype, a DTypePolicy or its config, got {identifier!r}."
        ) from None


def is_float(array: Any) -> bool:
    """Whether `array` has a (real) float dtype."""
    return jnp.issubdtype(array.dtype, jnp.floating)
