"""Becomes another program that ends when its parent does: `child.py PARENT COMMAND ...`.

Run as a file, without nnlib: it has to be quick.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the system to end this process with its parent, and run the command in its place."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended meanwhile
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
