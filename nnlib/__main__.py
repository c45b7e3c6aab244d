"""The command `nnlib`, also as `python -m nnlib`."""

import importlib
import sys


def main() -> int:
    """Run the command with the arguments of the shell."""
    if sys.argv[1:2] == ["launch"]:
        return int(importlib.import_module("nnlib.distributed.launch_command").main(sys.argv[2:]))
    return int(importlib.import_module("nnlib.tflite_export.command").main())


if __name__ == "__main__":
    sys.exit(main())
