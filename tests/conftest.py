"""What every test begins with: strict JAX, fixed seeds, settings as they were shipped."""

import gc
import importlib.metadata
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"  # before anything imports keras
# The suite compiles thousands of small programs and runs most of them once: compile quickly, and
# share what is compiled between workers and runs.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
if importlib.metadata.version("jaxlib").startswith("0.10."):  # newer ones do not know this flag
    QUICK += " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", QUICK)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".xla_cache"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# Eight devices on few cores: see distributed/cpu_threads.py. Whatever starts JAX first, finds it.
os.environ.setdefault("NPROC", "64")

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import pytest

from nnlib.core import dtypes, settings
from nnlib.core.random import set_random_seed

# Programs that JAX keeps are millions of objects; to look through them took a tenth of the time.
gc.set_threshold(50_000, 20, 50)

# Strategies find eight devices; whoever asks for none gets the first of them, as ever.
jax.config.update("jax_num_cpu_devices", 8)

# Our own code writes its broadcasting out; see `keras` for code that does not.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True)
def _fresh_settings() -> Iterator[None]:
    set_random_seed(0)
    yield
    dtypes.set_dtype_policy(None)
    settings.set_floatx("float32")
    settings.set_epsilon(1e-7)
    settings.set_image_data_format("channels_last")
    settings.set_max_epochs(None)
    settings.set_max_steps_per_epoch(None)
    settings.forget_session_settings()


@pytest.fixture
def keras() -> Iterator[Any]:
    """The installed Keras on JAX, which broadcasts over ranks."""
    module = pytest.importorskip("keras")
    with jax.numpy_rank_promotion("allow"):
        yield module


@pytest.fixture
def run_on_devices() -> Callable[..., str]:
    """`run_on_devices(code, 8)`: what `code` prints in a process with so many CPU devices."""

    def run(code: str, count: int = 8) -> str:
        flags = f"--xla_force_host_platform_device_count={count}"
        root = str(Path(__file__).parents[1])
        environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": root}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
