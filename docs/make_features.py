"""Writes docs/features.md from the public names of the package; run it with `make docs`."""

import importlib
from pathlib import Path

MODULES = {
    "layers": "Layers",
    "models": "Models",
    "activations": "Activations",
    "losses": "Losses",
    "metrics": "Metrics",
    "optimizers": "Optimizers",
    "optimizers.schedules": "Learning rate schedules",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
    "constraints": "Constraints",
    "callbacks": "Callbacks",
    "training": "Training",
    "saving": "Saving",
    "utils": "Utilities",
    "ops": "Numeric cores",
    "tflite_export": "Export to .tflite",
}
HEAD = """# Features

The public names of this version, module by module. `make docs` writes this page from the package,
and a test compares the two. What is not here is not there yet.
"""


def table() -> str:
    """The whole page."""
    parts = [HEAD]
    for module, title in MODULES.items():
        names = importlib.import_module(f"nnlib.{module}").__all__
        listed = ", ".join(f"`{name}`" for name in sorted(names))
        parts.append(f"## {title}: `nnlib.{module}`\n\n{listed}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("features.md").write_text(table())
