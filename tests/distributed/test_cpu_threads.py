"""XLA gets enough threads for virtual devices: collectives that wait for each other end it."""

import os
import re
import types
from pathlib import Path

import pytest
from nnlib.distributed import cpu_threads
from nnlib.distributed.cpu_threads import enough_threads

PROGRAM = """
import collections, glob, os
import jax
jax.config.update("jax_num_cpu_devices", 5)
import nnlib as nn
strategy = nn.distributed.ShardedStrategy()
names = [open(path).read().strip() for path in glob.glob("/proc/self/task/*/comm")]
print(max(collections.Counter(names).values()), os.environ.get("NPROC"))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_a_strategy_starts_jax_with_threads_for_each_device(run_on_devices, monkeypatch):
    monkeypatch.delenv("NPROC")
    count, left = run_on_devices(PROGRAM, 1).split()
    assert int(count) >= 40
    assert left == "None"


def test_a_number_that_is_given_counts(monkeypatch):
    monkeypatch.setenv("NPROC", "3")
    with enough_threads(several=True):
        assert os.environ["NPROC"] == "3"


def test_one_device_takes_what_xla_takes(monkeypatch):
    monkeypatch.delenv("NPROC")
    unset = types.SimpleNamespace(jax_num_cpu_devices=-1)
    monkeypatch.setattr(cpu_threads, "jax", types.SimpleNamespace(config=unset))
    with enough_threads():
        assert "NPROC" not in os.environ
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    with enough_threads():
        assert re.fullmatch(r"\d\d+", os.environ["NPROC"])
    assert "NPROC" not in os.environ
