"""
A small single-node broker that speaks the Kafka protocol: `outcry up` needs nothing installed.

It is for one machine: it listens on loopback, keeps one copy of each record, and has no
transactions, compaction, TLS or SASL. It is not a production broker; there, Apache Kafka takes its
place. The codec is kafka-python's own, so tests also drive it with librdkafka.

What is acknowledged survives the death of this process; what survives the loss of power is set by
the sync policy: "interval" all but the last second, "always" everything, "never" what the system
happened to write.
"""

import argparse
import asyncio
import fcntl
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any

from kafka.protocol import admin, consumer, metadata, producer, sasl

from stream.embedded.admin_api import AdminApi
from stream.embedded.groups_api import GroupsApi
from stream.embedded.offsets import CommittedOffsets
from stream.embedded.offsets_api import OffsetsApi
from stream.embedded.partition import Limits
from stream.embedded.records_api import RecordsApi
from stream.embedded.segment import CorruptLogError
from stream.embedded.topics import Topics, write_whole
from stream.embedded.wire import Api, Wire

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1  # how late a rebalance or the end of a session may be noticed
SYNC_SECONDS = 1.0
RETENTION_SECONDS = 10.0
SYNC_POLICIES = ("interval", "always", "never")


class BrokerError(Exception):
    """The broker cannot start: one line says why and what to do."""


class Broker:
    """One node over *data_dir*; port 0 takes a free one, which *port* names once `serve` runs."""

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        partitions: int = 4,
        limits: Limits | None = None,
        sync: str = "interval",
    ):
        if sync not in SYNC_POLICIES:
            raise BrokerError(f"sync policy {sync!r}, expected one of {', '.join(SYNC_POLICIES)}")
        self.host, self.port = host, port
        self._sync, self._limits = sync, limits or Limits()
        self._lock = _lock(data_dir)
        try:
            self._topics = Topics(data_dir, self._limits)
            self._offsets = CommittedOffsets(data_dir / "offsets.jsonl")
        except (CorruptLogError, ValueError, KeyError, TypeError) as error:
            advice = f"restore it, or delete {data_dir} to start anew"
            raise BrokerError(f"cannot read what was stored: {error}; {advice}") from error
        self._groups = GroupsApi(self._offsets)
        self._admin = AdminApi(self._topics, self._offsets, self._limits, partitions)
        self._wire = Wire(self._apis())
        self._stopped = asyncio.Event()

    def _apis(self) -> tuple[Api, ...]:
        records, groups, admins = RecordsApi(self._topics, self._written), self._groups, self._admin
        offsets = OffsetsApi(self._topics, self._offsets, groups)
        return (
            Api(producer.ProduceRequest, 3, 9, records.produce),
            Api(producer.InitProducerIdRequest, 0, 4, records.init_producer_id),
            Api(consumer.FetchRequest, 4, 12, records.fetch),
            Api(consumer.ListOffsetsRequest, 1, 7, records.list_offsets),
            Api(consumer.OffsetCommitRequest, 2, 8, self._synced(offsets.commit)),
            Api(consumer.OffsetFetchRequest, 1, 8, offsets.fetch),
            Api(consumer.JoinGroupRequest, 0, 7, groups.join_group),
            Api(consumer.SyncGroupRequest, 0, 5, groups.sync_group),
            Api(consumer.HeartbeatRequest, 0, 4, groups.heartbeat),
            Api(consumer.LeaveGroupRequest, 0, 4, groups.leave_group),
            Api(admin.ListGroupsRequest, 0, 4, groups.list_groups),
            Api(admin.DescribeGroupsRequest, 0, 5, groups.describe_groups),
            Api(admin.DeleteGroupsRequest, 0, 2, groups.delete_groups),
            Api(admin.CreateTopicsRequest, 2, 7, admins.create_topics),
            Api(admin.DeleteTopicsRequest, 1, 5, admins.delete_topics),
            Api(admin.CreatePartitionsRequest, 0, 3, admins.create_partitions),
            Api(admin.DeleteRecordsRequest, 0, 2, records.delete_records),
            Api(admin.DescribeConfigsRequest, 1, 4, admins.describe_configs),
            Api(admin.DescribeClusterRequest, 0, 1, admins.describe_cluster),
            Api(metadata.MetadataRequest, 0, 12, admins.metadata),
            Api(metadata.FindCoordinatorRequest, 0, 4, admins.find_coordinator),
            Api(sasl.SaslHandshakeRequest, 0, 1, admins.sasl_handshake),
        )

    async def serve(self, ready: Callable[[str], None]) -> None:
        """Call *ready* with "host:port" when clients can connect, and answer them until `stop`."""
        try:
            server = await asyncio.start_server(
                self._wire.accept, self.host, self.port, limit=1 << 20
            )
        except OSError as error:
            self._close()
            raise BrokerError(
                f"cannot listen on {self.host}:{self.port}: {error.strerror}"
            ) from error
        self.port = server.sockets[0].getsockname()[1]
        self._admin.host, self._admin.port = self.host, self.port
        ready(f"{self.host}:{self.port}")
        stopped = asyncio.create_task(self._stopped.wait())
        chores = [
            stopped,
            *map(asyncio.create_task, (self._tick(), self._keep_synced(), self._retain())),
        ]
        try:
            done, _ = await asyncio.wait(chores, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            server.close()
            for task in (*chores, *self._wire.tasks):
                task.cancel()
            await asyncio.gather(*chores, *self._wire.tasks, return_exceptions=True)
            self._close()

    def stop(self) -> None:
        """Let `serve` return."""
        self._stopped.set()

    def _close(self) -> None:
        self._topics.save()
        for partition in self._topics.partitions():
            partition.close()
        self._offsets.close()
        self._lock.close()

    def _synced(self, answer: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def then_synced(request: Any) -> Any:
            response = await answer(request)
            await self._written()
            return response

        return then_synced

    async def _written(self) -> None:
        if self._sync == "always":
            await self._sync_files()

    async def _sync_files(self) -> None:
        """Sync what was written, in another thread: a slow disk must not hold up other clients."""
        files = [fd for partition in self._topics.partitions() for fd in partition.unsynced()]
        files.extend(self._offsets.unsynced())
        if files:
            await asyncio.to_thread(_sync_and_close, files)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._groups.tick()

    async def _keep_synced(self) -> None:
        while True:
            await asyncio.sleep(SYNC_SECONDS)
            if self._sync == "interval":
                await self._sync_files()

    async def _retain(self) -> None:
        pause = max(TICK_SECONDS, min(RETENTION_SECONDS, abs(self._limits.retention_seconds)))
        while True:
            await asyncio.sleep(pause)
            for partition in self._topics.partitions():
                partition.retain(time.time())


def _sync_and_close(files: list[int]) -> None:
    for fd in files:
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _lock(data_dir: Path) -> IO[str]:
    """Take the data directory for this process, for as long as the returned file is open."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        file = (data_dir / "lock").open("a+")
    except OSError as error:
        raise BrokerError(f"cannot use data directory {data_dir}: {error.strerror}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise BrokerError(f"data directory {data_dir} is in use by process {holder}") from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def main(arguments: list[str] | None = None) -> int:
    """Run a broker until SIGTERM or SIGINT; return 2 when it cannot start."""
    limits = Limits()
    parser = argparse.ArgumentParser(prog="stream.embedded.broker", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write host:port once it listens")
    parser.add_argument("--partitions", type=int, default=4, help="of topics made on first use")
    parser.add_argument("--sync", choices=SYNC_POLICIES, default="interval")
    parser.add_argument("--segment-bytes", type=int, default=limits.segment_bytes)
    parser.add_argument("--retention-bytes", type=int, default=limits.retention_bytes)
    parser.add_argument("--retention-seconds", type=float, default=limits.retention_seconds)
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))
    try:
        asyncio.run(_run(options))
    except BrokerError as error:
        parser.exit(2, f"{error}\n")
    return 0


async def _run(options: argparse.Namespace) -> None:
    def ready(address: str) -> None:
        if options.port_file:
            write_whole(options.port_file, address.encode())
        log.info("listening on %s", address)

    broker = Broker(
        options.data_dir,
        options.host,
        options.port,
        partitions=options.partitions,
        sync=options.sync,
        limits=Limits(
            segment_bytes=options.segment_bytes,
            retention_bytes=options.retention_bytes,
            retention_seconds=options.retention_seconds,
        ),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, broker.stop)
    await broker.serve(ready)


if __name__ == "__main__":
    sys.exit(main())
