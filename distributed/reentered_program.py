"""A program of Python that is called again when another process is lost.

`python -m nnlib.distributed.reentered_program [-m] PROGRAM ARGUMENTS`
"""

import runpy
import sys
from pathlib import Path

from .reentered import reentered


def main() -> None:
    """Run the program as Python itself does."""
    arguments = sys.argv[1:]
    module = arguments[0] == "-m"
    sys.argv[:] = arguments = arguments[module:]
    program = arguments[0]
    if module:
        reentered(lambda: runpy.run_module(program, run_name="__main__", alter_sys=True))
    else:
        sys.path[0] = str(Path(program).resolve().parent)
        reentered(lambda: runpy.run_path(program, run_name="__main__"))


if __name__ == "__main__":
    main()
