"""Bytes that no client would send: the embedded broker stays up and small, and refuses by code."""

import contextlib
import os
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import TransactionalIdAuthorizationFailedError
from kafka.protocol.consumer import FetchRequest, JoinGroupRequest
from kafka.protocol.metadata import ApiVersionsResponse, MetadataRequest
from kafka.protocol.producer import ProduceRequest, ProduceResponse
from kafka.record.memory_records import MemoryRecordsBuilder

from stream.embedded import Child, start_broker
from stream.embedded.broker import MAX_CONNECTIONS, MAX_FRAME_BYTES
from stream.embedded.broker_server import answers
from stream.topics import ensure_topics

N_FUZZED = 1500


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    broker = start_broker(tmp_path_factory.mktemp("hostile"))
    ensure_topics(broker.address, ["reports", "bad", "idempotent"], 1)
    yield broker
    broker.stop()


def connect(child: Child) -> socket.socket:
    host, port = child.address.split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def ask(child: Child, request: object, version: int) -> bytes:
    """Send a request and return the answer's frame, b"" for a closed connection."""
    request.API_VERSION = version  # type: ignore[attr-defined]
    request.with_header(correlation_id=7, client_id="t")  # type: ignore[attr-defined]
    return send(child, request.encode(header=True, framed=True))  # type: ignore[attr-defined]


def send(child: Child, data: bytes) -> bytes:
    with connect(child) as connection, connection.makefile("rb") as stream:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            size = stream.read(4)
            return stream.read(struct.unpack(">i", size)[0]) if len(size) == 4 else b""
        except ConnectionError:
            return b""


def resident_bytes(child: Child) -> int:
    pages = int(Path(f"/proc/{child.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def batch(**options: int) -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=10_000, **options)
    builder.append(1_700_000_000_000, None, b"v", [])
    builder.close()
    return bytes(builder.buffer())


def produce(child: Child, records: bytes, topic: str = "reports") -> int:
    """Send one batch and return the error code."""
    part = ProduceRequest.TopicProduceData.PartitionProduceData(index=0, records=records)
    data = ProduceRequest.TopicProduceData(name=topic, partition_data=[part])
    request = ProduceRequest(transactional_id=None, acks=-1, timeout_ms=1000, topic_data=[data])
    response = ProduceResponse.decode(ask(child, request, 7), version=7, header=True)
    return int(response.responses[0].partition_responses[0].error_code)


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        struct.pack(">i", -1),
        struct.pack(">i", MAX_FRAME_BYTES + 1) + b"x" * 100,
        struct.pack(">i", 4) + b"abcd",
        struct.pack(">ihhi", 8, 999, 0, 1),
        struct.pack(">ihhi", 8, 3, 99, 1),
        struct.pack(">ihhih", 10, 1, 12, 1, -1),
    ],
    ids=["tls", "http", "negative", "huge", "short", "unknown", "version", "empty"],
)
def test_what_is_no_request_closes_the_connection_only(child: Child, data: bytes) -> None:
    assert send(child, data) == b""
    assert answers(child.address)


def test_a_newer_client_is_told_the_versions(child: Child) -> None:
    frame = send(child, struct.pack(">ihhih", 10, 18, 99, 7, -1))

    response = ApiVersionsResponse.decode(frame[4:], version=0)
    assert response.error_code == 35
    assert {key.api_key for key in response.api_keys} >= {0, 1, 2, 3, 18}


def test_damaged_requests_neither_stop_nor_swell_the_broker(child: Child) -> None:
    rng = random.Random(20251020)
    part = FetchRequest.FetchTopic.FetchPartition(
        partition=0, fetch_offset=0, partition_max_bytes=1 << 20
    )
    fetch = FetchRequest(
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=1 << 20,
        topics=[FetchRequest.FetchTopic(topic="reports", partitions=[part])],
        forgotten_topics_data=[],
    )
    join = JoinGroupRequest(
        group_id="g",
        session_timeout_ms=6000,
        rebalance_timeout_ms=6000,
        member_id="",
        protocol_type="consumer",
        protocols=[JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"m")],
    )
    seeds = []
    for request, version in ((fetch, 4), (fetch, 12), (join, 5), (join, 7), (MetadataRequest(), 9)):
        request.API_VERSION = version
        request.with_header(correlation_id=1, client_id="fuzz")
        seeds.append(request.encode(header=True)[4:])
    before = resident_bytes(child)

    for _ in range(N_FUZZED):
        body = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            body[rng.randrange(len(body))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        body = body[: rng.randint(4, len(body))] + rng.randbytes(rng.randint(0, 20))
        head = struct.pack(
            ">hh", rng.choice((0, 1, 2, 3, 8, 9, 11, 14, 19, 22, 32)), rng.randint(0, 13)
        )
        with connect(child) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(struct.pack(">i", len(head) + len(body)) + head + body)

    assert answers(child.address)
    assert resident_bytes(child) - before < 100 << 20


def test_connections_beyond_the_limit_are_closed_and_the_others_served(child: Child) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(child)) for _ in range(MAX_CONNECTIONS + 20)]

        assert held[-1].recv(1) == b""
    while not answers(child.address):  # until the broker has seen the others close
        pass


def test_announced_bytes_that_do_not_come_take_no_memory(child: Child) -> None:
    before = resident_bytes(child)
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(connect(child))
            connection.sendall(struct.pack(">i", MAX_FRAME_BYTES) + b"x" * 1000)

        assert answers(child.address)
        assert resident_bytes(child) - before < 50 << 20


def _flip(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (b"", 2),
        (batch()[:-1], 2),
        (_flip(batch(), 64), 2),
        (_flip(batch(), 18), 2),
        (_flip(batch(), 16), 87),
        (batch() + batch(), 87),
        (batch() + b"x", 87),
        (batch(transactional=True, producer_id=1, producer_epoch=0, base_sequence=0), 87),
        (batch() + bytes(5 << 20), 10),
    ],
    ids=["none", "cut", "value", "crc", "format", "two", "rest", "transactional", "large"],
)
def test_a_bad_batch_is_refused_by_its_code_and_not_stored(
    child: Child, records: bytes, code: int
) -> None:
    assert produce(child, batch(), "bad") == 0
    with KafkaConsumer(bootstrap_servers=child.address) as consumer:
        place = TopicPartition("bad", 0)
        end = consumer.end_offsets([place])

        assert produce(child, records, "bad") == code
        assert consumer.end_offsets([place]) == end


def test_sequence_numbers_are_kept(child: Child) -> None:
    producer = {"producer_id": 90_001, "producer_epoch": 3}

    assert produce(child, batch(**producer, base_sequence=0), "idempotent") == 0
    assert produce(child, batch(**producer, base_sequence=1), "idempotent") == 0
    assert produce(child, batch(**producer, base_sequence=1), "idempotent") == 0, "a repetition"
    assert produce(child, batch(**producer, base_sequence=5), "idempotent") == 45
    with KafkaConsumer(bootstrap_servers=child.address) as consumer:
        place = TopicPartition("idempotent", 0)
        assert consumer.end_offsets([place])[place] == 2


def test_transactions_are_refused_at_once(child: Child) -> None:
    producer = KafkaProducer(bootstrap_servers=child.address, transactional_id="t")
    try:
        with pytest.raises(TransactionalIdAuthorizationFailedError):
            producer.init_transactions()
    finally:
        producer.close()
