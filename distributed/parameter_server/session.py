"""Ray, as long as this process stays connected to it."""

from typing import Any

from ..errors import StrategyError


class Session:
    """A connection to Ray, which a script may end by `ray.shutdown()`.

    Calls of Ray start another Ray by themselves where there is none, on all interfaces: threads
    that outlive the connection must not make any.

    Args:
        ray: the module, connected.
    """

    def __init__(self, ray: Any):
        self.ray, self._driver = ray, _driver(ray)

    def lives(self) -> bool:
        """Whether it is still the connection of this process."""
        return bool(self.ray.is_initialized()) and _driver(self.ray) == self._driver

    def check(self) -> None:
        """Raises StrategyError if the connection has ended."""
        if not self.lives():
            raise StrategyError(
                "ParameterServerStrategy: expected the Ray that its processes run in, got none: "
                "it was shut down, and what was scheduled is lost. Call strategy.close(); the next "
                "use of the strategy starts other processes."
            )

    def get(self, refs: Any, timeout: float | None = None) -> Any:
        """`ray.get`, which never starts a Ray."""
        self.check()
        return self.ray.get(refs, timeout=timeout)


def check_connected(ray: Any) -> None:
    """Raises StrategyError where a call of Ray would start one."""
    if not ray.is_initialized():
        raise StrategyError(
            "Parameters: expected the Ray that the parameter servers run in, got none: it was shut "
            "down, and they with it. Make others with strategy.create_parameters()."
        )


def _driver(ray: Any) -> Any:
    try:
        return ray.get_runtime_context().get_worker_id()
    except (RuntimeError, AttributeError):  # it is being shut down
        return None
