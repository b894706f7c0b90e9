"""What a person reports on the page, all the way through a real broker to the counts."""

from datetime import UTC, datetime, timedelta

from redis import Redis

from detector.counts import Counts
from detector.inbox import Inbox, Submission
from models.catalogue import Catalogue
from models.tagger import Tagger
from stream.authors import Authors
from stream.forward import Forward
from stream.producer import Producer
from tests.test_ingest import LATENESS, Bench, wait_for

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_a_form_is_counted_for_its_service_symptom_and_country(
    kafka: str, topic: str, redis: Redis
) -> None:
    bench = Bench(kafka, topic, redis, Tagger.load(Catalogue.load()))
    inbox, counts = Inbox(redis, "test"), Counts(redis, "test")
    inbox.submit(
        Submission(
            service="zoom",
            sender=inbox.hash("192.0.2.1"),
            sent_at=NOW,
            symptom="login",
            country="DE",
            comment="cannot sign in",
        )
    )
    loop = Forward(
        inbox,
        counts,
        bench.producer,
        Authors(b"0123456789abcdef"),
        allowed_lateness=LATENESS,
        clock=lambda: NOW,
    )

    with Producer(kafka, topic) as producer:
        loop.step(producer)
        producer.heartbeat("test", NOW + timedelta(minutes=2))
    with bench.running(bench.worker(redis)):
        wait_for(bench.all_read())

    found = {
        name.decode(): int(n)
        for key in redis.scan_iter("test:v1:{p*}:bucket:*")
        for name, n in redis.hgetall(key).items()
    }
    assert found["zoom|affected"] == 1
    assert found["zoom|symptom:login"] == 1
    assert found["zoom|region:DE"] == 1
    assert counts.health().n_tagged == 1
