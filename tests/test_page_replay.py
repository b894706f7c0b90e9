"""The whole of Outcry behind the page: `outcry up` replays an outage, a person looks and acts."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from playwright.sync_api import Error, expect
from redis import Redis

from dashboard.pages import PAGES
from detector.actions import Actions
from detector.bucket import WIDTH
from detector.counts import Counts
from detector.health import Health
from detector.incident_store import IncidentStore
from stream.settings import Settings
from tests.page_browser import SLOW, Visit, free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
# Fast enough that the outage comes within seconds, and slow enough that it is not over.
SPEED = "150"
FIRST_MS = 120_000  # until all is started and the incident is on the page, on a loaded machine


@dataclass(frozen=True, slots=True)
class Running:
    """What a person finds: the address of the page, and what is in Redis behind it."""

    address: str
    directory: Path
    process: "subprocess.Popen[bytes]"

    def servers(self) -> dict[str, str]:
        """Return the addresses of the embedded servers."""
        (told,) = self.directory.glob("*/up.json")
        found: dict[str, str] = json.loads(told.read_text())
        return found

    def replay(self) -> int:
        """Return the process that sends the scenario's posts."""
        listed = subprocess.run(
            ["ps", "-axo", "pid=,ppid=,command="], capture_output=True, text=True, check=True
        )
        rows = (line.split(None, 2) for line in listed.stdout.splitlines())
        ours = ((int(pid), said) for pid, parent, said in rows if int(parent) == self.process.pid)
        return next(pid for pid, said in ours if "replay" in said)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    port = free_port()
    command = ["up", "--replay", "aws-2025-10-20", "--speed", SPEED, "--data-dir", str(tmp_path)]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream", *command, "--port", str(port)],
            env={k: v for k, v in os.environ.items() if not k.startswith("OUTCRY_")},
            stdout=said,
            stderr=said,
        )
        try:
            yield Running(f"http://127.0.0.1:{port}/", tmp_path, process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def settled(visit: Visit, kafka: str, counts: Counts, store: IncidentStore) -> Health:
    """Return what is counted as soon as everything that was sent is counted and judged."""
    topic = Settings().kafka.topic
    with closing(KafkaConsumer(bootstrap_servers=kafka)) as consumer:
        partitions = [TopicPartition(topic, i) for i in consumer.partitions_for_topic(topic)]
        for _ in range(600):
            ends = consumer.end_offsets(partitions)
            is_read = all((counts.next_offset(p.partition) or 0) >= n for p, n in ends.items())
            health, judged = counts.health(), store.judged_until()
            assert health.watermark_at is not None
            if is_read and judged and health.watermark_at - judged < timedelta(seconds=WIDTH):
                return health
            visit.page.wait_for_timeout(100)
    raise AssertionError(f"the counts never came to rest: {health}, judged until {judged}")


def test_a_person_follows_an_outage_on_the_page_and_acts(up: Running, visit: Visit) -> None:
    page = visit.page
    _open(visit, up)
    headline = page.locator("h1")
    expect(headline).to_contain_text("Amazon Web Services", timeout=FIRST_MS)
    page.evaluate("window.sameDocument = true")
    people = page.locator(".figures dd").nth(2)
    seen = people.inner_text()
    expect(people).not_to_have_text(seen, timeout=SLOW)
    assert page.evaluate("window.sameDocument") is True

    servers = up.servers()
    with Redis.from_url(servers["redis"]) as redis, stopped(up.replay()):
        (state,) = redis.scan_iter("*:v1:{watch}:state")
        prefix = state.decode().removesuffix(":v1:{watch}:state")
        store, counts = IncidentStore(redis, prefix), Counts(redis, prefix)
        health = settled(visit, servers["kafka"], counts, store)
        _shows_what_redis_holds(visit, store, health)
        _acknowledged(visit, up.address, Actions(redis, prefix), store.open()[0].id)
        _reported(visit, up.address, counts, health)
        _every_page_opens(visit, up.address)

    assert visit.errors == []
    assert visit.foreign(up.address) == []


def _open(visit: Visit, up: Running) -> None:
    """Open the page, which is served some seconds after its process began."""
    while up.process.poll() is None:
        with suppress(Error):
            visit.page.goto(up.address)
            break
        visit.page.wait_for_timeout(200)
    assert up.process.poll() is None, (up.directory / "said").read_text()
    # What a browser says of a server that is not there yet is no complaint of the page.
    visit.errors.clear()
    visit.requests.clear()


def _shows_what_redis_holds(visit: Visit, store: IncidentStore, health: Health) -> None:
    (worst, *_), page = store.open(), visit.page
    card = page.locator(f"[class*='{worst.id}']").first
    expect(card.locator(".figures")).to_contain_text(f"{worst.observed:,}", timeout=SLOW)
    expect(card.locator(".subtitle")).to_contain_text(f"{len(worst.affected)} service")
    for one in sorted(worst.affected, key=lambda one: -one.observed)[:3]:
        expect(card.locator(".hit")).to_contain_text(f"{one.observed:,}")
    for n, name in ((health.n_reports, "reports"), (health.n_tagged, "name a service")):
        expect(page.locator(".feed")).to_contain_text(f"{n:,}{name}")
    expect(page.locator(".replay")).to_be_visible()


def _acknowledged(visit: Visit, address: str, actions: Actions, id: str) -> None:
    page = visit.page
    page.goto(f"{address}incident?id={id}")
    page.get_by_role("button", name="Acknowledge").click(timeout=SLOW)
    said = "Acknowledged by this machine"
    expect(page.locator(".card-head")).to_contain_text(said, timeout=SLOW)

    assert [(one.what, one.about) for one in actions.audit()] == [("acknowledged", id)]


def _reported(visit: Visit, address: str, counts: Counts, before: Health) -> None:
    page = visit.page
    page.goto(f"{address}report")
    page.get_by_label("Service").fill("Zoom", timeout=SLOW)
    page.get_by_role("option", name="Zoom", exact=True).click()
    page.get_by_text("Signing in").click()
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("Thank you.")).to_be_visible(timeout=SLOW)

    page.goto(address)
    now = f"{before.n_reports + 1:,}reports"
    expect(page.locator(".feed")).to_contain_text(now, timeout=SLOW)
    health = counts.health()
    assert health.n_tagged == before.n_tagged + 1
    assert "form" in [source.name for source in health.sources]


def _every_page_opens(visit: Visit, address: str) -> None:
    for one in PAGES:
        visit.page.goto(address + one.path)
        expect(visit.page.locator("h1").first).to_be_visible(timeout=SLOW)
        expect(visit.page.locator(".feed")).to_contain_text(re.compile("scenario"), timeout=SLOW)
        expect(visit.page.get_by_text("Traceback")).to_have_count(0)
