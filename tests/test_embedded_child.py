"""Embedded servers end with whoever started them, however that one ends."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stream.embedded import EmbeddedError, start_broker
from stream.embedded.child import await_ready, spawn

PARENT = """
import pathlib, sys
from stream.embedded import start_broker, start_redis
directory = pathlib.Path(sys.argv[1])
children = [start_broker(directory / "kafka"), start_redis(directory / "redis")]
print(*(child.process.pid for child in children), flush=True)
sys.stdin.read()
"""
WATCHED = """
import pathlib, sys
from stream.embedded.child import spawn
child = spawn(["/bin/sleep", "600"], pathlib.Path(sys.argv[1]) / "log", watch=True)
print(child.process.pid, flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize("script", [PARENT, WATCHED], ids=["parent-death signal", "watcher"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_of_a_killed_process_end_too(
    tmp_path: Path, script: str, number: signal.Signals
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert pids
        assert all(map(is_running, pids))

        parent.send_signal(number)
        parent.wait()

    while any(map(is_running, pids)):  # the test's time limit ends it
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_broker_ends_within_a_second_of_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    child = start_broker(tmp_path)
    os.kill(child.process.pid, number)

    assert child.process.wait(1) == 0


def test_a_child_that_does_not_heed_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = spawn(["/bin/sh", "-c", "trap '' TERM; echo set; while :; do sleep 1; done"], log)
    await_ready(child, lambda: log.read_text() == "set\n", "the shell", log)

    child.stop(seconds=0.1)

    assert child.process.returncode == -signal.SIGKILL


def test_a_watched_child_is_stopped_with_its_watcher(tmp_path: Path) -> None:
    child = spawn(["/bin/sleep", "600"], tmp_path / "log", watch=True)
    child.stop()

    assert child.process.returncode == -signal.SIGTERM
    assert child.watcher is not None
    assert child.watcher.returncode is not None


def test_a_child_that_ends_at_start_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = spawn(["/bin/sh", "-c", "echo first; echo no such thing; exit 2"], log)

    with pytest.raises(EmbeddedError, match="the shell did not start: no such thing"):
        await_ready(child, lambda: False, "the shell", log)


def test_a_short_lived_thread_may_not_start_what_would_die_with_it(tmp_path: Path) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            spawn(["/bin/sleep", "600"], tmp_path / "log", watch=False)
        except EmbeddedError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()

    assert "main thread" in str(errors[0])
