"""A run killed with SIGKILL goes on, and ends as one that was never interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("long_run.py")


def start(folder, save_freq):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(save_freq)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
    )


def finish(folder, save_freq):
    process = start(folder, save_freq)
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 0
    with np.load(folder / "weights.npz") as stored:
        weights = [stored[name] for name in stored.files]
    return weights, json.loads((folder / "history.json").read_text()), out.count("batch")


def kill_after(folder, save_freq, batches):
    """SIGKILL once `batches` batches are reported, in the middle of whatever comes next."""
    process = start(folder, save_freq)
    for _ in range(batches):
        assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return finish(tmp_path_factory.mktemp("whole"), "epoch")


@pytest.mark.parametrize(("save_freq", "kills"), [("epoch", [30, 30]), (1, [5, 18]), (4, [26])])
def test_a_killed_run_ends_as_if_nothing_had_happened(tmp_path, uninterrupted, save_freq, kills):
    for batches in kills:
        kill_after(tmp_path, save_freq, batches)
    weights, logs, batches_left = finish(tmp_path, save_freq)
    expected, expected_logs, all_batches = uninterrupted
    assert batches_left < all_batches  # it did go on, and did not begin again
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    assert logs == expected_logs
    assert not (tmp_path / "backup").exists()
