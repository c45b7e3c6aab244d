"""A process that saves over and over is killed 50 times; the file is whole each time."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_a_killed_save_leaves_the_old_file_or_the_new_one(tmp_path):
    script = Path(__file__).with_name("endless_saving.py")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": root, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["wrong"] == []
    assert result["cut"] > 5  # some of the kills did hit a save
    assert result["left"] == []  # and the next save cleaned up behind them
