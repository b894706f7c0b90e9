"""The sender of alerts is killed at random moments while Slack fails on schedule."""

import random
import subprocess
import sys
import time

import pytest
from redis import Redis

from detector.incident_store import IncidentStore
from tests.alert_cases import explained, opened, resolved
from tests.outbox import named, write
from tests.slack_double import Fault, SlackDouble

N_INCIDENTS, N_KILLED = 200, 9


def sender(redis_url: str, slack: SlackDouble) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.alert_sender", redis_url, slack.base_url]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)


@pytest.mark.timeout(400)
def test_two_hundred_incidents_have_one_root_each_however_often_the_sender_is_killed(
    redis: Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    chance, store = random.Random(11), IncidentStore(redis, "test")
    faults = [Fault(status=429, retry_after="0"), Fault(status=500), Fault(kind="drop")]
    faults += [Fault(kind="take_and_drop"), Fault(kind="garbage"), Fault(kind="take_and_drop")]
    names = [f"incident-{i:03}" for i in range(N_INCIDENTS)]
    with SlackDouble() as slack:
        process = sender(redis_url, slack)
        try:
            for incident in (opened(), explained(), resolved()):
                write(store, *(named(incident, name) for name in names))
                for _ in range(N_KILLED // 3):
                    slack.faults.extend(chance.choice([None, None, *faults]) for _ in range(12))
                    _wait_for_requests(slack, chance.randint(20, 60))
                    process.kill()
                    process.wait()
                    process = sender(redis_url, slack)
            _wait_until_told(store)
        finally:
            process.kill()
            process.wait()

    assert slack.refused == []
    assert len(slack.roots) == N_INCIDENTS
    told = [root.metadata["event_payload"]["incident_id"] for root in slack.roots if root.metadata]
    assert sorted(told) == names
    for root in slack.roots:
        assert "Resolved after 2 h 51 min" in root.text
        steps = [one.text.split("·")[1].split(":")[0].strip() for one in slack.thread(root)]
        # A root that is posted late stands for the step that it was posted for.
        assert steps in (["Probable cause", "Resolved"], ["Resolved"], [])


def _wait_for_requests(slack: SlackDouble, n_more: int) -> None:
    wanted, deadline = len(slack.requests) + n_more, time.monotonic() + 60
    while len(slack.requests) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def _wait_until_told(store: IncidentStore) -> None:
    deadline = time.monotonic() + 120
    while store.outbox("slack", limit=1):
        assert time.monotonic() < deadline
        time.sleep(0.05)
