"""
``python -m stream.tether PARENT COMMAND…``: runs a command that dies with the process PARENT.

Also when PARENT is killed by SIGKILL and cannot clean up. On Linux the kernel does it
(PR_SET_PDEATHSIG survives exec); elsewhere this process stays and watches for its parent to change.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.5


def tethered(command: list[str]) -> list[str]:
    """Return the command line that runs *command* tied to this process."""
    return [sys.executable, "-m", "stream.tether", str(os.getpid()), *command]


def main() -> None:
    """Take the parent's pid and the command from the command line, and become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the kernel was told
            sys.exit(1)
        os.execvp(command[0], command)  # noqa: S606  what we were started for
    sys.exit(_watch(parent, command))


def _watch(parent: int, command: list[str]) -> int:
    child = subprocess.Popen(command)  # noqa: S603  what we were started for
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    signal.signal(signal.SIGINT, lambda *_: child.terminate())
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(_WATCH_SECONDS)
    return child.returncode


if __name__ == "__main__":
    main()
