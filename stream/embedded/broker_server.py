"""The embedded broker as a child process."""

import socket
import struct
import sys
from pathlib import Path

from kafka.protocol.metadata import MetadataRequest, MetadataResponse

from stream.embedded.child import Child, await_ready, spawn


def start_broker(data_dir: Path, port: int = 0, *, options: tuple[str, ...] = ()) -> Child:
    """
    Start a broker over *data_dir* and return when it answers; port 0 takes a free one.

    The child's address is "host:port". *options* are further ones of its command line. Raises
    `EmbeddedError`.
    """
    log, port_file = data_dir / "broker.log", data_dir / "address"
    port_file.unlink(missing_ok=True)
    arguments = ("--data-dir", str(data_dir), "--port", str(port), "--port-file", str(port_file))
    command = (sys.executable, "-m", "stream.embedded.broker", *arguments, *options)
    child = spawn(command, log)
    await_ready(child, lambda: _is_written(port_file), "the embedded broker", log)
    child.address = port_file.read_text().strip()
    await_ready(child, lambda: answers(child.address), "the embedded broker", log)
    return child


def _is_written(port_file: Path) -> bool:
    return port_file.exists() and port_file.read_text().endswith("\n")


def answers(address: str) -> bool:
    """Say whether a broker at *address* answers a request for metadata."""
    host, port = address.rsplit(":", 1)
    request = MetadataRequest(topics=[], allow_auto_topic_creation=False)
    request.API_VERSION = 5
    request.with_header(correlation_id=1, client_id="outcry")
    try:
        with socket.create_connection((host, int(port)), timeout=2) as connection:
            connection.sendall(request.encode(header=True, framed=True))
            with connection.makefile("rb") as stream:
                (size,) = struct.unpack(">i", stream.read(4))
                response = MetadataResponse.decode(stream.read(size), version=5, header=True)
    except (OSError, struct.error):
        return False
    return bool(response.brokers)
