"""Takes down what child processes say: all of it into logs, what a person wants onto the screen."""

import logging
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

import msgspec

from stream.tether import tethered

LOG_BYTES = 10_000_000
_WORTH_SHOWING = ("warning", "error", "critical")
_METADATA = ("event", "level", "timestamp", "process", "exception")

# What is done with a line that a child wrote to its standard output.
Hear = Callable[[str], None]


class Relay:
    """
    Starts commands and follows their output; *show* puts a line on the screen.

    *notice* gets each log event with the name of the child that logged it, in a thread of its own.
    """

    def __init__(self, logs: Path, show: Hear, notice: Callable[[str, Mapping[str, Any]], None]):
        logs.mkdir(parents=True, exist_ok=True)
        self._dir = logs
        self._logs: dict[str, _Log] = {}
        self._show = show
        self._notice = notice
        self._last_words: dict[str, str] = {}
        self._followers: dict[str, list[threading.Thread]] = {}

    def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str], hear: Hear | None = None
    ) -> "subprocess.Popen[bytes]":
        """
        Start *command*, tied to this process and in a process group of its own.

        Its log is ``<name>.log``. Lines of its standard output go to *hear*, else to the log.
        """
        process = subprocess.Popen(  # noqa: S603  our own commands
            tethered(list(command)),
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C reaches the supervisor alone, which stops them in order
        )
        if (log := self._logs.get(name)) is None:
            log = self._logs[name] = _Log(self._dir / f"{name}.log")
        self._followers[name] = []  # those of an earlier start end with its pipes
        assert process.stdout is not None
        assert process.stderr is not None
        self._follow(name, process.stdout, hear or log.write)
        self._follow(name, process.stderr, lambda line: self._take_down(name, line, log.write))
        return process

    def last_words(self, name: str) -> str:
        """The last line that *name*, which has ended, wrote to its standard error, or nothing."""
        self.settle(name)
        return self._last_words.get(name, "")

    def settle(self, name: str, seconds: float = 1.0) -> None:
        """Wait until what *name*, which has ended, said last is taken down."""
        for follower in self._followers.get(name, ()):
            follower.join(seconds)

    def close(self, seconds: float = 1.0) -> None:
        """Wait until the output of processes that have ended is taken down, and close the logs."""
        for name in self._followers:
            self.settle(name, seconds)
        for log in self._logs.values():
            log.close()

    def _follow(self, name: str, pipe: IO[bytes], hear: Hear) -> None:
        follower = threading.Thread(target=_read, args=(pipe, hear), daemon=True)
        follower.start()
        self._followers[name].append(follower)

    def _take_down(self, name: str, line: str, log: Hear) -> None:
        log(line)
        event = _event(line)
        words = _words(event) if event else line
        if words.strip():
            self._last_words[name] = words.removeprefix("outcry: ")
        if event:
            self._notice(name, event)
        if event and event.get("level") in _WORTH_SHOWING:
            self._show(f"{name}: {words}")


def _read(pipe: IO[bytes], hear: Hear) -> None:
    with pipe:
        for line in pipe:
            hear(line.decode("utf-8", "replace").rstrip("\n"))


class _Log:
    """The log file of one child; both of its streams write to it."""

    def __init__(self, path: Path):
        self._file = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")

    def write(self, line: str) -> None:
        self._file.handle(logging.LogRecord("child", logging.INFO, "", 0, "%s", (line,), None))

    def close(self) -> None:
        self._file.close()


def _event(line: str) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _words(event: Mapping[str, Any]) -> str:
    details = (f"{name}={value}" for name, value in event.items() if name not in _METADATA)
    return " ".join((str(event.get("event", "")), *details))
