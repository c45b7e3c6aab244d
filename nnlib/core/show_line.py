"""One way out for all that is said while training: the screen or the log."""

import logging
import sys

from nnlib.core.settings import is_interactive_logging_enabled


def show_line(text: str) -> None:
    """Print a line, or log it where interactive logging is disabled."""
    if is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        logging.getLogger("nnlib").info(text)


def in_notebook() -> bool:
    """Whether a Jupyter kernel runs this, which is more than that its package is imported."""
    shell = sys.modules.get("IPython")
    instance = shell.get_ipython() if shell is not None else None
    return type(instance).__name__ == "ZMQInteractiveShell"
