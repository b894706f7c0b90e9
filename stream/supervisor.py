"""
Keeps child processes alive: restarts a crashed one with backoff.

One that keeps crashing ends the whole when the others need it; else it is tried again now and then.

Must be used from the main thread: on Linux a child dies with the thread that started it.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

MAX_CRASHES = 5
CRASH_WINDOW = 60.0
BACKOFF = (0.2, 1.0, 2.0, 4.0, 8.0)
# Of what the others do without: after it kept crashing, and after it said that it cannot work.
FAILED_BACKOFF, REFUSED_BACKOFF = 60.0, 600.0
# How a command says that its settings or its surroundings are wrong: to try again would not help.
EXIT_ENVIRONMENT = 2

log = structlog.get_logger()


class ChildFailed(Exception):
    """A child that is needed is gone for good; *code* is what the whole should exit with."""

    def __init__(self, name: str, code: int, reason: str):
        super().__init__(f"{name} {reason}")
        self.name = name
        self.code = code


class Process(Protocol):
    """What `Supervisor` needs of a process; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """
    What runs as one child process.

    *start* starts it and returns the process; *last_words* is the last line that it said, for the
    reason of a failure; *has_worked* whether it has ever got to its work. A job that runs *once*
    may end with exit code 0; any other end is a crash. The others go on without one that is not
    *vital*: a source that keeps crashing, or whose token was withdrawn after it had worked.
    """

    name: str
    start: Callable[[], Process]
    last_words: Callable[[], str] = str
    has_worked: Callable[[], bool] = bool
    once: bool = False
    vital: bool = True


@dataclass(slots=True)
class _Child:
    job: Job
    process: Process | None
    crashes: list[float] = field(default_factory=list)
    restart_at: float = 0.0
    failure: str = ""  # why the others do without it


def delay(crashes: Sequence[float], now: float) -> float | None:
    """Return how long to wait after *crashes* (ascending, seconds), or None to give up."""
    recent = [crash for crash in crashes if crash > now - CRASH_WINDOW]
    return None if len(recent) > MAX_CRASHES else BACKOFF[min(len(recent), len(BACKOFF)) - 1]


class Supervisor:
    """Starts jobs; `poll` it often, and `stop` it whatever happens."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}

    def start(self, job: Job, process: Process | None = None) -> None:
        """Start *job*, or watch the *process* that it already has."""
        self._children[job.name] = _Child(job, process or job.start())

    def done(self, name: str) -> bool:
        """Whether the job *name*, which runs once, has ended well."""
        child = self._children[name]
        return child.job.once and child.process is not None and child.process.poll() == 0

    def pids(self) -> dict[str, int]:
        """The pid of each child that runs now."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.process is not None and child.process.poll() is None
        }

    def failed(self) -> dict[str, str]:
        """What keeps crashing, or says that it cannot work, while the others go on, and why."""
        return {name: child.failure for name, child in self._children.items() if child.failure}

    def poll(self, now: float) -> None:
        """Restart what crashed and is due at *now* (monotonic seconds), or raise `ChildFailed`."""
        for child in self._children.values():
            if child.process is None:
                if now >= child.restart_at:
                    child.process = child.job.start()
                continue
            code = child.process.poll()
            if code is None and child.failure and now - child.restart_at > CRASH_WINDOW:
                child.failure = ""
            if code is not None and not (child.job.once and code == 0):
                self._crashed(child, code, now)

    def _crashed(self, child: _Child, code: int, now: float) -> None:
        child.crashes.append(now)
        name, words = child.job.name, child.job.last_words() or _ending(code)
        # Later, exit code 2 means a server that is away for a moment, and is worth another try.
        misconfigured = code == EXIT_ENVIRONMENT and not child.job.has_worked()
        if child.job.once or misconfigured:
            exit_code = EXIT_ENVIRONMENT if code == EXIT_ENVIRONMENT else 1
            raise ChildFailed(name, exit_code, f"stopped: {words}")
        wait = delay(child.crashes, now)
        often = f"crashed {len(child.crashes)} times within a minute, last: {words}"
        if wait is None and child.job.vital:
            raise ChildFailed(name, 1, often)
        if code == EXIT_ENVIRONMENT and not child.job.vital:
            child.failure, wait = words, REFUSED_BACKOFF
        elif wait is None or child.failure:
            child.failure, wait = f"crashes again and again, last: {words}", FAILED_BACKOFF
        tell = log.error if child.failure else log.warning
        tell("child crashed", child=name, ending=_ending(code), words=words, restart_in=wait)
        child.process, child.restart_at = None, now + wait

    def stop(self, *last: str, seconds: float) -> None:
        """
        Stop all children, those named in *last* after the others, within about *seconds*.

        Each gets SIGTERM, and SIGKILL when its time is over: two thirds of it for the first ones,
        and what they leave of it for the last.
        """
        began = time.monotonic()
        running = {name: child.process for name, child in self._children.items() if child.process}
        others = [process for name, process in running.items() if name not in last]
        _stop(others, began + seconds * 2 / 3)
        _stop([process for name, process in running.items() if name in last], began + seconds)


def _stop(processes: Sequence[Process], deadline: float) -> None:
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.warning("child killed", pid=process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
