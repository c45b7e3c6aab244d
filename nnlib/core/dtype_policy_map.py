"""Dtype policies by the paths of layers."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from nnlib.core import dtypes, settings
from nnlib.core.dtypes import DTypePolicy, policy_classes
from nnlib.core.errors import ArgumentError


@policy_classes.register("DTypePolicyMap")
class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by whole path, else by a regular expression that matches the whole path.

    A layer looks its own up when it is first called. Paths begin below the model, "encoder/dense";
    a layer that is called by itself has its name.

    Args:
        default_policy: for layers that no key matches; None for the global one.
        policy_map: a dict to begin with.

    Raises:
        ArgumentError: for a key given twice, and, on lookup, for a path that two keys match.

    >>> import nnlib as nn, numpy as np
    >>> policies = nn.dtype_policies.DTypePolicyMap("float32", {"head.*": "bfloat16"})
    >>> layers = [nn.layers.Dense(2, name=name, dtype=policies) for name in ("body", "head")]
    >>> [layer(np.ones((1, 2))).dtype.name for layer in layers]
    ['float32', 'bfloat16']
    """

    by_path = True

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None):
        if isinstance(default_policy, DTypePolicyMap):
            raise ArgumentError(
                "DTypePolicyMap: expected default_policy to be a single policy, got a map."
            )
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise ArgumentError(
                f"DTypePolicyMap: expected policy_map to be a dict, got {policy_map!r}."
            )
        self._default = None if default_policy is None else dtypes.get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        for key, policy in (policy_map or {}).items():
            self[key] = policy

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers that no key matches."""
        if self._default is not None:
            return self._default
        everywhere = dtypes.dtype_policy()
        return DTypePolicy(settings.floatx()) if everywhere.by_path else everywhere

    @property
    def name(self) -> str:  # type: ignore[override]
        """`map_` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def variable_dtype(self) -> str:  # type: ignore[override]
        """The default policy's."""
        return self.default_policy.variable_dtype

    @property
    def compute_dtype(self) -> str:  # type: ignore[override]
        """The default policy's."""
        return self.default_policy.compute_dtype

    def at(self, path: str) -> DTypePolicy:
        """The policy of the layer at `path`."""
        return self[path]

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"DTypePolicyMap: expected one key to match {key!r}, got {' and '.join(matching)}."
            )
        return self._policies[matching[0]] if matching else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if not isinstance(key, str) or key in self._policies:
            raise ArgumentError(f"DTypePolicyMap: expected a new path as a key, got {key!r}.")
        policy = dtypes.get(policy)
        if isinstance(policy, DTypePolicyMap):
            raise ArgumentError(f"DTypePolicyMap: expected one policy for {key!r}, got a map.")
        self._policies[key] = policy

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and other.get_config() == self.get_config()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"DTypePolicyMap({self.default_policy.name!r}, {self.get_config()['policy_map']})"

    def get_config(self) -> dict[str, Any]:
        """What makes it again: `DTypePolicyMap.from_config(config)`."""
        return {
            "default_policy": None if self._default is None else self._default.name,
            "policy_map": {key: policy.name for key, policy in self._policies.items()},
        }

    def as_argument(self) -> Any:
        """Plain data that `nn.dtype_policies.get` makes it again from."""
        return {"class_name": "DTypePolicyMap", "config": self.get_config()}
