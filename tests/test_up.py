import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stream.data_dir import running

N_POSTS = 60
# A test's own Redis and broker start, load a model and stop; the machine may be busy.
pytestmark = pytest.mark.timeout(300)


def wait_for(condition: Callable[[], Any], process: "subprocess.Popen[str]") -> Any:
    deadline = time.monotonic() + 120
    while not (found := condition()):
        assert process.poll() is None, f"outcry ended with {process.returncode}"
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)
    return found


def command_lines() -> dict[int, str]:
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environ = (path / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            found[int(path.name)] = f"{line} {environ}"
    return found


def family(directory: Path) -> dict[int, str]:
    """The processes that were started in or for *directory*, but those of this test."""
    return {
        pid: line
        for pid, line in command_lines().items()
        if str(directory) in line and pid != os.getpid()
    }


class Up:
    """One running `outcry up` in a directory of its own."""

    def __init__(self, directory: Path, *words: str):
        kept = {name: value for name, value in os.environ.items() if name[:7] != "OUTCRY_"}
        self.directory = directory
        self.data_dir = directory / "data"
        # The marker is how the test finds every process that descends from this one.
        env = {**kept, "MARKER": str(directory)}
        command = [sys.executable, "-m", "stream", "up", "--data-dir", str(self.data_dir), *words]
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def has_started(self, name: str) -> bool:
        log = self.data_dir / "logs" / f"{name}.log"
        return log.exists() and '"event": "started"' in log.read_text()

    def end(self, number: int) -> float:
        """Send signal *number* and return how long the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=30)
        return time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM)
        self.process.communicate()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*words: str) -> Up:
        started.append(Up(tmp_path, *words))
        return started[-1]

    yield start
    for one in started:
        one.close()


def posts(path: Path) -> Path:
    first = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as file:
        for i in range(N_POSTS):
            at = first + timedelta(seconds=5 * i)
            post = {"id": str(i), "text": f"a quiet day, number {i}", "posted_at": at.isoformat()}
            file.write(json.dumps(post) + "\n")
        file.write("no post\n")
        file.write(json.dumps({"id": "0", "text": "again", "posted_at": at.isoformat()}) + "\n")
    return path


def test_a_replay_runs_to_its_end_and_prints_one_object(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    path = posts(tmp_path / "posts.jsonl")
    one = up("--replay", str(path), "--no-dashboard", "--until-done", "--json")
    out, errors = one.process.communicate(timeout=200)

    assert one.process.returncode == 0, errors
    found = json.loads(out)
    assert found["incidents"] == []
    assert found["counts"]["reports"] + found["counts"]["duplicates"] == N_POSTS + 1
    assert found["counts"]["invalid"] == 0
    assert found["counts"]["late"] == 0
    assert found["alerts"] == {"total": 0}
    assert found["failed"] == {}
    assert not family(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_up_holds_its_directory_restarts_what_crashes_and_leaves_nothing_behind(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    one = up("--no-dashboard")
    wait_for(lambda: one.has_started("ingest-1") and one.has_started("watch"), one.process)

    second = up("--no-dashboard")
    _, errors = second.process.communicate(timeout=60)
    assert second.process.returncode == 2
    assert errors.count("\n") == 1
    assert f"in use by an `outcry up` with pid {one.process.pid}" in errors

    def worker() -> int | None:
        mine = family(tmp_path).items()
        return next((pid for pid, line in mine if "-m stream ingest --worker 1 " in line), None)

    first = worker()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: worker() not in (None, first), one.process)

    address = running(one.data_dir)
    assert address is not None
    assert address.pid == one.process.pid
    assert address.kafka.startswith("127.0.0.1:")

    assert one.end(signal.SIGINT) < 5
    assert one.process.returncode == 0
    assert not family(tmp_path)
    assert running(one.data_dir) is None


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_is_left_when_up_itself_is_killed(up: Callable[..., Up], tmp_path: Path) -> None:
    one = up("--no-dashboard")
    wait_for(lambda: one.has_started("watch"), one.process)
    assert len(family(tmp_path)) >= 5

    one.end(signal.SIGKILL)

    deadline = time.monotonic() + 5
    while left := family(tmp_path):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_a_taken_port_of_the_page_is_one_line_before_anything_is_started(
    up: Callable[..., Up],
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        one = up("--port", str(port))
        _, errors = one.process.communicate(timeout=60)

    assert one.process.returncode == 2
    assert errors.count("\n") == 1
    assert f"dashboard.port = {port} on 127.0.0.1 cannot be had" in errors
    assert not one.data_dir.exists()


def test_a_missing_model_ends_up_with_the_workers_own_words(
    up: Callable[..., Up], tmp_path: Path
) -> None:
    (tmp_path / "outcry.toml").write_text('[model]\npath = "absent"\n')
    one = up("--no-dashboard")
    _, errors = one.process.communicate(timeout=120)

    assert one.process.returncode == 2
    assert errors.count("\n") == 1
    assert "ingest-1 stopped: " in errors
    assert "absent" in errors
    assert not family(tmp_path)
