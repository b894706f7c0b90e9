import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.data_dir import Running, hold, running
from stream.relay import Relay
from stream.settings import SettingsError
from stream.supervisor import (
    BACKOFF,
    CRASH_WINDOW,
    FAILED_BACKOFF,
    MAX_CRASHES,
    REFUSED_BACKOFF,
    ChildFailed,
    Job,
    Supervisor,
    delay,
)

FOREVER = "import time; time.sleep(600)"
DEAF = "import signal, sys, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(600)"


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Shop:
    """A supervisor with a relay, whose jobs are Python programs."""

    def __init__(self, logs: Path):
        self.shown: list[str] = []
        self.noticed: list[tuple[str, dict[str, Any]]] = []
        self.logs = logs
        self.relay = Relay(
            logs, self.shown.append, lambda name, e: self.noticed.append((name, dict(e)))
        )
        self.supervisor = Supervisor()

    def start(
        self,
        name: str,
        program: str,
        *,
        once: bool = False,
        vital: bool = True,
        hear: Any = None,
    ) -> None:
        command = [sys.executable, "-c", program]
        env = dict(os.environ)
        job = Job(
            name=name,
            start=lambda: self.relay.start(name, command, env, hear),
            last_words=lambda: self.relay.last_words(name),
            has_worked=lambda: not vital,
            once=once,
            vital=vital,
        )
        self.supervisor.start(job)

    def crash(self, name: str, now: float) -> None:
        """Let *name* end by itself, see that at *now*, and start it again when it is due."""
        wait_for(lambda: name not in self.supervisor.pids())
        self.supervisor.poll(now)
        self.supervisor.poll(now + max(BACKOFF))

    def poll_until(self, condition: Callable[[], bool]) -> None:
        def step() -> bool:
            self.supervisor.poll(time.monotonic())
            return condition()

        wait_for(step)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path / "logs")
    yield shop
    shop.supervisor.stop(seconds=5)
    shop.relay.close()


@given(st.lists(st.floats(0, 1_000), max_size=20), st.floats(0, 1_000))
def test_a_child_is_given_up_exactly_when_it_crashed_too_often_of_late(
    crashes: list[float], now: float
) -> None:
    past = sorted({crash for crash in crashes if crash < now} | {now})
    recent = [crash for crash in past if crash > now - CRASH_WINDOW]

    wait = delay(past, now)

    assert (wait is None) == (len(recent) > MAX_CRASHES)
    assert wait is None or wait in BACKOFF


def test_a_child_that_is_killed_is_started_again(shop: Shop) -> None:
    shop.start("one", FOREVER)
    first = shop.supervisor.pids()["one"]

    os.kill(first, signal.SIGKILL)

    shop.poll_until(lambda: shop.supervisor.pids().get("one", first) != first)


def test_a_child_that_keeps_crashing_is_given_up_with_its_last_words(shop: Shop) -> None:
    shop.start("one", "import sys; sys.exit('it is hopeless')")

    for i in range(MAX_CRASHES):
        shop.crash("one", 9.0 * i)
    with pytest.raises(ChildFailed, match=r"one crashed 6 times .*: it is hopeless") as caught:
        shop.crash("one", 9.0 * MAX_CRASHES)

    assert caught.value.code == 1


def test_the_others_go_on_without_a_source_that_keeps_crashing_and_it_is_tried_again(
    shop: Shop, tmp_path: Path
) -> None:
    repaired = tmp_path / "repaired"
    program = f"import os, sys, time; os.path.exists({str(repaired)!r}) or sys.exit('no'); "
    shop.start("source-x", program + "time.sleep(600)", vital=False)
    shop.start("ingest-1", FOREVER)
    ingest = shop.supervisor.pids()["ingest-1"]

    for i in range(MAX_CRASHES + 1):
        assert shop.supervisor.failed() == {}
        shop.crash("source-x", 9.0 * i)
    assert shop.supervisor.failed() == {"source-x": "crashes again and again, last: no"}
    assert shop.supervisor.pids() == {"ingest-1": ingest}

    repaired.touch()
    now = 9.0 * MAX_CRASHES + FAILED_BACKOFF
    shop.supervisor.poll(now)
    assert set(shop.supervisor.pids()) == {"source-x", "ingest-1"}
    shop.supervisor.poll(now + CRASH_WINDOW + 1)
    assert shop.supervisor.failed() == {}


def test_a_source_that_is_refused_later_is_tried_again_much_later(shop: Shop) -> None:
    shop.start(
        "source-x", "import sys; print('refused', file=sys.stderr); sys.exit(2)", vital=False
    )

    shop.crash("source-x", 0.0)
    assert shop.supervisor.failed() == {"source-x": "refused"}
    shop.supervisor.poll(REFUSED_BACKOFF - 1)
    assert not shop.supervisor.pids()
    shop.supervisor.poll(REFUSED_BACKOFF)
    wait_for(lambda: not shop.supervisor.pids())


def test_a_child_that_finds_its_environment_wrong_at_its_start_is_not_tried_again(
    shop: Shop,
) -> None:
    program = "import sys; print('outcry: no model at x', file=sys.stderr); sys.exit(2)"
    shop.start("one", program)

    with pytest.raises(ChildFailed, match="one stopped: no model at x") as caught:
        shop.poll_until(lambda: False)

    assert caught.value.code == 2


def test_what_runs_once_may_end(shop: Shop) -> None:
    shop.start("one", "print('done')", once=True)

    shop.poll_until(lambda: shop.supervisor.done("one"))
    shop.supervisor.poll(time.monotonic())

    assert shop.supervisor.done("one")


def test_warnings_are_shown_and_all_is_logged(shop: Shop) -> None:
    lines = [
        '{"event": "batch", "level": "info", "n": 3}',
        '{"event": "redis_away", "level": "warning", "error": "gone", "timestamp": "t"}',
        "no JSON",
    ]
    shop.start("one", f"import sys; sys.stderr.write({chr(10).join(lines)!r})", once=True)

    shop.poll_until(lambda: shop.supervisor.done("one"))
    shop.relay.close()

    assert shop.shown == ["one: redis_away error=gone"]
    assert (shop.logs / "one.log").read_text().splitlines() == lines
    assert [event["event"] for _, event in shop.noticed] == ["batch", "redis_away"]
    assert shop.relay.last_words("one") == "no JSON"


def test_a_child_that_does_not_hear_sigterm_is_killed_in_time(shop: Shop) -> None:
    heard: list[str] = []
    shop.start("deaf", DEAF, hear=heard.append)
    wait_for(lambda: heard == ["deaf"])
    pid = shop.supervisor.pids()["deaf"]
    began = time.monotonic()

    shop.supervisor.stop(seconds=1)

    assert time.monotonic() - began < 3
    assert not is_alive(pid)


def test_what_others_need_is_stopped_last(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "order"
    heard: list[str] = []
    program = (
        "import signal, sys, time\n"
        "def end(*_):\n open({path!r}, 'a').write({name!r}); sys.exit(0)\n"
        "signal.signal(15, end); print('ready'); time.sleep(600)"
    )
    for name in "abc":
        shop.start(name, program.format(path=str(path), name=name), hear=heard.append)
    wait_for(lambda: len(heard) == 3)

    shop.supervisor.stop("a", seconds=6)

    assert path.read_text() in ("bca", "cba")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys, time\n"
        "from stream.relay import Relay\n"
        f"relay = Relay(pathlib.Path({str(tmp_path)!r}), print, lambda *_: None)\n"
        f"child = relay.start('one', [sys.executable, '-c', {DEAF!r}], dict(os.environ), "
        "lambda line: print(child.pid, flush=True))\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert is_alive(pid)

        supervisor.kill()

    wait_for(lambda: not is_alive(pid))


def test_a_data_directory_is_held_by_one_and_says_by_whom(tmp_path: Path) -> None:
    with hold(tmp_path) as held:
        held.say(Running(pid=os.getpid(), kafka="k:1", redis="redis://r"))

        assert running(tmp_path) == Running(pid=os.getpid(), kafka="k:1", redis="redis://r")
        with pytest.raises(SettingsError, match=f"in use by an `outcry up` with pid {os.getpid()}"):
            hold(tmp_path).__enter__()

    assert running(tmp_path) is None
    with hold(tmp_path):
        pass


def test_emptying_a_data_directory_keeps_the_lock(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "appendonly").write_text("x")
    with hold(tmp_path) as held:
        held.empty()

        assert [path.name for path in tmp_path.iterdir()] == ["up.json"]
        assert running(tmp_path) is not None
