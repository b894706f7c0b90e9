"""The live Jetstream connection, against a server that misbehaves in every way we know of."""

import socket
import threading
from collections import deque
from datetime import UTC, datetime, timedelta

import pytest
import zstandard

from detector.feeds import Feeds
from stream.authors import Authors
from stream.producer import Producer
from stream.report import Deletion, Report
from stream.sources.bluesky import Bluesky
from stream.sources.live import Disconnected, Received, Refused
from stream.sources.manners import Manners
from stream.sources.pump import Pump
from tests.jetstream_double import FIRST_US, Fault, JetstreamDouble, account, deletion, did, post
from tests.source_cases import Trial, pumping, quick
from tests.topic_records import deletions, heartbeats, reports
from tests.web_double import until

AUTHORS = Authors(b"an author key of tests")
NOW = datetime(2026, 7, 5, tzinfo=UTC)


def source(*hosts: str, **options: object) -> Bluesky:
    return Bluesky(hosts or ("ws://127.0.0.1:1",), AUTHORS, **options)  # type: ignore[arg-type]


FAULTS = [
    Fault(kind="reset", after=40),
    Fault(kind="half", after=30),
    Fault(kind="garbage", after=20),
    Fault(kind="status", status=429, headers=(("Retry-After", "0"),)),
    Fault(kind="status", status=503, headers=(("Retry-After", "0"),)),
    Fault(kind="stall", after=25),
    Fault(kind="twice", after=0),
    Fault(kind="reset", after=0),
]


def test_whatever_the_server_does_every_post_arrives_once(redis, kafka: str, topic: str) -> None:
    n = 300
    log = [post(i) for i in range(n)]
    server = JetstreamDouble(log[:60], deque(FAULTS))

    def trouble() -> set[str]:
        with server:
            # The garbage connection goes on by itself; the faults after it make it end.
            until(lambda: not server.faults)
        # The server is killed here, and comes back at the same address with more.
        server.log.extend(log[60:])
        with server:
            # What was sent again after a reconnection counts as sent: the cursor tells the end.
            until(lambda: (feed := trial.feed) and feed.n_sent >= n and feed.cursor == at(n - 1))
        return {f"bsky:{did(i)}/3key{i}" for i in range(n)}

    with socket.create_server(("127.0.0.1", 0)) as probe:
        server.port = probe.getsockname()[1]
    bluesky = source(f"ws://127.0.0.1:{server.port}", silence=1.5)
    trial = Trial(bluesky, Feeds(redis, "test"), kafka, topic)
    feed = trial.run(trouble)

    assert feed.cursor == str(FIRST_US + (n - 1) * 1000)
    assert feed.n_shed == 0
    assert heartbeats(kafka, topic)


def test_garbage_costs_itself_alone_and_is_counted(redis, kafka: str, topic: str) -> None:
    feeds = Feeds(redis, "test")
    with JetstreamDouble([post(i) for i in range(10)], deque([FAULTS[2]])) as server:
        pump = Pump(source(server.uri), lambda: Producer(kafka, topic), feeds, backoff=quick())
        server.faults[0] = Fault(kind="garbage", after=5)
        with pumping(pump):
            until(lambda: (feed := feeds.get("bluesky")) and feed.n_sent == 10)

    feed = feeds.get("bluesky")
    assert feed is not None
    assert (feed.n_invalid, feed.n_sent, feed.n_connections) == (3, 10, 1)


def test_a_new_process_reads_on_from_the_stored_cursor(redis, kafka: str, topic: str) -> None:
    feeds = Feeds(redis, "test")
    with JetstreamDouble([post(i) for i in range(20)]) as server:
        for n in (20, 40):
            pump = Pump(source(server.uri), lambda: Producer(kafka, topic), feeds, backoff=quick())
            with pumping(pump):
                until(lambda n=n: (f := feeds.get("bluesky")) and f.cursor == at(n - 1))
            server.log.extend(post(i) for i in range(20, 40))
        assert server.asked[-1]["cursor"] == [str(FIRST_US + 19_000 - 5_000_000)]

    ids = {one.id for one in reports(kafka, topic)}
    assert len(ids) == 40


def at(i: int) -> str:
    return str(FIRST_US + i * 1000)


def test_deletions_of_posts_and_accounts_are_passed_on(redis, kafka: str, topic: str) -> None:
    feeds = Feeds(redis, "test")
    log = [post(0), deletion(1, of=0), account(2, of=5, status="takendown"), account(3, 6, None)]
    with JetstreamDouble(log) as server:
        pump = Pump(source(server.uri), lambda: Producer(kafka, topic), feeds, backoff=quick())
        with pumping(pump):
            until(lambda: (feed := feeds.get("bluesky")) and feed.cursor == at(3))

    found = deletions(kafka, topic)
    assert {(one.id, one.author) for one in found} == {
        (f"bsky:{did(0)}/3key0", AUTHORS.hash("bluesky", did(0))),
        (f"bsky:{did(5)}/", AUTHORS.hash("bluesky", did(5))),
    }


def test_hosts_that_all_refuse_stop_the_source_and_the_state_says_so(
    redis, kafka: str, topic: str
) -> None:
    feeds = Feeds(redis, "test")
    refusal = Fault(kind="status", status=403, body="go away")
    with JetstreamDouble([], deque([refusal] * 2)) as server:
        hosts = (server.uri, server.uri.replace("127.0.0.1", "localhost"))
        pump = Pump(source(*hosts), lambda: Producer(kafka, topic), feeds, backoff=quick())
        with pumping(pump) as errors:
            until(lambda: errors)

    assert isinstance(errors[0], Refused)
    assert "go away" in str(errors[0])
    feed = feeds.get("bluesky")
    assert feed is not None
    assert feed.state == "refused"


def test_a_dead_host_is_left_for_the_next(redis, kafka: str, topic: str) -> None:
    feeds = Feeds(redis, "test")
    with JetstreamDouble([post(0)]) as server:
        hosts = ("ws://127.0.0.1:1", server.uri)
        pump = Pump(source(*hosts), lambda: Producer(kafka, topic), feeds, backoff=quick())
        with pumping(pump):
            until(lambda: (feed := feeds.get("bluesky")) and feed.n_sent == 1)


def test_a_clock_of_the_future_moves_neither_event_time_nor_the_cursor() -> None:
    frame = post(0).replace(str(FIRST_US).encode(), b"4102444800000000")

    received = source().read(frame, NOW)

    (report,) = received.records
    assert isinstance(report, Report)
    assert report.posted_at == NOW
    assert received.event_at == NOW
    assert received.cursor is None


def test_whoever_does_not_want_to_be_read_is_not_read() -> None:
    manners = Manners([f"bluesky:{did(1)}"])
    bluesky = source(manners=manners)

    assert bluesky.read(post(0), NOW).records
    assert not bluesky.read(post(1), NOW).records
    assert not bluesky.read(post(2, "X is down #NoBot"), NOW).records


def test_compressed_frames_are_read_with_the_dictionary() -> None:
    samples = [post(i, text=f"is service {i} down?") for i in range(500)]
    dictionary = zstandard.train_dictionary(4096, samples).as_bytes()
    zstd = zstandard.ZstdCompressor(
        dict_data=zstandard.ZstdCompressionDict(dictionary), write_content_size=False
    )
    bluesky = source(dictionary=dictionary)

    assert bluesky.read(zstd.compress(post(3)), NOW).records == source().read(post(3), NOW).records
    assert bluesky.read(b"\x28\xb5\x2f\xfdbroken", NOW).invalid
    assert "compress=true" in bluesky.uri(None)


V2 = '{"$type":"message","payload":{"$type":"network.bsky.jetstream.subscribeEvents#%s",%s}}'


def v2(kind: str, fields: str) -> bytes:
    return (V2 % (kind, fields)).encode()


def test_v2_frames_give_the_same_posts_and_deletions() -> None:
    bluesky = source(protocol="v2")
    head = f'"seq":7,"did":"{did(0)}","time":"2026-07-04T14:38:08.000000Z","rev":"3r",'
    where = '"collection":"app.bsky.feed.post","rkey":"3key0"'
    record = ',"cid":"b","record":{"$type":"app.bsky.feed.post","text":"is it down?"}'

    created = bluesky.read(v2("commit", f'{head}"operation":"create",{where}{record}'), NOW)
    deleted = bluesky.read(v2("commit", f'{head}"operation":"delete",{where}'), NOW)
    notice = bluesky.read(v2("info", '"name":"OutdatedCursor"'), NOW)

    assert isinstance(created.records[0], Report)
    assert created.records[0].id == f"bsky:{did(0)}/3key0"
    assert created.cursor == "7"
    assert isinstance(deleted.records[0], Deletion)
    assert notice.records == ()
    assert notice.invalid is None
    with pytest.raises(Disconnected, match="ConsumerTooSlow"):
        bluesky.read(b'{"$type":"error","error":"ConsumerTooSlow","message":"m"}', NOW)
    assert "field `seq`" in str(bluesky.read(v2("commit", '"did":"d"'), NOW).invalid)


def test_a_cursor_of_the_other_protocol_is_not_used() -> None:
    for protocol, cursor in (("v1", "77"), ("v2", str(FIRST_US))):
        bluesky = source(protocol=protocol)
        assert bluesky._start(cursor) is None
        assert bluesky._start(None) is None


def first(bluesky: Bluesky, cursor: str) -> Received:
    """What the first message means that is more than a sign of life."""
    incoming = bluesky.receive(cursor, threading.Event())
    return next(received for received in incoming if received.n_bytes)


def test_a_cursor_that_is_too_old_for_v2_is_dropped() -> None:
    too_old = Fault(kind="status", status=400, body='{"error":"CursorTooOld"}')
    with JetstreamDouble([], deque([too_old])) as server:
        bluesky = source(server.uri, protocol="v2")
        with pytest.raises(Disconnected, match="CursorTooOld"):
            first(bluesky, "77")
        frame = v2(
            "account", f'"seq":9,"did":"{did(0)}","time":"2026-07-04T14:38:08Z","active":true'
        )
        server.log.append(frame)
        assert first(bluesky, "77").cursor == "9"
        assert "cursor" not in server.asked[-1]


def test_what_v1_clamped_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with JetstreamDouble([post(0)]) as server:
        hours = timedelta(hours=40) // timedelta(microseconds=1)
        first(source(server.uri), str(FIRST_US - hours))

    assert "source_gap" in "".join(capsys.readouterr())
