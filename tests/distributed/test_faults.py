"""Processes that are killed, told to end, or fall silent: no step is lost that need not be."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from nnlib.distributed.broken_links import cut_links
from nnlib.distributed.kept_steps import KeptSteps
from nnlib.distributed.supervise import cpu_environment, supervise

import nnlib as nn

PROGRAM = [sys.executable, str(Path(__file__).with_name("killed_processes.py"))]


def notes_of(folder, index):
    """(attempt, step, pid) of every step of a worker."""
    lines = (folder / f"notes-{index}.txt").read_text().splitlines()
    return [tuple(json.loads(line)) for line in lines]


def test_killed_then_told_to_end_then_as_if_nothing_had_happened(tmp_path):
    """The first is killed at step 7, where 5 is saved, and all start anew; the second at 9, and the
    first goes on in its process; SIGTERM at 12 ends both. The weights are those of one run."""
    outcome = supervise(
        [
            sys.executable,
            "-m",
            "nnlib.distributed.reentered_program",
            *PROGRAM[1:],
            "train",
            str(tmp_path),
        ],
        2,
        restarts=3,
        reform=True,
        log_dir=tmp_path,
        environment=cpu_environment(1),
        seconds=100,
    )
    assert (outcome.exits, outcome.attempts) == ([0, 0], 4), (tmp_path / "worker-0.log").read_text()
    digests = [json.loads((tmp_path / f"digests-{i}.json").read_text()) for i in range(2)]
    assert digests[0][0] == digests[0][1]
    assert digests[0] == digests[1]
    assert not list((tmp_path / "backup-1").iterdir())  # the chief alone writes
    notes = notes_of(tmp_path, 0)
    steps = {n: [step for attempt, step, _ in notes if attempt == n] for n in range(1, 5)}
    assert steps[1] == list(range(1, 8))
    assert steps[2] == [6, 7, 8, 9]  # two steps again
    told = steps[3][-1]
    assert told >= 12
    assert steps[3] == list(range(10, told + 1))
    assert steps[4] == list(range(told + 2, 41))  # the step of the end is saved, not noted
    pids = [{pid for attempt, _, pid in notes if attempt == n} for n in range(1, 5)]
    assert [len(found) for found in pids] == [1] * 4
    assert pids[0] != pids[1] == pids[2] != pids[3]


def outlived(folder, count, fates, **options):
    """What `killed_processes.outlive` returns of workers, one of which is killed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        import killed_processes

        results = nn.distributed.run(
            killed_processes.outlive,
            count,
            (folder, fates),
            cpu_devices=1,
            restarts=1,
            log_dir=folder,
            timeout_seconds=100,
            **options,
        )
    found, uninterrupted, _ = results[0]
    assert found == uninterrupted
    assert [result[:2] for result in results] == [(found, uninterrupted)] * count
    return [pid for *_, pid in results]


def test_one_is_killed_and_all_start_anew(tmp_path):
    """Workers end where one of them does, and go on from the last backup, that of step 5."""
    pids = outlived(tmp_path, 2, {(1, 1, 7): signal.SIGKILL})
    for index, pid in enumerate(pids):
        notes = notes_of(tmp_path, index)
        assert [note[:2] for note in notes if note[0] == 2] == [(2, n) for n in range(6, 11)]
        assert {note[2] == pid for note in notes if note[0] == 1} == {False}


def test_two_outlive_the_third(tmp_path):
    """They wait for each other when it is lost: both have to give up, and the first leaves last."""
    pids = outlived(tmp_path, 3, {(1, 2, 4): signal.SIGKILL}, reform=True)
    for index, pid in enumerate(pids):
        notes = notes_of(tmp_path, index)
        assert [note[:2] for note in notes] == [(1 + (step > 4), step) for step in range(1, 11)]
        assert notes[-1][2] == pid
        assert (notes[0][2] == pid) == (index < 2)


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


def test_each_fit_goes_on_from_the_step_that_was_kept_of_it():
    def fit(kept, epochs):
        """A fit whose first callback restores, and whose last one keeps."""
        nn.utils.set_random_seed(1)
        made = nn.Sequential([nn.Input((2,)), nn.layers.Dropout(0.5), nn.layers.Dense(1)])
        made.compile("adam", "mse")
        steps = []
        made.fit(
            np.ones((8, 2), "float32"),
            np.ones((8, 1), "float32"),
            batch_size=4,
            epochs=epochs,
            verbose=0,
            callbacks=[
                nn.callbacks.LambdaCallback(
                    on_train_begin=lambda logs: kept.restore(made),
                    on_train_batch_end=lambda batch, logs: (steps.append(batch), kept.keep(made)),
                )
            ],
        )
        return made.get_weights()[0], steps

    kept = KeptSteps()
    assert "no step was kept" in str(kept)
    whole, steps = fit(kept, 2)
    assert steps == [0, 1, 0, 1]
    fit(kept, 1)  # the program is lost in its second fit
    assert str(kept) == "step 2 of its fit number 2"
    kept.detach()
    kept.begin()
    found, steps = fit(kept, 2)
    np.testing.assert_array_equal(found, whole)
    assert steps == []
    found, steps = fit(kept, 2)
    np.testing.assert_array_equal(found, whole)
    assert steps == [0, 1]


def test_links_with_a_process_are_cut_but_one():
    """Both ends of a cut one read its end; those with other processes stay."""
    with contextlib.ExitStack() as opened:
        cut, kept = (opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in "ab")
        ports = [server.getsockname()[1] for server in (cut, kept)]
        code = f"""
import socket
links = [socket.create_connection(("127.0.0.1", port)) for port in {ports}]
print(links[0].recv(1), links[1].recv(1))
"""
        child = opened.enter_context(
            subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE)
        )
        links = [opened.enter_context(server.accept()[0]) for server in (cut, kept)]
        own = opened.enter_context(socket.create_connection(("127.0.0.1", ports[0])))
        cut_links([child.pid], ports[1])
        assert links[0].recv(1) == b""
        links[1].send(b"x")
        assert child.communicate(timeout=20)[0] == b"b'' b'x'\n"
        own.send(b"y")
        assert opened.enter_context(cut.accept()[0]).recv(1) == b"y"
