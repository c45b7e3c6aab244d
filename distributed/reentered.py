"""reentered: a program that outlives the loss of another process of its cluster."""

import gc
import sys
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.backend import clear_backends

from nnlib.core.random import facade_keys

from .kept_steps import KEPT_STEPS
from .own_generation import enter
from .preemption import Preempted, begin_checks
from .runtime import leave

NEWS_SECONDS = 10.0
"""How long a program that failed waits to be told that another process was lost."""


def reentered(main: Callable[[], Any]) -> Any:
    """What `main` returns, which is called again each time that another process is lost.

    Only under a supervisor that replaces lost processes (`reform`); else it is called once. In
    between, this process leaves the broken cluster and forgets all that JAX keeps: arrays, devices
    and programs of the last call are of no use in the next. Steps that were kept on the host stay.

    Args:
        main: makes its strategy, model and data anew, and comes to the same training each time.
    """
    while True:
        own = enter()
        if own is None:
            return main()
        KEPT_STEPS.begin()
        try:
            value = main()
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            if not own.is_followed(NEWS_SECONDS if own.has("joined") else 0.0):
                own.note("failed")
                raise
        except Preempted:  # as the others are, who leave as well
            leave()
            raise
        except SystemExit as end:
            if end.code:
                own.note("failed")
            else:
                leave()
            raise
        else:
            leave()
            if not own.is_followed():
                return value
            why = "the end of the program"
        text = f"nnlib: another process was lost ({why}); this one goes on from {KEPT_STEPS}"
        print(text, file=sys.stderr, flush=True)
        own.give_up()
        _forget()


def _forget() -> None:
    """Leave, and begin as a fresh process does, but for the steps that are kept."""
    KEPT_STEPS.detach()
    leave()
    gc.collect()  # what the failed call still refers to
    clear_backends()
    jax.clear_caches()
    facade_keys.restart(0)
    begin_checks()
