"""A server as a child process: started, known to be ready, stopped, and never left behind."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

START_SECONDS = 30.0  # a broker checks its whole log at start
STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01

# PR_SET_PDEATHSIG is 1. The parent may have died before the call, hence the second look.
_DIE_WITH_PARENT = (
    "import ctypes,os,signal,sys;"
    "ctypes.CDLL(None).prctl(1,signal.SIGTERM);"
    "os.getppid()==int(sys.argv[1]) or sys.exit(1);"
    "os.execv(sys.argv[2],sys.argv[2:])"
)
_KILL_AT_EOF = 'cat >/dev/null; kill "$0"'


class EmbeddedError(Exception):
    """An embedded server cannot run: one line says which, why, and what to do."""


@dataclass(slots=True)
class Child:
    """
    A running server; *address* is what clients connect to.

    It ends when this process ends, even by SIGKILL: on Linux by the kernel's parent-death signal,
    elsewhere by a watcher whose input pipe this process holds open.
    """

    process: subprocess.Popen[bytes]
    address: str = ""
    watcher: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address, by the name that Redis clients use for theirs."""
        return self.address

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Ask the server to end, and kill it when it has not after *seconds*."""
        if self.watcher is not None:
            self.watcher.kill()
            self.watcher.communicate()
        self.process.terminate()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def spawn(command: Sequence[str], log: Path, *, watch: bool = sys.platform != "linux") -> Child:
    """
    Start *command*, an absolute path and its arguments, with its output appended to *log*.

    It gets its own process group, so that Ctrl-C reaches only the one who stops it in order. Linux
    ties it to the calling thread, not the process, so only the main thread may start it.
    """
    if not watch and threading.current_thread() is not threading.main_thread():
        raise EmbeddedError(f"{command[0]} started outside the main thread, which must outlive it")
    if not watch:
        command = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *command]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands, never a user's text
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if not watch:
        return Child(process)
    watcher = subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", _KILL_AT_EOF, str(process.pid)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    return Child(process, watcher=watcher)


def await_ready(child: Child, is_ready: Callable[[], bool], name: str, log: Path) -> None:
    """Return when *is_ready*; raise `EmbeddedError` for a child that ends or takes too long."""
    until = time.monotonic() + START_SECONDS
    while not is_ready():
        if child.process.poll() is not None:
            child.stop()
            raise EmbeddedError(f"{name} did not start: {_last_line(log)}")
        if time.monotonic() > until:
            child.stop()
            raise EmbeddedError(f"{name} not ready after {START_SECONDS:.0f} s; see {log}")
        time.sleep(_POLL_SECONDS)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"no output in {log}"
