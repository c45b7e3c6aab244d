"""A process that failed does not wait for others, who may wait for it."""

import importlib
import subprocess
import sys
import types
from pathlib import Path

import pytest
from nnlib.distributed.preemption import Preempted

import nnlib as nn

reentered = importlib.import_module("nnlib.distributed.reentered")

CODE = """
import atexit, sys, time
sys.path.insert(0, sys.argv[1])
import failed_exit
failed_exit.LEAVE_SECONDS = 0.1
atexit.register(lambda: (print("waits", flush=True), time.sleep(float(sys.argv[2]))))  # as JAX
failed_exit.watch()
atexit.register(print, "saves", flush=True)
"""


@pytest.mark.parametrize(
    ("end", "seconds", "code"),
    [
        ("raise ValueError('mine')", 60, 1),
        ("raise KeyboardInterrupt", 60, 130),
        ("failed_exit.end_soon(7); sys.exit(3)", 60, 7),
        ("raise ValueError('mine')", 0, 1),  # all others have failed as well
        ("sys.exit(3)", 0.3, 3),
        ("", 0.3, 0),
    ],
)
def test_a_process_ends(end, seconds, code):
    here = str(Path(nn.distributed.__file__).parent)
    command = [sys.executable, "-I", "-S", "-c", f"{CODE}\n{end}", here, str(seconds)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (found.returncode, found.stdout) == (code, "saves\nwaits\n")
    assert ("without the others" in found.stderr) == (seconds == 60)
    assert ("mine" in found.stderr) == ("mine" in end)


@pytest.mark.parametrize(
    ("end", "noted"),
    [
        (SystemExit(3), ["failed"]),
        (SystemExit("a text"), ["failed"]),
        (SystemExit(0), ["left"]),
        (Preempted(9), ["left"]),
    ],
    ids=["3", "text", "0", "preempted"],
)
def test_who_exits_where_others_are_replaced(monkeypatch, end, noted):
    """A first process that fails by `sys.exit` says so; else it would wait for those it failed."""
    found = []
    own = types.SimpleNamespace(note=found.append)
    monkeypatch.setattr(reentered, "enter", lambda: own)
    monkeypatch.setattr(reentered, "leave", lambda: found.append("left"))

    def main():
        raise end

    with pytest.raises(SystemExit) as raised:
        reentered.reentered(main)
    assert raised.value is end
    assert found == noted
