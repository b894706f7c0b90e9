"""The sender of alerts is killed at random moments while Slack fails on schedule."""

import random
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from redis import Redis

from detector.incident_store import IncidentStore
from detector.incidents import Incident
from detector.official import OfficialEvent, OfficialState
from detector.official_store import OfficialStore
from tests.alert_cases import affected, at, explained, opened, resolved
from tests.outbox import named, write
from tests.slack_double import Fault, SlackDouble

N_INCIDENTS, N_KILLED, N_ADMITTED = 200, 9, 24


def sender(redis_url: str, slack: SlackDouble) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.alert_sender", redis_url, slack.base_url]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet)


@pytest.mark.timeout(400)
def test_two_hundred_incidents_have_one_root_each_however_often_the_sender_is_killed(
    redis: Redis, redis_url: str, no_proxy: None, store: IncidentStore
) -> None:
    chance = random.Random(11)
    faults = [Fault(status=429, retry_after="0"), Fault(status=500), Fault(kind="drop")]
    faults += [Fault(kind="take_and_drop"), Fault(kind="garbage"), Fault(kind="take_and_drop")]
    names = [f"incident-{i:03}" for i in range(N_INCIDENTS)]
    with SlackDouble() as slack:
        process = sender(redis_url, slack)
        try:
            for incident in (opened(), explained(), resolved()):
                admitted = [hit(named(incident, name)) for name in names[:N_ADMITTED]]
                rest = [named(incident, name) for name in names[N_ADMITTED:]]
                write(store, *admitted, *rest, until=incident.updated_at)
                if incident == explained():
                    admit(redis)
                for _ in range(N_KILLED // 3):
                    slack.faults.extend(chance.choice([None, None, *faults]) for _ in range(12))
                    _wait_for_requests(slack, chance.randint(20, 60))
                    process.kill()
                    process.wait()
                    process = sender(redis_url, slack)
            _wait_until_told(store, names[:N_ADMITTED])
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
        name = root.metadata["event_payload"]["incident_id"] if root.metadata else ""
        assert steps.count("Official") == (name in names[:N_ADMITTED])
        steps = [one for one in steps if one != "Official"]
        # A root that is posted late stands for the step that it was posted for.
        assert steps in (["Probable cause", "Resolved"], ["Resolved"], [])


def _wait_for_requests(slack: SlackDouble, n_more: int) -> None:
    wanted, deadline = len(slack.requests) + n_more, time.monotonic() + 60
    while len(slack.requests) < wanted:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def hit(incident: Incident) -> Incident:
    """Return *incident* with a service whose company admits it."""
    return replace(incident, affected=(*incident.affected, affected("zoom")))


def admit(redis: Redis) -> None:
    event = OfficialEvent(
        service="zoom",
        id="e1",
        title="Errors",
        state=OfficialState.OUTAGE,
        posted_at=at(8),
        seen_at=at(8),
    )
    OfficialStore(redis, "test").apply(0, 1, [event])


def _wait_until_told(store: IncidentStore, admitted: list[str]) -> None:
    deadline, told = time.monotonic() + 120, store.deliveries("slack")
    while store.outbox("slack", limit=1) or any(
        told.untold(name, ["official zoom e1"]) for name in admitted
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
