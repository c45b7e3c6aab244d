"""Gangs: exit codes, logs, restarts; nothing is left running."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from nnlib.distributed import function_process
from nnlib.distributed import gang as gangs
from nnlib.distributed.launch_command import main
from nnlib.distributed.supervise import Outcome, noted, supervise

import nnlib as nn

ME = 'import json, os, sys, time, signal; me = json.loads(os.environ["TF_CONFIG"])["task"]["index"]'


def python(code):
    return [sys.executable, "-I", "-S", "-c", f"{ME}\n{code}"]


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def gone(pid, seconds=5.0):
    end = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not is_running(pid)


def test_each_worker_knows_the_cluster(tmp_path):
    code = 'print(os.environ["TF_CONFIG"], os.environ["NNLIB_ATTEMPT"], os.environ["MORE"])'
    outcome = supervise(python(code), 3, log_dir=tmp_path, environment={"MORE": "yes"})
    assert (outcome.exits, outcome.code, outcome.attempts) == ([0, 0, 0], 0, 1)
    logs = [(tmp_path / f"worker-{i}.log").read_text() for i in range(3)]
    configs = [text.rsplit(" ", 2) for text in logs]
    assert [rest for _, *rest in configs] == [["1", "yes\n"]] * 3
    found = []
    for config, *_ in configs:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TF_CONFIG", config)
            resolver = nn.distributed.TFConfigClusterResolver()
            found.append((resolver.task_type, resolver.task_id, resolver.cluster_spec()))
    assert [task for _, task, _ in found] == [0, 1, 2]
    addresses = found[0][2].job_tasks("worker")
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_one_that_fails_ends_all_and_all_start_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlib.distributed.supervise.PEER_SECONDS", 0.1)
    code = """
print("attempt", os.environ["NNLIB_ATTEMPT"], os.getpid(), flush=True)
if os.environ["NNLIB_ATTEMPT"] == "1":
    if me == 1: sys.exit(7)
    time.sleep(60)
"""
    said = []
    outcome = supervise(python(code), 2, restarts=2, log_dir=tmp_path, say=said.append)
    assert (outcome.exits, outcome.attempts) == ([0, 0], 2)
    assert said == ["worker 0: was ended, worker 1: exit code 7; all start anew, attempt 2 of 3"]
    lines = (tmp_path / "worker-0.log").read_text().split()
    assert (lines[1], lines[4]) == ("1", "2")
    assert gone(int(lines[2]))


def test_one_that_is_lost_is_replaced_and_the_others_stay(tmp_path, monkeypatch):
    """Once when it has joined, and so is missed; once before, when it is not; then the first."""
    monkeypatch.setattr("nnlib.distributed.supervise.PEER_SECONDS", 0.1)
    code = """
sys.path.insert(0, os.environ["HERE"])
import pathlib, generation
folder = pathlib.Path(os.environ["NNLIB_REFORM"])
attempt = generation.newest(folder).attempt
print(attempt, os.getpid(), flush=True)
def told(number):
    while generation.newest(folder).attempt < number: time.sleep(0.01)
    return generation.newest(folder)
def here(index): return generation.mark(folder, "joined", 1, index)
if attempt == 1: here(me).touch()
if me == 1 and attempt == 1:
    while not here(0).exists(): time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
if me == 1 and attempt == 2: sys.exit(5)
if me == 0 and attempt == 1:
    for known in (told(2), told(3)): print(known.number, known.since, known.addresses[0])
    sys.exit(6)
if attempt == 3: time.sleep(60)
"""
    said = []
    outcome = supervise(
        python(code),
        2,
        restarts=3,
        reform=True,
        log_dir=tmp_path,
        environment={"HERE": str(Path(nn.distributed.__file__).parent)},
        say=said.append,
    )
    assert (outcome.exits, outcome.attempts) == ([0, 0], 4)
    assert said == [
        "worker 1: exit code -9; replaced, attempt 2 of 4",
        "worker 1: exit code 5; replaced, attempt 3 of 4",
        "worker 0: exit code 6, worker 1: was ended; all start anew, attempt 4 of 4",
    ]
    first = (tmp_path / "worker-0.log").read_text().splitlines()
    assert first[1] == first[2]  # the same cluster: who was not there yet is not missed
    assert first[1].startswith("2 [1, 2] 127.0.0.1:")
    assert [line.split()[0] for line in (first[0], first[3])] == ["1", "4"]


def test_one_that_is_lost_when_its_program_is_done_is_not_waited_for(tmp_path, monkeypatch):
    """The others are about to end, and would not join those that replace it."""
    monkeypatch.setattr("nnlib.distributed.supervise.PEER_SECONDS", 0.1)
    code = """
if os.environ["NNLIB_ATTEMPT"] == "1":
    for what in ("joined", "left"): open(f"{os.environ['NNLIB_REFORM']}/{what}-1-{me}", "w").close()
    if me == 1: os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
"""
    said = []
    outcome = supervise(
        python(code), 2, restarts=1, reform=True, log_dir=tmp_path, say=said.append, seconds=30
    )
    assert outcome.exits == [0, 0]
    assert said == ["worker 0: was ended, worker 1: exit code -9; all start anew, attempt 2 of 2"]


def test_those_that_lost_a_silent_first_worker_do_not_go_on_without_it(tmp_path, monkeypatch):
    """JAX aborts them, as here, when it does not hear the first any more."""
    monkeypatch.setattr("nnlib.distributed.supervise.PEER_SECONDS", 0.1)
    code = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if os.environ["NNLIB_ATTEMPT"] == "1":
    if me == 1: os.abort()
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    said = []
    outcome = supervise(
        python(code), 2, restarts=1, reform=True, log_dir=tmp_path, say=said.append, seconds=60
    )
    assert outcome.exits == [0, 0]
    assert said == ["worker 0: was ended, worker 1: exit code -6; all start anew, attempt 2 of 2"]


def test_the_end_of_a_long_log(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * 10**6 + b"\n\xff\nend\n")
    assert gangs.tail(log, 2) == "\ufffd\nend"
    assert len(gangs.tail(log)) < 10**5


@pytest.mark.parametrize(
    ("death", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", 137)]
)
def test_exit_codes(death, code):
    outcome = supervise(python(f"if me == 0: {death}"), 2)
    assert outcome.code == code
    assert not outcome.good


def test_told_to_end_and_those_that_do_not(tmp_path):
    code = """
if me == 0: signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
else: signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""

    def ready():
        return all(gangs.tail(tmp_path / f"worker-{i}.log") == "ready" for i in range(2))

    outcome = supervise(
        python(code), 2, restarts=5, log_dir=tmp_path, grace_seconds=0.5, told=ready
    )
    assert (outcome.exits, outcome.told, outcome.code) == ([0, -9], True, 137)
    began, said = time.monotonic(), []
    outcome = supervise(
        python(code),
        2,
        log_dir=tmp_path / "again",
        told=lambda: 2,
        grace_seconds=60,
        say=said.append,
    )
    assert outcome.told
    assert not outcome.good
    assert said[0] == "told to end; the workers have 60 s to save their work"
    assert time.monotonic() - began < 20


def test_time_is_up(tmp_path):
    outcome = supervise(python("time.sleep(60)"), 2, seconds=0.5)
    assert (outcome.exits, outcome.late, outcome.code) == ([None, None], True, 1)


def test_nothing_is_left_when_the_launcher_is_killed(tmp_path):
    program = tmp_path / "program.py"
    child = "import subprocess, sys, time, os; print(os.getpid(), flush=True); time.sleep(60)"
    program.write_text(child)
    launcher = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "nnlib",
            "launch",
            "--workers",
            "2",
            "--log-dir",
            str(tmp_path),
            str(program),
        ]
    )
    logs = [tmp_path / f"worker-{i}.log" for i in range(2)]
    end = time.monotonic() + 30
    while not all(gangs.tail(log) for log in logs) and time.monotonic() < end:
        time.sleep(0.05)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait(timeout=10)
    assert all(gone(int(gangs.tail(log))) for log in logs)


def test_the_command(tmp_path, capfd):
    program = tmp_path / "program.py"
    program.write_text("import sys; print(sys.argv[1:]); sys.exit(len(sys.argv) - 3)")
    given = ["--workers", "2", "--log-dir", str(tmp_path / "logs"), str(program)]
    assert main([*given, "--epochs", "3"]) == 0
    assert gangs.tail(tmp_path / "logs" / "worker-1.log") == "['--epochs', '3']"
    assert main([*given, "a", "b", "c", "d"]) == 2
    told = capfd.readouterr().err
    assert "worker 0: exit code 2" in told
    assert "['a', 'b', 'c', 'd']" in told


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["PROGRAM"], "--workers"),
        (["--workers", "2"], "PROGRAM"),
        (["--workers", "0", "PROGRAM"], "--workers: expected at least 1, got 0"),
        (["--workers", "x", "PROGRAM"], "--workers: expected an integer, got 'x'"),
        (["--workers", "2", "--reform", "PROGRAM"], "--restarts: expected restarts of at least 1"),
        (["--workers", "2", "--restarts", "-1", "PROGRAM"], "--restarts: expected restarts as an"),
        (["--workers", "2", "--grace", "nan", "PROGRAM"], "--grace: expected seconds"),
        (
            ["--workers", "2", "--log-dir", "PROGRAM/logs", "PROGRAM"],
            "--log-dir: expected a folder",
        ),
        (["--workers", "2", "PROGRAM/absent.py"], "PROGRAM: expected a file"),
    ],
)
def test_the_command_refuses(tmp_path, capsys, given, text):
    program = tmp_path / "program.py"
    program.touch()
    with pytest.raises(SystemExit) as ended:
        main([word.replace("PROGRAM", str(program)) for word in given])
    assert ended.value.code == 2
    assert text in capsys.readouterr().err.replace("\n", " ")


def test_run_hands_back_what_was_raised(monkeypatch):
    with pytest.raises(nn.distributed.ProcessError, match=r"(?s)Process 0.*ValueError.*'x'"):
        nn.distributed.run(int, 1, ("x",))


@pytest.mark.parametrize(
    "outcome", [Outcome([75, 75], 1, told=True), Outcome([0, 0], 1), Outcome([0, 3], 1)]
)
def test_run_that_is_told_to_end_tells_its_workers_first(monkeypatch, outcome):
    """They end, nothing is left behind, and then this process ends as it was told to.

    That it was told in time counts, not what the workers had come to by then.
    """
    module, folders, ended = sys.modules["nnlib.distributed.run"], [], []

    def supervised(command, count, told, **options):
        folders.append(Path(command[-1]))
        assert (told(), folders[0].is_dir()) == (0, True)
        signal.raise_signal(signal.SIGTERM)
        assert told() == 1
        monkeypatch.setattr(module.os, "kill", lambda *given: ended.append(given))
        return outcome

    monkeypatch.setattr(module, "supervise", supervised)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        nn.distributed.run(int, 2)
    assert left.value.code == 128 + signal.SIGTERM
    assert ended == [(os.getpid(), signal.SIGTERM)]
    assert not folders[0].exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_command_hears_that_its_terminal_is_closed(tmp_path, monkeypatch):
    program, heard = tmp_path / "program.py", []
    program.touch()

    def closed(text):
        raise BrokenPipeError

    def supervised(command, count, told, say, **options):
        signal.raise_signal(signal.SIGHUP)
        heard.append(told())
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", SimpleNamespace(write=closed))
            say("nobody reads this")
        return Outcome([0] * count, 1)

    monkeypatch.setattr("nnlib.distributed.launch_command.supervise", supervised)
    before = signal.getsignal(signal.SIGHUP)
    for handler in (signal.SIG_DFL, signal.SIG_IGN):  # the second under nohup
        signal.signal(signal.SIGHUP, handler)
        assert main(["--workers", "2", str(program)]) == 0
        assert signal.signal(signal.SIGHUP, before) is handler
    assert heard == [1, 0]


def test_handlers_of_the_program_stay_and_what_it_ignores_is_ignored():
    heard, before = [], {}
    for number, handler in (
        (signal.SIGTERM, lambda *_: heard.append("own")),
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_IGN),  # as under `nohup`
    ):
        before[number] = signal.signal(number, handler)
    with noted(*before) as told:
        for number in before:
            signal.raise_signal(number)
    for number, handler in before.items():
        signal.signal(number, handler)
    assert (heard, told) == (["own"], [signal.SIGINT])


def test_run_in_a_script_that_is_being_read(monkeypatch):
    script = SimpleNamespace(is_being_read=True)
    monkeypatch.setitem(sys.modules, "__main__", script)
    with pytest.raises(RuntimeError, match="if __name__"):
        nn.distributed.run(int, 1)


def test_a_script_knows_that_it_is_being_read(tmp_path, monkeypatch):
    """Which `run` asks for, above; behind that it is the main program of the worker."""
    script = tmp_path / "script.py"
    script.write_text("import sys\nseen = sys.modules['__main__'].is_being_read\n")
    for name in ("__main__", "__mp_main__"):
        monkeypatch.setitem(sys.modules, name, None)
    function_process._take_over(str(script))
    found = sys.modules["__main__"]
    assert (found.seen, found.is_being_read) == (True, False)


@pytest.mark.parametrize(
    ("fn", "options", "match"),
    [
        (lambda: 1, {}, "pickled"),
        (int, {"num_processes": 0}, "num_processes"),
        (int, {"reform": True}, "restarts"),
        (int, {"restarts": -1}, "restarts"),
        (int, {"timeout_seconds": 0}, "timeout_seconds"),
        (int, {"timeout_seconds": "3"}, "timeout_seconds"),
    ],
)
def test_run_refuses(fn, options, match):
    with pytest.raises(ValueError, match=match):
        nn.distributed.run(fn, **options)
