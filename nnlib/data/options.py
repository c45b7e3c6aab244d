"""Options of a dataset."""

from enum import IntEnum
from typing import Any

from nnlib.core.errors import ArgumentError


class AutoShardPolicy(IntEnum):
    """How nnlib.distributed splits a dataset among machines."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


class DistributeOptions:
    """Options for distributed training; kept for `nnlib.distributed` to read.

    Args:
        auto_shard_policy: an AutoShardPolicy.
        num_devices: for how many devices batches are meant; None for all.
    """

    _names = ("auto_shard_policy", "num_devices")

    def __init__(self) -> None:
        self.auto_shard_policy: AutoShardPolicy = AutoShardPolicy.AUTO
        self.num_devices: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        _check(self, name)
        value = AutoShardPolicy(value) if name == "auto_shard_policy" else value
        object.__setattr__(self, name, value)


class ThreadingOptions:
    """How many threads a dataset may use.

    Args:
        private_threadpool_size: threads of `map(..., num_parallel_calls=AUTOTUNE)`; None for one
            per processor.
    """

    _names = ("private_threadpool_size",)

    def __init__(self) -> None:
        self.private_threadpool_size: int | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        _check(self, name)
        object.__setattr__(self, name, value)


class Options:
    """Options for `Dataset.with_options`.

    Attributes:
        deterministic: whether parallel maps keep the order where they do not say; None for yes.
        threading: a ThreadingOptions.
        distribute: a DistributeOptions; also under its old name experimental_distribute.

    Raises:
        ArgumentError: for an attribute that would have no effect here.

    >>> import nnlib as nn
    >>> options = nn.data.Options()
    >>> options.distribute.auto_shard_policy = nn.data.experimental.AutoShardPolicy.DATA
    >>> dataset = nn.data.Dataset.range(3).with_options(options)
    >>> dataset.options().distribute.auto_shard_policy.name
    'DATA'
    """

    _names = ("deterministic", "threading", "distribute")

    def __init__(self) -> None:
        self.deterministic: bool | None = None
        self.threading = ThreadingOptions()
        self.distribute = DistributeOptions()

    @property
    def experimental_distribute(self) -> DistributeOptions:
        """`distribute`, as it was called."""
        return self.distribute

    @property
    def experimental_threading(self) -> ThreadingOptions:
        """`threading`, as it was called."""
        return self.threading

    def __setattr__(self, name: str, value: Any) -> None:
        renamed = {
            "experimental_deterministic": "deterministic",
            "experimental_distribute": "distribute",
            "experimental_threading": "threading",
        }
        name = renamed.get(name, name)
        _check(self, name)
        object.__setattr__(self, name, value)

    def merge(self, later: "Options") -> "Options":
        """Both in one; what `later` sets wins over this."""
        merged = Options()
        for ours, theirs, out in (
            (self, later, merged),
            (self.threading, later.threading, merged.threading),
            (self.distribute, later.distribute, merged.distribute),
        ):
            fresh = type(out)()
            for name in out._names:
                if name in ("threading", "distribute"):
                    continue
                chosen = getattr(theirs, name)
                unset = chosen == getattr(fresh, name)
                setattr(out, name, getattr(ours, name) if unset else chosen)
        return merged


def _check(options: Any, name: str) -> None:
    if name not in options._names:
        raise ArgumentError(
            f"{type(options).__name__}: expected one of {', '.join(options._names)}, got "
            f"{name!r}, which would have no effect here. Leave it out."
        )
