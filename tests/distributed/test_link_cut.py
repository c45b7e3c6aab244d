"""Two network namespaces as two machines; the link between them is cut."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = [sys.executable, str(Path(__file__).with_name("killed_processes.py"))]
NAMES = (f"nnlib-{os.getpid()}-a", f"nnlib-{os.getpid()}-b")
ADDRESSES = ("10.213.7.1", "10.213.7.2")


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


def remove():
    for name in NAMES:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def machines():
    """A command prefix for each of two machines that have a link, `eth`."""
    remove()
    try:
        for name in NAMES:
            ip("netns", "add", name)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("this machine allows no network namespaces")
    prefixes = []
    try:
        ip("-n", NAMES[0], "link", "add", "eth", "type", "veth", "peer", "eth", "netns", NAMES[1])
        for name, address in zip(NAMES, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth")
            ip("-n", name, "link", "set", "eth", "up")
            ip("-n", name, "link", "set", "lo", "up")
            named = f'hostname {address} && exec "$@"'
            prefixes.append(
                ["ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", named, "sh"]
            )
        yield prefixes
    finally:
        remove()


@pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2")
def test_both_sides_of_a_cut_link_end(machines, tmp_path):
    """Neither waits for ever: both end once nothing was heard for the 4 seconds of a heartbeat."""
    processes, logs = [], contextlib.ExitStack()
    try:
        for index, prefix in enumerate(machines):
            cluster = {"worker": [f"{address}:8476" for address in ADDRESSES]}
            config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
            cpu = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"}
            processes.append(
                subprocess.Popen(
                    [*prefix, *PROGRAM, "cut", str(tmp_path)],
                    env=os.environ | cpu | {"TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.DEVNULL,
                    stderr=logs.enter_context((tmp_path / f"log-{index}").open("wb")),
                )
            )
        wait_for(tmp_path / "met-0", 60)
        wait_for(tmp_path / "met-1", 60)
        began = time.monotonic()
        ip("-n", NAMES[0], "link", "set", "eth", "down")
        codes = [process.wait(timeout=20) for process in processes]
        assert all(codes)
        assert time.monotonic() - began < 15
    finally:
        logs.close()
        for process in processes:
            process.kill()
            process.wait()


def wait_for(path, seconds):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, [p.read_text()[-2000:] for p in path.parent.glob("log-*")]
        time.sleep(0.05)
