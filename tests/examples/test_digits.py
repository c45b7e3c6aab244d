"""The main job, end to end: what `make demo` runs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "digits.py"


@pytest.mark.timeout(400)
def test_the_demo_reaches_its_goals(tmp_path):
    # Training is long enough to be compiled well, as it is for everybody who runs the script.
    as_users_have_it = {name: v for name, v in os.environ.items() if name != "XLA_FLAGS"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--output", str(tmp_path)],
        env=as_users_have_it,
        capture_output=True,
        text=True,
        check=False,
        timeout=390,
    )
    # Wall time is the machine's affair: a slow one must not fail the suite.
    failed = [line for line in done.stdout.splitlines() if "not reached" in line]
    assert not [line for line in failed if "training" not in line], done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert "1000 of 1000" in done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint",
        "digits.png",
        "digits.tflite",
    }
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "digits.tflite").read_bytes()[4:8] == b"TFL3"
