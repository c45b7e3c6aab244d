"""Processes that are killed, told to end, or fall silent: no step is lost that need not be."""

import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from nnlib.distributed.supervise import cpu_environment, supervise

import nnlib as nn

PROGRAM = [sys.executable, str(Path(__file__).with_name("killed_processes.py"))]


def test_killed_then_told_to_end_then_as_if_nothing_had_happened(tmp_path):
    """SIGKILL at step 7, where 5 is saved; SIGTERM at 12; the weights are those of one run."""
    outcome = supervise(
        [*PROGRAM, "train", str(tmp_path)],
        2,
        restarts=2,
        log_dir=tmp_path,
        environment=cpu_environment(1),
        seconds=100,
    )
    assert (outcome.exits, outcome.attempts) == ([0, 0], 3), (tmp_path / "worker-0.log").read_text()
    digests = [json.loads((tmp_path / f"digests-{i}.json").read_text()) for i in range(2)]
    assert digests[0][0] == digests[0][1]
    assert digests[0] == digests[1]
    assert not list((tmp_path / "backup-1").iterdir())  # the chief alone writes
    notes = [json.loads(line) for line in (tmp_path / "notes-0.txt").read_text().splitlines()]
    by_attempt = {n: [step for attempt, step in notes if attempt == n] for n in (1, 2, 3)}
    assert by_attempt[1] == list(range(1, 8))
    assert by_attempt[2][0] == 6  # two steps again
    told = by_attempt[2][-1]
    assert by_attempt[3] == list(range(told + 2, 41))  # the step of the end is saved, not noted
    assert max(Counter(map(tuple, notes)).values()) == 1


def test_a_silent_process_ends_the_others(tmp_path):
    """A collective raises after its 2 seconds; without a heartbeat for 5 the process ends."""
    outcome = supervise(
        [*PROGRAM, "silent", str(tmp_path)],
        2,
        log_dir=tmp_path,
        environment=cpu_environment(1),
        seconds=60,
    )
    assert outcome.exits == [-signal.SIGABRT, None]
    seconds, _ = json.loads((tmp_path / "collective.json").read_text())
    assert 1.5 < seconds < 4


class TellItself(nn.callbacks.Callback):
    """Sends SIGTERM to its own process after a step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


def test_one_process_that_is_told_to_end(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")

    def fit(*callbacks):
        nn.utils.set_random_seed(1)
        made = nn.Sequential([nn.Input((4,)), nn.layers.Dropout(0.5), nn.layers.Dense(1)])
        made.compile("adam", "mse")
        made.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0, callbacks=callbacks)
        return made

    before = signal.getsignal(signal.SIGTERM)
    saved = nn.distributed.PreemptionCheckpoint(tmp_path, exit_code=9)
    with pytest.raises(SystemExit) as ended:
        fit(TellItself(3), saved)
    assert ended.value.code == 9
    assert signal.getsignal(signal.SIGTERM) is before
    steps = TellItself(0)
    found = fit(nn.distributed.PreemptionCheckpoint(tmp_path), steps)
    np.testing.assert_array_equal(found.get_weights()[0], fit().get_weights()[0])
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    "options", [{"check_freq": 0}, {"save_freq": 5, "check_freq": 2}, {"save_freq": -1}]
)
def test_what_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match=r"check_freq|save_freq"):
        nn.distributed.PreemptionCheckpoint(tmp_path, **options)
