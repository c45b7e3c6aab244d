"""The command `nnlib`, also as `python -m nnlib`."""

import importlib
import sys


def main() -> int:
    """Run the command with the arguments of the shell."""
    return int(importlib.import_module("nnlib.tflite_export.command").main())


if __name__ == "__main__":
    sys.exit(main())
