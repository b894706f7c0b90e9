import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from structlog.testing import capture_logs

from detector.incident_store import IncidentStore
from detector.incidents import Incident, Severity, Status, Step
from stream.alerts.backoff import backoff
from stream.alerts.channel import Alert, AlertError, Channel
from stream.alerts.rules import Route, Rules
from stream.alerts.slack import SlackBot
from stream.courier import Courier, Drained
from stream.notify import run
from tests.alert_cases import CATALOGUE, after, at, explained, opened, resolved
from tests.outbox import named, write
from tests.slack_double import CHANNEL, TOKEN, Fault, SlackDouble

NOW = at(500)


class Recorder:
    """A channel that keeps what it is told and fails as it is told to."""

    def __init__(self, name: str = "recorder", pause_seconds: float = 0.0):
        self.name = name
        self.pause_seconds = pause_seconds
        self.edits = True
        self.told: list[tuple[Alert, str | None]] = []
        self.failures: list[Exception] = []
        self.changed = threading.Condition()

    def send(self, alert: Alert, reference: str | None) -> str | None:
        if self.failures:
            raise self.failures.pop(0)
        with self.changed:
            self.told.append((alert, reference))
            self.changed.notify_all()
        return f"{self.name}:{alert.incident.id}"

    @property
    def steps(self) -> list[str]:
        return [alert.transition.step.value for alert, _ in self.told]

    def wait_for(self, n_told: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.told) >= n_told, timeout=20)


def bot(slack: SlackDouble) -> SlackBot:
    return SlackBot(TOKEN, CHANNEL, CATALOGUE, base_url=slack.base_url, timeout_seconds=2)


def drain(
    store: IncidentStore,
    channel: Channel,
    now: datetime,
    *,
    n_failures: int = 0,
    jitter: Callable[[], float] = random.random,
    rules: Rules | None = None,
) -> Drained:
    """Drain once, as a process that was just started does."""
    courier = Courier(store, channel, rules=rules, jitter=jitter)
    courier.n_failures = n_failures
    return courier.drain(now)


def joined(incident: Incident, minutes: float) -> Incident:
    return after(incident, Step.SERVICE_JOINED, at(minutes))


# --- drain ---


def test_entries_are_sent_once_in_order_with_the_reference_kept(store: IncidentStore) -> None:
    channel = Recorder()
    write(store, opened())
    write(store, explained(), resolved())

    first, second = drain(store, channel, NOW), drain(store, channel, NOW)

    assert channel.steps == ["opened", "cause_changed", "resolved"]
    assert [reference for _, reference in channel.told] == [None, *[f"recorder:{opened().id}"] * 2]
    assert (first.n_sent, first.retry_at, second.n_sent) == (3, None, 0)


def test_every_channel_has_its_own_cursor(store: IncidentStore) -> None:
    one, other = Recorder("one"), Recorder("other")
    write(store, opened())
    drain(store, one, NOW)
    write(store, resolved())

    drain(store, one, NOW)
    drain(store, other, NOW)

    assert one.steps == other.steps == ["opened", "resolved"]


def test_what_is_no_story_is_folded_into_what_waits_behind_it(store: IncidentStore) -> None:
    channel = Recorder()
    write(store, opened(), joined(opened(), 3), joined(opened(), 4), explained())
    write(store, named(joined(opened(), 3), "other"))

    drained = drain(store, channel, NOW)

    assert channel.steps == ["opened", "cause_changed", "service_joined"]
    assert (drained.n_sent, drained.n_folded) == (3, 2)
    assert store.outbox(channel.name) == []


def test_each_alert_carries_its_own_snapshot_and_the_newest(store: IncidentStore) -> None:
    channel = Recorder()
    write(store, opened(), explained(), resolved())

    drain(store, channel, NOW)

    steps = (opened(), explained(), resolved())
    kept = [replace(one, samples=resolved().samples) for one in steps]
    assert [alert.incident for alert, _ in channel.told] == kept
    assert {alert.newest for alert, _ in channel.told} == {resolved()}


def test_a_paced_channel_sends_one_alert_a_pass(store: IncidentStore) -> None:
    channel = Recorder(pause_seconds=1.2)
    write(store, opened(), explained())

    first = drain(store, channel, NOW)

    assert channel.steps == ["opened"]
    assert first.retry_at == NOW + timedelta(seconds=1.2)
    drain(store, channel, NOW)
    assert channel.steps == ["opened", "cause_changed"]


def test_a_passing_failure_keeps_the_entry_and_everything_behind_it(store: IncidentStore) -> None:
    channel = Recorder()
    channel.failures = [AlertError("503", retryable=True)] * 3
    write(store, opened(), named(opened(), "other"))

    n_failures, waits = 0, []
    for _ in range(3):
        drained = drain(store, channel, NOW, n_failures=n_failures, jitter=lambda: 0.5)
        assert drained.retry_at is not None
        n_failures = drained.n_failures
        waits.append((drained.retry_at - NOW).total_seconds())
    done = drain(store, channel, NOW, n_failures=n_failures)

    assert waits == [0.5, 1.0, 2.0]
    assert [alert.incident.id for alert, _ in channel.told] == [opened().id, "other"]
    assert (done.n_sent, done.n_failures) == (2, 0)


def test_the_wait_that_the_other_side_asks_for_is_kept(store: IncidentStore) -> None:
    channel = Recorder()
    channel.failures = [AlertError("ratelimited", retryable=True, retry_after=30.0)]
    write(store, opened())

    drained = drain(store, channel, NOW, jitter=lambda: 0.0)

    assert drained.retry_at == NOW + timedelta(seconds=30)


def test_a_refused_entry_is_logged_counted_and_passed(store: IncidentStore) -> None:
    channel = Recorder()
    channel.failures = [AlertError("invalid_blocks", retryable=False)]
    write(store, opened(), explained(), named(opened(), "other"))

    with capture_logs() as events:
        drained = drain(store, channel, NOW)

    assert (drained.n_refused, drained.n_sent) == (1, 2)
    assert [one["event"] for one in events] == ["alert_refused", "alert_sent", "alert_sent"]
    assert events[0] | {"entry": ""} == {
        "event": "alert_refused",
        "log_level": "error",
        "reason": "invalid_blocks",
        "channel": "recorder",
        "incident": opened().id,
        "step": "opened",
        "entry": "",
    }


@given(st.integers(0, 10_000), st.none() | st.floats(0, 1e9), st.floats(0, 0.999))
def test_waits_are_bounded_and_never_shorter_than_asked(
    n_failures: int, retry_after: float | None, jitter: float
) -> None:
    wait = backoff(n_failures, retry_after, jitter)

    assert 0 <= wait <= 3_601
    assert wait >= min(retry_after or 0.0, 3_600)
    assert wait <= backoff(n_failures + 1, retry_after, jitter)


# --- with Slack ---


def finish(store: IncidentStore, slack: SlackDouble, chance: random.Random) -> int:
    """Drain through bots that are restarted at random until nothing waits; return the passes."""
    channel, n_passes, n_failures = bot(slack), 0, 0
    while store.outbox("slack"):
        rules = Rules(storm_limit=1_000)
        n_failures = drain(store, channel, NOW, n_failures=n_failures, rules=rules).n_failures
        n_passes += 1
        if chance.random() < 0.2:
            channel = bot(slack)
    return n_passes


def test_failures_and_restarts_leave_one_root_each_and_threads_in_order(
    store: IncidentStore, slack: SlackDouble
) -> None:
    chance = random.Random(7)
    faults = [Fault(status=429, retry_after="1"), Fault(status=500), Fault(status=503)]
    faults += [Fault(kind="drop"), Fault(kind="garbage"), Fault(error="internal_error")]
    names = [f"incident-{i:02}" for i in range(20)]
    for incident in (opened(), joined(opened(), 4), explained(), resolved()):
        write(store, *(named(incident, name) for name in names))
        slack.faults.extend(chance.choice([None, *faults]) for _ in range(20))
        finish(store, slack, chance)

    assert len(slack.roots) == len(names)
    for root in slack.roots:
        replies = [one.text.split("·")[1].split(":")[0].strip() for one in slack.thread(root)]
        assert replies == ["Probable cause", "Resolved"]
        assert "Resolved after 2 h 51 min" in root.text
    assert not slack.faults


def test_a_long_outage_of_slack_ends_in_the_present_state_and_the_whole_story(
    store: IncidentStore, slack: SlackDouble
) -> None:
    slack.faults.extend([Fault(status=503)] * 4)
    rising = after(explained(), Step.SECOND_WAVE, at(80))
    write(store, opened(), joined(opened(), 4), explained(), rising, resolved())

    finish(store, slack, random.Random(1))

    (root,) = slack.roots
    assert root.n_edits <= 3
    assert len(slack.thread(root)) == 3


def test_a_root_and_a_reply_whose_answers_are_lost_are_found_and_not_repeated(
    store: IncidentStore, slack: SlackDouble
) -> None:
    lost = Fault(kind="take_and_drop")
    slack.page = 1
    write(store, named(opened(), "other"))
    finish(store, slack, random.Random(1))
    for incident in (opened(), explained()):
        slack.faults.extend([None, *[None] * (incident == explained()), lost])
        write(store, incident)
        finish(store, slack, random.Random(1))

    assert len(slack.roots) == 2
    assert len(slack.thread(slack.roots[1])) == 1


def test_a_lost_root_is_found_even_when_its_entry_is_folded_into_another(
    store: IncidentStore, slack: SlackDouble
) -> None:
    grave = Rules(routes=(Route(severity=Severity.CRITICAL),))
    sender = Courier(store, bot(slack), rules=grave)
    write(store, opened())
    sender.drain(NOW)
    write(store, joined(explained(), 10))
    slack.faults.extend([None, Fault(kind="take_and_drop")])
    drain(store, bot(slack), NOW, rules=grave)
    write(store, joined(explained(), 11))
    finish(store, slack, random.Random(1))

    assert len(slack.roots) == 1


def test_without_the_scope_to_read_an_alert_comes_twice_rather_than_never(
    store: IncidentStore, slack: SlackDouble
) -> None:
    slack.scopes = {"chat:write"}
    slack.faults.extend([None, Fault(kind="take_and_drop")])
    write(store, opened())

    with capture_logs() as events:
        finish(store, slack, random.Random(1))

    assert {one.split(":")[0] for one in slack.refused} == {"conversations.history"}
    slack.refused.clear()
    assert len(slack.roots) == 2
    assert "slack_history_unreadable" in [one["event"] for one in events]


# --- run ---


@pytest.fixture
def running() -> Iterator[list[threading.Thread]]:
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()


def start(store: IncidentStore, channels: list[Channel], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run, args=([Courier(store, one) for one in channels], stop))
    thread.start()
    return thread


def test_run_tells_all_channels_until_it_is_stopped(
    store: IncidentStore, running: list[threading.Thread]
) -> None:
    one, failing = Recorder("one"), Recorder("failing")
    failing.failures = [AlertError("503", retryable=True, retry_after=600.0)]
    stop = threading.Event()
    running.append(start(store, [one, failing], stop))

    write(store, opened())
    one.wait_for(1)
    write(store, replace(resolved(), status=Status.RESOLVED))
    one.wait_for(2)
    stop.set()

    assert one.steps == ["opened", "resolved"]
    assert failing.told == []


def test_a_standby_tells_nobody_until_it_leads(store: IncidentStore) -> None:
    channel, leading, asked = Recorder(), threading.Event(), threading.Event()
    stop = threading.Event()
    write(store, opened())

    def leads() -> bool:
        asked.set()
        return leading.is_set()

    thread = threading.Thread(target=run, args=([Courier(store, channel)], stop, leads))
    thread.start()
    assert asked.wait(20)
    told_before = list(channel.told)
    leading.set()
    channel.wait_for(1)
    stop.set()
    thread.join(timeout=20)

    assert told_before == []
    assert not thread.is_alive()


def test_run_waits_for_a_redis_that_is_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("s") / "none.sock"
    stop = threading.Event()
    with Redis(unix_socket_path=str(nowhere)) as client, capture_logs() as events:
        thread = start(IncidentStore(client, "test"), [Recorder()], stop)
        while not [one for one in events if one["event"] == "alert_store_away"]:
            assert thread.is_alive()
            stop.wait(0.01)
        stop.set()
        thread.join(timeout=20)

    assert not thread.is_alive()


def test_run_stops_the_watcher_when_a_channel_breaks(store: IncidentStore) -> None:
    broken, stop = Recorder(), threading.Event()
    broken.failures = [ZeroDivisionError("a bug")]
    write(store, opened())

    with pytest.raises(ZeroDivisionError):
        run([Courier(store, broken), Courier(store, Recorder("other"))], stop)

    assert stop.is_set()


def test_run_without_channels_returns() -> None:
    run([], threading.Event())
