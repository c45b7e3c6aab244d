"""The progress bar."""

import re
import sys

import numpy as np
import pytest

import nnlib as nn
from nnlib.utils import progbar


class Terminal:
    """A standard output that can be written over."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_a_file_gets_one_line_at_the_end(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # imported, but not running us
    bar = nn.utils.Progbar(3)
    for step in range(3):
        bar.update(step + 1, [("loss", 4.0 - step), ("tiny", 0.0001)])
    out = capsys.readouterr().out
    assert re.fullmatch(r"3/3 ━{20} 0s - \d+\w+/step - loss: 2\.0000 - tiny: 1\.0000e-04\n", out), (
        out
    )


def test_a_terminal_gets_a_line_that_moves(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    bar = nn.utils.Progbar(10, width=5, interval=0, unit_name="row")
    bar.update(2, [("loss", 1.0)])
    bar.update(4, [("loss", 2.0)])
    bar.update(10)
    first, second, last = terminal.text.split("\r")[1:]
    assert " 2/10 ━╌╌╌╌ " in first
    assert "loss: 1.5000" in second, "a mean weighted by steps"
    assert last.startswith("10/10 ━━━━━ ")
    assert last.endswith("\n")
    assert "/row" in last


def test_short_intervals_are_left_out(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    bar = nn.utils.Progbar(100, interval=1000)
    for _ in range(100):
        bar.add(1)
    assert terminal.text.count("\r") == 2


def test_means_and_values_as_they_are(capsys):
    bar = nn.utils.Progbar(None, stateful_metrics=["now"], verbose=2)
    bar.add(1, [("mean", 1.0), ("now", 1.0)])
    bar.add(3, [("mean", np.array([4.0, 6.0])), ("now", 7.0)])
    bar.update(4, finalize=True)
    assert last_line(capsys).endswith("mean: 4.0000 - now: 7.0000")
    other = nn.utils.Progbar(None, stateless_metrics=["mean"], verbose=2)
    other.add(1, [("mean", 1.0), ("now", 1.0)])
    other.add(1, [("mean", 2.0), ("now", 7.0)])
    other.update(2, finalize=True)
    line = last_line(capsys)
    assert line.startswith("2/Unknown - 0s - ")
    assert line.endswith("mean: 1.5000 - now: 7.0000")


def test_silence_and_refusals(capsys):
    bar = nn.utils.Progbar(1, verbose=0)
    bar.add(1)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="got both"):
        nn.utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.2, "3s"), (63, "1:03"), (3663, "1:01:03"), (0, "0s")]
)
def test_clock(seconds, text):
    assert progbar._clock(seconds) == text


def test_the_first_step_does_not_spoil_the_estimate(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progbar.time, "perf_counter", lambda: now[0])
    bar = nn.utils.Progbar(100, verbose=0)
    now[0] = 50.0
    bar.add(1)
    now[0] = 54.0
    bar.add(4)
    assert bar._step_time(now[0]) == 1.0
