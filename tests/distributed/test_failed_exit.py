"""A process that failed does not wait for others, who may wait for it."""

import contextlib
import importlib
import json
import operator
import subprocess
import sys
import types
from pathlib import Path

import pytest
from nnlib.distributed import function_process
from nnlib.distributed.preemption import Preempted
from nnlib.distributed.supervise import Outcome

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


@pytest.mark.parametrize(
    ("call", "code", "match"),
    [
        ((sys.exit, 1, (3,)), 3, r"(?s)Process 0 ended with code 3:\nTraceback.*SystemExit: 3"),
        ((sys.exit, 1), 0, r"(?s)Process 0 ended with code 0:\nTraceback.*SystemExit"),
        ((operator.add, 1, (2, 3)), 1, r"code 1, after the function had returned:\nIt wrote no"),
        (None, 1, r"Process 0 ended with code 1:\nIt wrote no text"),
        (None, 0, r"Process 0 ended with code 0:\nIt wrote no text"),
    ],
    ids=["exit 3", "exit", "at its end", "at once", "at once with 0"],
)
def test_run_says_why_a_process_that_exits_by_itself_failed(monkeypatch, call, code, match):
    def supervised(command, count, **options):
        folder = Path(command[-1])
        monkeypatch.setenv("TF_CONFIG", json.dumps({"task": {"index": 0}}))
        (folder / "result-0.pickle").write_bytes(b"of an attempt before")
        if call is None:
            (folder / "result-0.pickle").unlink()
            return Outcome([code], 1)
        with contextlib.suppress(SystemExit):
            function_process.main(folder)
        return Outcome([code], 1)

    monkeypatch.setattr(sys.modules["nnlib.distributed.run"], "supervise", supervised)
    with pytest.raises(nn.distributed.ProcessError, match=match):
        nn.distributed.run(*(call or (int, 1)))


def test_a_process_that_is_ended_while_it_writes_its_result_has_none(monkeypatch):
    def supervised(command, count, **options):
        folder = Path(command[-1])
        monkeypatch.setenv("TF_CONFIG", json.dumps({"task": {"index": 0}}))
        with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
            patch.setattr(Path, "replace", interrupted)
            function_process.main(folder)
        return Outcome([None, 3], 1)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["nnlib.distributed.run"], "supervise", supervised)
    with pytest.raises(nn.distributed.ProcessError, match="Process 0 did not end"):
        nn.distributed.run(int, 2)
