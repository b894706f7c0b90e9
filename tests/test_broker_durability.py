"""What the embedded broker keeps: through SIGKILL, a torn write, damage, and its limits."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from stream.embedded import Child, EmbeddedError, start_broker
from stream.embedded.broker_server import answers
from stream.topics import ensure_topics

PLACES = [TopicPartition("reports", i) for i in range(4)]

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start brokers over one data directory; the last one is stopped."""
    children: list[Child] = []

    def start_one(*options: str) -> Child:
        children.append(start_broker(tmp_path / "kafka", options=options))
        ensure_topics(children[-1].address, ["reports"], len(PLACES))
        return children[-1]

    yield start_one
    for child in children:
        child.stop()


def write(address: str, n: int, start: int = 0) -> None:
    with KafkaProducer(bootstrap_servers=address) as producer:
        sent = [
            producer.send("reports", b"%d" % i, partition=i % 4) for i in range(start, start + n)
        ]
        for future in sent:
            future.get(20)


def read(address: str) -> list[int]:
    """Read all records that the broker says it has."""
    values: list[int] = []
    with KafkaConsumer(bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
        consumer.assign(PLACES)
        consumer.seek_to_beginning(*PLACES)
        ends = consumer.end_offsets(PLACES)
        while any(consumer.position(place) < ends[place] for place in PLACES):
            for batch in consumer.poll(timeout_ms=250).values():
                values.extend(int(r.value) for r in batch)
    return sorted(values)


def kill(child: Child) -> None:
    child.process.kill()
    child.process.wait()


@pytest.mark.parametrize("sync", ["interval", "always", "never"])
def test_everything_acknowledged_survives_sigkill(start: Start, sync: str) -> None:
    child = start("--sync", sync)
    write(child.address, 200)
    kill(child)

    child = start("--sync", sync)
    write(child.address, 200, start=200)

    assert read(child.address) == list(range(400))


def test_commits_and_topics_survive_sigkill(start: Start) -> None:
    child = start()
    write(child.address, 40)
    with KafkaConsumer(bootstrap_servers=child.address, group_id="g") as consumer:
        consumer.assign(PLACES)
        consumer.commit({PLACES[1]: OffsetAndMetadata(6, "here", -1)})
    with KafkaAdminClient(bootstrap_servers=child.address) as admin:
        admin.create_topics({"other": {"num_partitions": 7, "replication_factor": 1}})
    kill(child)

    child = start()

    with KafkaConsumer(bootstrap_servers=child.address, group_id="g") as consumer:
        assert consumer.committed(PLACES[1], metadata=True).metadata == "here"
        assert consumer.committed(PLACES[1]) == 6
        assert len(consumer.partitions_for_topic("other")) == 7


def test_producer_ids_are_not_handed_out_again_after_sigkill(start: Start, tmp_path: Path) -> None:
    child = start()
    for _ in range(2):
        write(child.address, 40)
        kill(child)
        child = start()
    write(child.address, 40)

    assert len(read(child.address)) == 120


@pytest.mark.parametrize("n_bytes", [1, 100, 5_000, 50_000])
def test_a_torn_write_is_cut_and_the_log_goes_on(
    start: Start, tmp_path: Path, n_bytes: int
) -> None:
    child = start()
    write(child.address, 200)
    kill(child)
    with (tmp_path / "kafka" / "broker.sqlite-wal").open("ab") as log:
        log.truncate(max(0, log.tell() - n_bytes))  # as a crash of the machine would leave it

    child = start()

    kept = read(child.address)
    for i in range(4):
        assert [v for v in kept if v % 4 == i] == list(range(200))[i::4][
            : sum(v % 4 == i for v in kept)
        ]
    write(child.address, 40, start=200)
    assert read(child.address) == [*kept, *range(200, 240)]


def test_what_follows_the_last_whole_write_is_left_out(start: Start, tmp_path: Path) -> None:
    child = start()
    write(child.address, 200)
    kill(child)
    log = tmp_path / "kafka" / "broker.sqlite-wal"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[-70:] + bytes(4096))

    assert read(start().address) == list(range(200))


@pytest.mark.parametrize("at", [-40, 0], ids=["header", "record"])
def test_damage_to_what_was_stored_is_said_and_left_alone(
    start: Start, tmp_path: Path, at: int
) -> None:
    child = start()
    with KafkaProducer(bootstrap_servers=child.address) as producer:
        for value in (b"first", b"damaged", b"last"):
            producer.send("reports", value, partition=0).get(20)
    child.stop()
    stored = tmp_path / "kafka" / "broker.sqlite"
    damaged = bytearray(stored.read_bytes())
    damaged[damaged.index(b"damaged") + at] ^= 0xFF
    stored.write_bytes(damaged)

    with pytest.raises(EmbeddedError, match=r"cannot serve .*: corrupt batch at 1"):
        start()

    assert stored.read_bytes() == damaged


def test_retention_by_size_drops_the_oldest_records(start: Start) -> None:
    child = start("--retention-bytes", "60000")
    with KafkaProducer(bootstrap_servers=child.address) as producer:
        for i in range(400):
            producer.send("reports", b"%d" % i + b" " * 1000, partition=0).get(20)
    with KafkaConsumer(bootstrap_servers=child.address) as consumer:
        first = 0
        while first < 340:  # the test's time limit ends it
            first = consumer.beginning_offsets(PLACES)[PLACES[0]]
        assert consumer.end_offsets(PLACES)[PLACES[0]] == 400

    assert first < 350
    assert read(child.address) == list(range(first, 400))
    kill(child)
    assert read(start().address) == list(range(first, 400))


def test_retention_by_age_drops_even_the_last_record(start: Start) -> None:
    child = start("--retention-seconds", "1")
    write(child.address, 40)
    with KafkaConsumer(bootstrap_servers=child.address) as consumer:
        while min(consumer.beginning_offsets(PLACES).values()) < 10:
            pass
        assert consumer.end_offsets(PLACES) == dict.fromkeys(PLACES, 10)
    write(child.address, 4, start=40)

    assert read(child.address) == [40, 41, 42, 43]


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(EmbeddedError, match=f"on port {port}: .*already in use"):
            start_broker(tmp_path, port)


def test_a_data_directory_serves_one_broker(start: Start) -> None:
    child = start()

    with pytest.raises(EmbeddedError, match=r"cannot serve .*: database is locked; stop"):
        start()
    assert answers(child.address)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "broker.sqlite").write_text("{" * 1000)

    with pytest.raises(EmbeddedError, match=r"cannot serve .*: file is not a database; stop"):
        start_broker(tmp_path)
