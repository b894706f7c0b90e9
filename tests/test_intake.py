"""Reports over HTTP, on a real socket and into a real topic."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx2
import pytest

from stream.authors import Authors
from stream.gate import Gate
from stream.intake import MAX_BYTES, Intake, listen, split
from stream.producer import BrokerUnreachable, Producer
from stream.sources.manners import Manners
from tests.topic_records import reports
from tests.web_double import abort

TOKEN = "a token of the test"
AUTHORS = Authors(b"an author key of tests")


@contextmanager
def serving(
    gate: Gate, token: str | None = TOKEN, body_seconds: float = 30.0
) -> Iterator[httpx2.Client]:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    app = Intake(gate, AUTHORS, Manners(), token, body_seconds=body_seconds).app()
    thread = threading.Thread(target=listen, args=(app, listener, stop))
    thread.start()
    try:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx2.Client(base_url=address, headers=headers, timeout=30) as client:
            yield client
    finally:
        stop.set()
        thread.join()
        listener.close()


@pytest.fixture
def client(kafka: str, topic: str) -> Iterator[httpx2.Client]:
    with Gate(partial(Producer, kafka, topic), 100) as gate, serving(gate) as found:
        yield found


ONE = {"text": "is it down?", "user": "ada", "service": "aws", "symptom": "login"}


def test_an_object_an_array_and_lines_are_taken_and_stored(
    client: httpx2.Client, kafka: str, topic: str
) -> None:
    lines = b'{"text":"three","user":"c"}\n\n{"text":"four","user":"d"}\n'
    answers = [
        client.post("/reports", json=ONE),
        client.post("/reports", json=[{"text": "two", "user": "b"}]),
        client.post("/reports", content=lines, headers={"Content-Type": "application/x-ndjson"}),
    ]

    assert [one.status_code for one in answers] == [202, 202, 202]
    assert [one.json()["accepted"] for one in answers] == [1, 1, 2]
    found = reports(kafka, topic)
    assert sorted(one.text for one in found) == ["four", "is it down?", "three", "two"]
    (named,) = [one for one in found if one.service]
    assert (named.service, named.symptom, named.source) == ("aws", "login", "http")
    assert named.author == AUTHORS.hash("http", "ada")


def test_the_same_content_sent_again_is_the_same_report(
    client: httpx2.Client, kafka: str, topic: str
) -> None:
    for _ in range(2):
        client.post("/reports", json=ONE)

    assert len({one.id for one in reports(kafka, topic)}) == 1


def test_bad_ones_are_named_and_their_neighbours_accepted(client: httpx2.Client) -> None:
    answer = client.post("/reports", json=[ONE, {"user": "x"}, "text", ONE | {"symptom": "x"}])

    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 1
    assert [one["index"] for one in body["refused"]] == [1, 2, 3]
    assert "text" in body["refused"][0]["reason"]


@pytest.mark.parametrize("body", [b"", b"{", b"[1,", b"\xff", b'{"user":"x"}'])
def test_nothing_valid_is_400(client: httpx2.Client, body: bytes) -> None:
    assert client.post("/reports", content=body).status_code == 400


def test_without_the_token_nothing_is_taken(client: httpx2.Client) -> None:
    for header in ("", "Bearer wrong", TOKEN, "Bearer \u00e9"):
        headers = {"Authorization": header.encode()}
        answer = client.post("/reports", json=ONE, headers=headers)
        assert answer.status_code == 401
    assert client.get("/healthz").json() == {"ok": True}


def test_too_much_at_once_is_413(client: httpx2.Client) -> None:
    assert client.post("/reports", content=b"x" * (MAX_BYTES + 1)).status_code == 413
    assert client.post("/reports", json=[ONE] * 5_001).status_code == 413


def test_when_too_many_wait_senders_are_told_to_come_back() -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Producer):
        """A producer whose flush takes as long as the test wants."""

        def __init__(self) -> None:
            self.sent: list[object] = []

        def send(self, report: object) -> None:
            self.sent.append(report)

        def flush(self) -> None:
            begun.set()
            assert go_on.wait(30)

        def __exit__(self, *error: object) -> None:
            """Nothing is open."""

    with (
        Gate(Slow, 2) as gate,
        serving(gate) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(client.post, "/reports", json=[ONE, ONE])
        assert begun.wait(30)
        refused = httpx2.post(
            f"{client.base_url}/reports", json=ONE, headers=dict(client.headers), timeout=30
        )
        go_on.set()

        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert first.result().status_code == 202


def test_a_broker_that_is_away_is_503_and_is_found_again(kafka: str, topic: str) -> None:
    calls = 0

    def connect() -> Producer:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise BrokerUnreachable("nowhere:1")
        producer = Producer(kafka, topic)
        if calls == 1:
            producer.abandon()  # a producer that can no longer send
        return producer

    with Gate(connect, 100) as gate, serving(gate) as client:
        answers = [client.post("/reports", json=ONE).status_code for _ in range(3)]

    assert answers == [503, 503, 202]
    assert len(reports(kafka, topic)) == 1


def test_bodies_are_split_as_their_type_says() -> None:
    assert list(split(b' [1, {"a": 2}]', "application/json")) == [b"1", b'{"a": 2}']
    assert list(split(b'{"a":1}\n{"a":2}', "application/x-ndjson")) == [b'{"a":1}', b'{"a":2}']
    assert list(split(json.dumps(ONE).encode(), "")) == [json.dumps(ONE).encode()]


def test_senders_that_misbehave_store_what_was_accepted_and_that_once(
    kafka: str, topic: str
) -> None:
    with (
        Gate(partial(Producer, kafka, topic), 1_000) as gate,
        serving(gate, body_seconds=0.5) as client,
    ):
        body = json.dumps([ONE | {"user": str(i)} for i in range(50)]).encode()
        head = (
            f"POST /reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode()
        address = (client.base_url.host, client.base_url.port)
        for kind in ("reset", "half"):
            with socket.create_connection(address, timeout=30) as sender:
                sender.sendall(head + body[:100])
                if kind == "reset":
                    abort(sender)
        with socket.create_connection(address, timeout=30) as stalled:
            stalled.sendall(head + body[:100])
            assert stalled.recv(1_000).startswith(b"HTTP/1.1 408")
        with socket.create_connection(address, timeout=30) as garbage:
            garbage.sendall(b"\x00\xff\xfe not http\r\n\r\n")
            assert garbage.recv(1_000).startswith(b"HTTP/1.1 400")
        # A sender that saw no answer sends the same again.
        answers = [
            client.post("/reports", content=body, headers={"Content-Type": "application/json"})
            for _ in range(3)
        ]

    assert [answer.json()["accepted"] for answer in answers] == [50, 50, 50]
    ids = [one.id for one in reports(kafka, topic)]
    assert (len(ids), len(set(ids))) == (150, 50)
    print(f"http: 50 posts sent 3 times, {len(set(ids))} kept, {len(ids) - 50} that counts drop")
