"""
The directory of one `outcry up`: held by one process at a time, which says in it where it listens.

The lock is the kernel's (flock), so that it ends with its holder however that ends; the content of
the file is for others to read.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from stream.settings import SettingsError

FILE = "up.json"


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """
    A running `outcry up`; *redis* may hold a password, hence the file is its owner's alone.

    *prefix* is that of its Redis keys: a replay has one of its own.
    """

    pid: int
    kafka: str = ""
    redis: str = ""
    prefix: str = ""
    page: str = ""


class Held:
    """The lock on a data directory while it is held."""

    def __init__(self, path: Path, file: IO[bytes]):
        self.path = path
        self._file = file

    def say(self, running: Running) -> None:
        """Tell other processes of this machine where the servers are."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(msgspec.json.encode(running))
        self._file.flush()

    def empty(self) -> None:
        """Delete all that an earlier run left, but the lock itself."""
        for entry in self.path.iterdir():
            if entry.name == FILE:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


@contextmanager
def hold(path: Path) -> Iterator[Held]:
    """
    Make the directory if it is missing and hold it.

    Raises `SettingsError` when it is held, naming the holder's pid, or when it cannot be written.
    """
    try:
        # For the owner alone: it will hold what people wrote.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(
            f"up.data_dir {str(path)!r} is not usable: {error.strerror}; expected a directory that "
            "can be written; name another by --data-dir"
        ) from error
    with os.fdopen(handle, "r+b") as file:
        _lock(path, file)
        held = Held(path, file)
        held.say(Running(pid=os.getpid()))
        yield held


def _lock(path: Path, file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = _read(file)
        raise SettingsError(
            f"{path} is in use by an `outcry up` with pid {holder.pid if holder else 'unknown'}; "
            "stop that one, or name another directory by --data-dir"
        ) from error


def running(path: Path) -> Running | None:
    """Return the `outcry up` that holds *path* now, or None."""
    try:
        file = (path / FILE).open("rb")
    except OSError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(file)
        return None


def running_here(path: Path) -> Running | None:
    """Return the `outcry up` that holds *path*, or else the only one that holds a replay in it."""
    if up := running(path):
        return up
    replays = [up for inner in sorted(path.glob("replay-*")) if (up := running(inner))]
    return replays[0] if len(replays) == 1 else None


def _read(file: IO[bytes]) -> Running | None:
    file.seek(0)
    try:
        return msgspec.json.decode(file.read(), type=Running)
    except msgspec.DecodeError:  # the holder is writing it right now, or it is no file of ours
        return None
