"""
Writes reports and heartbeats to Kafka: keyed by author, acknowledged by all replicas, idempotent.

Nothing is lost silently: a record that was not acknowledged makes a later `Producer.send`, or at
the latest `Producer.flush`, raise `DeliveryError`.
"""

import socket
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from stream.in_flight import InFlight
from stream.partition import ByKey
from stream.report import DELETION_HEADER, HEARTBEAT_HEADER, Deletion, Heartbeat, Report, encode

CONNECT_SECONDS = 8.0
GIVE_UP_SECONDS = 2.0  # for what is still queued when something else has failed already
DELIVERY_SECONDS = 60.0
LINGER_MS = 30
BATCH_BYTES = 64 * 1024
# kafka-python 3 does not bound its buffer; at 400 bytes a record this is some 8 MB.
MAX_IN_FLIGHT = 20_000


class BrokerUnreachable(Exception):
    """Kafka, or the topic in it, does not answer at *bootstrap*; says what to check."""

    def __init__(self, bootstrap: str | Iterable[str], problem: str = "does not answer"):
        self.bootstrap = bootstrap if isinstance(bootstrap, str) else ",".join(bootstrap)
        super().__init__(
            f"Kafka at {self.bootstrap} {problem}; "
            "check that it runs and that kafka.bootstrap_servers names it"
        )


class DeliveryError(Exception):
    """*n_failed* records were not acknowledged; *first* is the reason given for the first one."""

    def __init__(self, bootstrap: str, n_failed: int, first: BaseException):
        self.bootstrap = bootstrap
        self.n_failed = n_failed
        self.first = first
        reason = f"{type(first).__name__}: {first}"
        super().__init__(f"Kafka at {bootstrap} did not acknowledge {n_failed} records ({reason})")


class Producer:
    """
    Sends to one topic; a context manager: leaving it flushes, and raises on any failed delivery.

    *client* is passed to kafka-python as it is (security_protocol, sasl_mechanism, …). Raises
    `BrokerUnreachable` within about ten seconds. Not for use by several threads.
    """

    def __init__(
        self,
        bootstrap: str | Iterable[str],
        topic: str,
        *,
        client: Mapping[str, Any] | None = None,
        delivery_seconds: float = DELIVERY_SECONDS,
        max_in_flight: int = MAX_IN_FLIGHT,
    ):
        servers = servers_of(bootstrap)
        self.bootstrap = ",".join(servers)
        self.topic = topic
        self.n_sent = 0
        self._delivery_seconds = delivery_seconds
        self._in_flight = InFlight(max_in_flight)
        await_listener(servers)
        try:
            self._kafka = KafkaProducer(
                bootstrap_servers=servers,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                partitioner=ByKey(),
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
                max_block_ms=int(CONNECT_SECONDS * 1000),
                request_timeout_ms=int(min(30.0, delivery_seconds / 2) * 1000),
                delivery_timeout_ms=int(delivery_seconds * 1000),
                metrics_enabled=False,
                **(client or {}),
            )
        except KafkaError as error:
            raise BrokerUnreachable(servers) from error
        try:
            self.partitions()
        except BrokerUnreachable:
            self._close(GIVE_UP_SECONDS)
            raise

    def __enter__(self) -> "Producer":
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        try:
            if error is None:
                self.flush()
        finally:
            self._close(GIVE_UP_SECONDS if error else CONNECT_SECONDS)

    def partitions(self) -> list[int]:
        """Return the topic's partitions, in order."""
        try:
            return sorted(self._kafka.partitions_for(self.topic))
        except KafkaError as error:
            raise BrokerUnreachable(self.bootstrap, f"has no topic {self.topic!r}") from error

    def send(self, report: Report) -> None:
        """
        Queue *report* for the partition of its author; blocks while too many wait for their ack.

        Raises `DeliveryError` when an earlier record failed.
        """
        self._send(encode(report), key=report.author.encode())

    def delete(self, deletion: Deletion) -> None:
        """Queue *deletion* behind its author's posts, or without an author for all partitions."""
        body, headers = encode(deletion), [(DELETION_HEADER, b"1")]
        if deletion.author is not None:
            self._send(body, headers=headers, key=deletion.author.encode())
            return
        for partition in self.partitions():
            self._send(body, headers=headers, partition=partition)

    def heartbeat(self, source: str, at: datetime, partitions: Iterable[int] | None = None) -> None:
        """Tell *partitions*, or all, that *source* has sent everything up to event time *at*."""
        body = encode(Heartbeat(source=source, at=at))
        for partition in self.partitions() if partitions is None else partitions:
            self._send(body, headers=[(HEARTBEAT_HEADER, b"1")], partition=partition)

    def forward(
        self, body: bytes | None, *, key: bytes | None, headers: list[tuple[str, bytes]]
    ) -> None:
        """Queue bytes that came from another topic, unchanged; raises as `send` does."""
        self._send(body, key=key, headers=headers)

    def flush(self) -> None:
        """Wait until every record is acknowledged, or raise `DeliveryError`."""
        try:
            # The margin lets a record run into its own delivery timeout, whose reason says more.
            self._kafka.flush(timeout=self._delivery_seconds + CONNECT_SECONDS)
        except KafkaError as error:
            self._in_flight.fail(error)
        self._in_flight.settle()
        self._raise_failures()

    def abandon(self) -> None:
        """Close without waiting for what is still queued; for a broker that is away."""
        self._close(GIVE_UP_SECONDS)

    def _send(self, body: bytes | None, **where: Any) -> None:
        while self._in_flight.is_full(1.0):
            self._raise_failures()
        self._raise_failures()
        try:
            future = self._kafka.send(self.topic, value=body, **where)
        except KafkaError as error:
            raise DeliveryError(self.bootstrap, 1, error) from error
        self.n_sent += 1
        self._in_flight.add(future)

    def _close(self, seconds: float) -> None:
        try:
            self._kafka.close(timeout=seconds)
        except KafkaError:
            # kafka-python gives up closing when its flush runs out of time, and would keep its
            # thread and connections. Without its queue it can close.
            self._kafka._sender.force_close()
            self._kafka._sender.join(GIVE_UP_SECONDS)
            self._kafka.close(timeout=GIVE_UP_SECONDS)

    def _raise_failures(self) -> None:
        if (first := self._in_flight.first) is not None:
            raise DeliveryError(self.bootstrap, self._in_flight.n_failed, first) from first


def await_listener(servers: Iterable[str], seconds: float = CONNECT_SECONDS) -> None:
    """
    Wait until one of *servers* takes connections; raises `BrokerUnreachable` after *seconds*.

    kafka-python tries for as long by itself, but logs each attempt and leaves its socket open.
    """
    addresses = [_address(server) for server in servers]
    deadline = time.monotonic() + seconds
    while True:
        for address in addresses:
            try:
                socket.create_connection(address, timeout=max(0.1, seconds / 4)).close()
                return
            except OSError as error:
                problem = error
        if time.monotonic() >= deadline:
            raise BrokerUnreachable(servers) from problem
        time.sleep(0.1)


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal():
        raise BrokerUnreachable(server, "is not an address of the form host:port")
    return host.strip("[]"), int(port)


def servers_of(bootstrap: str | Iterable[str]) -> list[str]:
    """Return the addresses in *bootstrap*, which may be one text with commas."""
    return bootstrap.split(",") if isinstance(bootstrap, str) else list(bootstrap)
