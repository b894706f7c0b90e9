"""One WebSocket connection as an iterator of messages; how it ends is said in our own words."""

import time
from collections.abc import Iterator, Mapping
from threading import Event

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from stream.sources.live import Disconnected
from stream.sources.web import from_status

OPEN_SECONDS = 10.0
CLOSE_SECONDS = 1.0
POLL_SECONDS = 0.5
MAX_BYTES = 1 << 20
QUEUE = 256


def messages(
    uri: str,
    stop: Event,
    *,
    silence: float,
    headers: Mapping[str, str] | None = None,
    greeting: tuple[str, ...] = (),
    key: str | None = None,
) -> Iterator[bytes]:
    """
    Connect to *uri*, send *greeting* and yield each message as bytes until *stop* is set.

    Signs of life are yielded as nothing, b"": the open connection, and each answer to a ping.

    Raises `Disconnected` when the connection ends or says nothing for *silence* seconds,
    `Throttled`, and `Refused` that names the setting *key* when access is denied.
    """
    try:
        with connect(
            uri,
            additional_headers=headers,
            compression=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            max_size=MAX_BYTES,
            max_queue=QUEUE,
            # Pings keep the way open. Their answers wait behind messages that we are slow to take,
            # so a late one says nothing; a dead connection is found by its silence.
            ping_timeout=None,
        ) as socket:
            for line in greeting:
                socket.send(line)
            heard, latency = time.monotonic(), socket.latency
            yield b""
            while not stop.is_set():
                try:
                    message = socket.recv(POLL_SECONDS, decode=False)
                except TimeoutError:
                    if time.monotonic() - heard > silence:
                        raise Disconnected(f"nothing came for {silence:.0f} s") from None
                    if socket.latency != latency:
                        latency = socket.latency
                        yield b""
                    continue
                heard = time.monotonic()
                yield message if isinstance(message, bytes) else message.encode()
    except InvalidStatus as error:
        response = error.response
        body = bytes(response.body or b"")[:500].decode("utf-8", "replace")
        raise from_status(
            response.status_code, response.headers.get("Retry-After"), body, key=key
        ) from error
    except (OSError, WebSocketException) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise Disconnected(reason) from error
