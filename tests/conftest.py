"""Real servers for tests: one Redis and one broker a session, a clean database or topic a test."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from playwright.sync_api import Browser
from redis import Redis

from detector.incident_store import IncidentStore
from stream.embedded import start_broker, start_redis
from tests.alert_receiver import Receiver
from tests.page_browser import Visit, launched, served, visiting
from tests.page_story import World, world
from tests.slack_double import SlackDouble

N_PARTITIONS = 4


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server of this session's own."""
    child = start_redis(tmp_path_factory.mktemp("redis"))
    yield child.url
    child.stop()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of an empty database."""
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def store(redis: Redis) -> IncidentStore:
    """The incidents of an empty database."""
    return IncidentStore(redis, "test")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy between the test and its doubles, whatever this machine has."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slack(no_proxy: None) -> Iterator[SlackDouble]:
    """A double of Slack that refused nothing of what it was sent."""
    with SlackDouble() as double:
        yield double
        assert double.refused == []


@pytest.fixture
def receiver(no_proxy: None) -> Iterator[Receiver]:
    """A server that keeps what is posted to it."""
    with Receiver() as server:
        yield server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the embedded broker, or of the Apache Kafka that OUTCRY_TEST_KAFKA names."""
    if address := os.environ.get("OUTCRY_TEST_KAFKA"):
        yield address
        return
    child = start_broker(tmp_path_factory.mktemp("kafka"))
    yield child.address
    child.stop()


@pytest.fixture
def kafka_admin(kafka: str) -> Iterator[KafkaAdminClient]:
    """An admin client of the broker."""
    client = KafkaAdminClient(bootstrap_servers=kafka)
    yield client
    client.close()


@pytest.fixture
def topic(kafka_admin: KafkaAdminClient) -> Iterator[str]:
    """Name of a new topic with four partitions."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    shape = {"num_partitions": N_PARTITIONS, "replication_factor": 1}
    kafka_admin.create_topics({name: shape}, wait_for_metadata=True)
    yield name
    kafka_admin.delete_topics([name])


@pytest.fixture
def page(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A small world for the page, and its environment."""
    made = world(redis, redis_url, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture(scope="module")
def address(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the page, served over the database of `story`."""
    with Redis.from_url(redis_url) as client:
        made = world(client, redis_url, tmp_path_factory.mktemp("page"))
    with served(made.environment) as address:
        yield address


@pytest.fixture
def story(redis: Redis, redis_url: str, tmp_path: Path) -> World:
    """A small world of which the served page tells."""
    return world(redis, redis_url, tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; of a module, as its event loop would be in the way of others."""
    with launched() as made:
        yield made


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """An open page of a visitor without cookies."""
    with visiting(browser) as made:
        yield made
