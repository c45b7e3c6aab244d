"""Config: named values, by attribute or by key."""

import difflib
import json
from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import Any

from nnlib.core.errors import ArgumentError

_OWN = ("_config", "_frozen")


class Config(MutableMapping[str, Any]):
    """A dict whose entries are attributes too, and that can be frozen.

    Args:
        kwargs: the first entries.

    Raises:
        ArgumentError: for a change after `freeze()`, and for an attribute named like a method;
            `config["items"] = 3` is possible.

    >>> config = Config(learning_rate=0.1, momentum=0.9)
    >>> config.seed = 123
    >>> config["seed"], config.momentum, list(config)
    (123, 0.9, ['learning_rate', 'momentum', 'seed'])
    >>> Config.from_json(config.to_json()) == config
    True
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any):
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @classmethod
    def from_json(cls, text: str) -> "Config":
        """A Config from what `to_json` returned."""
        return cls(**json.loads(text))

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """A dict of the entries; the values are not copied."""
        return dict(self._config)

    def to_json(self) -> str:
        """The entries as JSON text."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """The names, in the order in which they came."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """The values in that order."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """(name, value) in that order."""
        return self._config.items()

    def __iter__(self) -> Iterator[str]:
        """The names in alphabetical order."""
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse_if_frozen(key)
        self._config[key] = value

    def __delitem__(self, key: str) -> None:
        self._refuse_if_frozen(key)
        del self._config[key]

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that are not methods. Copying asks before there are entries.
        entries = self.__dict__.get("_config", {})
        if name in entries:
            return entries[name]
        close = difflib.get_close_matches(name, entries, n=1, cutoff=0.7)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise AttributeError(f"Config: no entry {name!r} here.{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN or hasattr(type(self), name):
            raise ArgumentError(
                f"Config: expected a name that is not one of Config's own, got {name!r}. Write "
                f"config[{name!r}] = ... instead."
            )
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._config:
            raise AttributeError(f"Config: no entry {name!r} here.")
        del self[name]

    def __repr__(self) -> str:
        return f"<Config {self._config}>"

    def _refuse_if_frozen(self, name: str) -> None:
        if self._frozen:
            raise ArgumentError(
                f"Config: expected no change once it is frozen, got one of {name!r}. Call "
                "unfreeze() first."
            )
