"""One way out for all that is said while training: the screen or the log."""

import logging

from nnlib.core.settings import is_interactive_logging_enabled


def show_line(text: str) -> None:
    """Print a line, or log it where interactive logging is disabled."""
    if is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        logging.getLogger("nnlib").info(text)
