"""Who may import whom: core <- ops <- layers <- models <- training <- saving, callbacks <- rest."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What each package may import, beside itself. Modules at the top of nnlib count as packages.
CORE: set[str] = {"core"}
BASE = CORE | {"activations", "constraints", "initializers", "regularizers"}
LAYERS = BASE | {"ops", "layers"}
MODELS = LAYERS | {"models"}
TRAINING = MODELS | {"data", "losses", "metrics", "optimizers", "training"}
ALLOWED = {
    "core": CORE,
    "ops": set(),
    "activations": CORE | {"ops"},
    "constraints": CORE,
    "initializers": CORE,
    "regularizers": CORE,
    "losses": CORE,
    "metrics": CORE | {"losses"},
    "optimizers": CORE,
    "data": CORE,
    "backend": CORE,
    "config": CORE,
    "dtype_policies": CORE,
    "random": CORE | {"ops"},
    "utils": CORE | {"data"},
    "datasets": CORE | {"utils"},
    "layers": LAYERS,
    "preprocessing": CORE | {"ops", "utils"},
    "models": MODELS,
    "applications": MODELS | {"applications", "utils"},
    "training": TRAINING,
    "distillation": TRAINING | {"distillation"},
    "quantizers": CORE | {"ops"},
    "visualization": CORE,
    "wrappers": MODELS | {"wrappers"},
    "saving": TRAINING | {"saving"},
    "callbacks": TRAINING | {"saving", "callbacks", "utils"},
}
SIBLINGS = {"distributed", "tflite_export"}
EXTERNAL = {
    "core": {"jax", "numpy", "rich"},
    "ops": {"jax"},
    "layers": {"flax", "jax", "numpy", "scipy"},
    "models": {"jax", "numpy", "rich"},
    "training": {"jax", "numpy", "optax", "rich", "IPython"},
}


def modules(folder):
    return sorted(path for path in folder.rglob("*.py"))


def imports(path):
    """The dotted names of all imports in a file, those for type checkers aside."""
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            if node.module == "nnlib":
                yield from (f"nnlib.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


@pytest.mark.parametrize("path", modules(ROOT / "nnlib"), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path):
    parts = path.relative_to(ROOT / "nnlib").with_suffix("").parts
    package = parts[0]
    if package == "__init__":
        return
    for name in imports(path):
        head, _, rest = name.partition(".")
        if head == "nnlib" and rest:
            target = rest.split(".")[0]
            assert target not in SIBLINGS, f"{path}: imports the sibling {target}"
            assert target in ALLOWED[package] | {package}, f"{path}: may not import {name}"
        elif head not in sys.stdlib_module_names and package in EXTERNAL:
            assert head in EXTERNAL[package], f"{path}: may not import {name}"


@pytest.mark.parametrize("folder", ["nnlib", "tflite_export", "distributed"])
def test_private_jax_names_live_in_one_file(folder):
    for path in modules(ROOT / folder):
        if path == ROOT / "nnlib" / "core" / "compat.py":
            continue
        text = path.read_text()
        for name in ("jax._src", "jax.experimental", "jax.interpreters", "get_opaque_trace_state"):
            assert name not in text, f"{path} uses {name}"


@pytest.mark.parametrize("folder", ["nnlib", "tflite_export", "distributed", "examples", "tests"])
def test_files_stay_small(folder):
    longest = {path: len(path.read_text().splitlines()) for path in modules(ROOT / folder)}
    too_long = {str(path.relative_to(ROOT)): n for path, n in longest.items() if n > 400}
    assert not too_long


def test_import_nnlib_imports_nothing_heavy():
    code = "import sys, nnlib; print([m for m in ('jax', 'numpy', 'optax') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_using_layers_imports_no_training_and_no_orbax():
    code = (
        "import sys, nnlib; nnlib.layers.Dense(1); nnlib.Sequential; "
        "print([m for m in ('optax', 'orbax', 'nnlib.training', 'keras', 'tensorflow')"
        " if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_resolves():
    import nnlib

    for name in nnlib.__all__:
        value = getattr(nnlib, name)
        for inner in getattr(value, "__all__", ()):
            assert hasattr(value, inner), f"nnlib.{name}.{inner}"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = nnlib.nothing
