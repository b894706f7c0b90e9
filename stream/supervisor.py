"""
Keeps child processes alive: restarts a crashed one with backoff, gives up when it keeps crashing.

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
YOUNG = 30.0  # seconds within which a child has found out that its settings are wrong
CRASH_WINDOW = 60.0
BACKOFF = (0.2, 1.0, 2.0, 4.0, 8.0)
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
    reason of a failure. A job that runs *once* may end with exit code 0; any other end is a crash.
    """

    name: str
    start: Callable[[], Process]
    last_words: Callable[[], str] = str
    once: bool = False


@dataclass(slots=True)
class _Child:
    job: Job
    process: Process | None
    started_at: float
    crashes: list[float] = field(default_factory=list)
    restart_at: float = 0.0


def delay(crashes: Sequence[float], now: float) -> float | None:
    """Return how long to wait after *crashes* (ascending, seconds), or None to give up."""
    recent = [crash for crash in crashes if crash > now - CRASH_WINDOW]
    return None if len(recent) > MAX_CRASHES else BACKOFF[min(len(recent), len(BACKOFF)) - 1]


class Supervisor:
    """Starts jobs in order; `poll` often; `stop` stops them in groups, last group last."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}

    def start(self, job: Job, process: Process | None = None) -> None:
        """Start *job*, or watch the *process* that it already has."""
        self._children[job.name] = _Child(job, process or job.start(), time.monotonic())

    def done(self, name: str) -> bool:
        """Whether the job *name*, which runs once, has ended well."""
        child = self._children[name]
        return child.job.once and child.process is not None and child.process.poll() == 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all jobs, in the order of their start."""
        return tuple(self._children)

    def pids(self) -> dict[str, int]:
        """The pid of each child that runs now."""
        return {
            name: child.process.pid
            for name, child in self._children.items()
            if child.process is not None and child.process.poll() is None
        }

    def poll(self, now: float) -> None:
        """Restart what crashed and is due at *now* (monotonic seconds), or raise `ChildFailed`."""
        for child in self._children.values():
            if child.process is None:
                if now >= child.restart_at:
                    child.process, child.started_at = child.job.start(), now
                continue
            code = child.process.poll()
            if code is not None and not (child.job.once and code == 0):
                self._crashed(child, code, now)

    def _crashed(self, child: _Child, code: int, now: float) -> None:
        child.crashes.append(now)
        words = child.job.last_words()
        # Later, exit code 2 means a server that is away for a moment, and is worth another try.
        misconfigured = code == EXIT_ENVIRONMENT and len(child.crashes) == 1
        if child.job.once or (misconfigured and now < child.started_at + YOUNG):
            exit_code = EXIT_ENVIRONMENT if code == EXIT_ENVIRONMENT else 1
            raise ChildFailed(child.job.name, exit_code, f"stopped: {words or _ending(code)}")
        wait = delay(child.crashes, now)
        if wait is None:
            times = f"crashed {len(child.crashes)} times within a minute"
            raise ChildFailed(child.job.name, 1, f"{times}, last: {words or _ending(code)}")
        log.warning(
            "child crashed",
            child=child.job.name,
            ending=_ending(code),
            words=words,
            restart_in=wait,
        )
        child.process = None
        child.restart_at = now + wait

    def stop(self, *groups: Sequence[str], seconds: float) -> None:
        """
        Stop the children group by group (names that are not running are skipped), then all others.

        SIGTERM, and SIGKILL to what still runs when its group's share of *seconds* is over.
        """
        named = {name for group in groups for name in group}
        rest = [name for name in self._children if name not in named]
        for group in (*groups, rest):
            processes = [
                child.process
                for name in group
                if (child := self._children.get(name)) and child.process is not None
            ]
            _stop(processes, seconds / (len(groups) + 1))


def _stop(processes: Sequence[Process], seconds: float) -> None:
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + seconds
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
