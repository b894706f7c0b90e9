"""
A small single-node broker that speaks the Kafka protocol: `outcry up` needs nothing installed.

It is for one machine: it listens on loopback, keeps one copy of each record, and has no
transactions, static members, compaction, look-up by time, TLS or SASL; elsewhere, Apache Kafka
takes its place. The codec is kafka-python's own, so tests also drive it with librdkafka.

What is acknowledged survives the death of this process; what survives the loss of power is set by
the sync policy: "interval" all but the last second, "always" everything, "never" what the system
happened to write.
"""

import argparse
import asyncio
import contextlib
import itertools
import logging
import re
import signal
import sqlite3
import struct
import sys
from pathlib import Path
from typing import Any

from kafka.errors import UnsupportedVersionError
from kafka.protocol import admin, consumer, metadata, producer

from stream.embedded.api import Api, Fields
from stream.embedded.log import SCHEMA, CorruptLogError

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_FRAME_BYTES = 8 << 20
MAX_CONNECTIONS = 256
FRAME_SECONDS = 30  # for a request to arrive, once its length has
TICK_SECONDS = 0.1  # how late a rebalance or the end of a session may be noticed
TICKS_BETWEEN_SYNCS = 10
SYNC_POLICIES = {"interval": "NORMAL", "always": "FULL", "never": "OFF"}  # SQLite's words
MESSAGES = vars(admin) | vars(consumer) | vars(metadata) | vars(producer)
VERSIONS = {  # the first and the last of each request that is answered
    "ApiVersions": (0, 4), "CreateTopics": (2, 6), "DeleteTopics": (1, 5), "Fetch": (4, 12),
    "FindCoordinator": (0, 3), "Heartbeat": (0, 2), "InitProducerId": (0, 4), "JoinGroup": (0, 3),
    "LeaveGroup": (0, 2), "ListOffsets": (1, 6), "Metadata": (1, 9), "OffsetCommit": (2, 6),
    "OffsetFetch": (1, 7), "Produce": (3, 9), "SyncGroup": (0, 2),
}  # fmt: skip
REQUESTS = {MESSAGES[f"{name}Request"].API_KEY: (name, *span) for name, span in VERSIONS.items()}
RANGES = [(k, {"min_version": a, "max_version": z}) for k, (_, a, z) in REQUESTS.items()]


class Broker:
    """The connections of clients, whose requests *api* answers."""

    def __init__(self, api: Api):
        self._api = api
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client's requests, each before the next is read."""
        if self._places.locked():
            return writer.close()
        async with self._places:
            try:
                while True:
                    (size,) = struct.unpack(">i", await reader.readexactly(4))
                    if not 8 <= size <= MAX_FRAME_BYTES:
                        raise ValueError(f"frame of {size} bytes, expected 8 to {MAX_FRAME_BYTES}")
                    frame = await asyncio.wait_for(reader.readexactly(size), FRAME_SECONDS)
                    writer.write(await self._answer(frame))
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                pass  # the client has gone, or the broker stops
            except Exception as error:
                # Bytes that are no request fail in the codec in many ways; their sender is cut off.
                log.warning("closed a connection: %s: %.200s", type(error).__name__, error)
            finally:
                writer.close()

    async def _answer(self, frame: bytes) -> bytes:
        key, version, correlation_id = struct.unpack_from(">hhi", frame)
        name, low, high = REQUESTS[key]
        fields: Fields | None
        if name == "ApiVersions":
            code = 0 if version <= high else UnsupportedVersionError.errno
            version = 0 if code else version  # which any client reads, and asks again in another
            fields = {"api_keys": RANGES, "error_code": code}
        elif not low <= version <= high:
            raise ValueError(f"{name} in version {version}, expected {low} to {high}")
        else:
            request = MESSAGES[f"{name}Request"].decode(frame, version=version, header=True)
            fields = await self._api.answer(re.sub(r"\B([A-Z])", r"_\1", name).lower(), request)
        if fields is None:
            return b""
        response = message(MESSAGES[f"{name}Response"], version, fields)
        response.with_header(correlation_id=correlation_id)
        return bytes(response.encode(header=True, framed=True))


def message(kind: Any, version: int, fields: Fields, *key: Any) -> Any:
    """Build a message, or with its first field a structure in one, from plain values."""
    filled = dict(fields)
    for name, value in fields.items():
        if kind.fields[name].is_struct_array():
            inner = kind.fields[name].data_class
            filled[name] = [message(inner, version, rest, first) for first, rest in value]
    return kind(*key, version=version, **filled)


def open_database(path: Path, sync: str) -> sqlite3.Connection:
    """Open what is stored, for this process alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, timeout=0, isolation_level=None)
    database.executescript(f"""PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
        PRAGMA synchronous = {SYNC_POLICIES[sync]}; PRAGMA foreign_keys = ON; {SCHEMA}""")
    return database


async def serve(options: argparse.Namespace, database: sqlite3.Connection) -> None:
    """Answer clients until the process is told to end."""
    api = Api(database)
    server = await asyncio.start_server(Broker(api).accept, HOST, options.port, limit=1 << 20)
    api.address = {"host": HOST, "port": server.sockets[0].getsockname()[1]}
    if options.port_file:
        options.port_file.write_text("{host}:{port}\n".format(**api.address))
    for n in itertools.count():
        await asyncio.sleep(TICK_SECONDS)
        api.tick()
        if n % TICKS_BETWEEN_SYNCS == 0:
            api.retain(options.retention_bytes, options.retention_seconds)
            if options.sync == "interval":
                database.execute("PRAGMA wal_checkpoint").fetchall()


def main(arguments: list[str] | None = None) -> int:
    """Run a broker until SIGTERM or SIGINT; return 2 when it cannot."""
    parser = argparse.ArgumentParser(prog="stream.embedded.broker", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write host:port once it listens")
    parser.add_argument("--sync", choices=SYNC_POLICIES, default="interval")
    parser.add_argument("--retention-bytes", type=int, default=512 << 20, help="of a partition")
    parser.add_argument("--retention-seconds", type=float, default=7 * 24 * 3600)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        database = open_database(options.data_dir / "broker.sqlite", options.sync)
        with contextlib.closing(database), contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(options, database))
    except (OSError, sqlite3.Error, CorruptLogError) as error:
        place = f"{options.data_dir} on port {options.port}"
        parser.exit(2, f"cannot serve {place}: {error}; stop what uses it, or delete it\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
