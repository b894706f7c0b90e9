import traceback
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from redis import Redis

from detector.actions import Actions, Actor, Role
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Severity, Step
from stream.alerts.alertmanager import Alertmanager
from stream.alerts.channel import AlertError
from stream.alerts.others import Others
from stream.alerts.pagerduty import PagerDuty
from stream.alerts.rules import QuietHours, Rules
from stream.alerts.sample import try_channel
from stream.alerts.slack import SlackBot
from stream.alerts.webhook import Webhook, sign
from stream.courier import Courier
from stream.triage import SETTLE
from tests.alert_cases import CATALOGUE, after, alert, at, explained, opened, resolved
from tests.alert_receiver import Receiver
from tests.outbox import named, write
from tests.slack_double import CHANNEL, TOKEN, SlackDouble

PAGE, SECRET = "https://outcry.example/", "secret-of-the-webhook"
NOW = at(500)
JANE = Actor(name="Jane <!channel>", role=Role.OPERATOR)


def bot(slack: SlackDouble) -> SlackBot:
    made = SlackBot(TOKEN, CHANNEL, CATALOGUE, PAGE, base_url=slack.base_url, timeout_seconds=2)
    made.pause_seconds = 0.0
    return made


def courier(store: IncidentStore, slack: SlackDouble, rules: Rules, redis: Redis) -> Courier:
    actions = Actions(redis, "test")
    return Courier(store, bot(slack), rules=rules, catalogue=CATALOGUE, actions=actions)


# --- other channels ---


def test_a_webhook_is_signed_and_names_its_entry(receiver: Receiver) -> None:
    Webhook(f"{receiver.url}/x", SECRET, CATALOGUE, PAGE).send(alert(explained()), None)

    ((path, headers, body),) = receiver.posted
    assert path == "/x"
    expected = sign(SECRET.encode(), headers["Outcry-Timestamp"], body)
    assert headers["Outcry-Signature"] == expected
    assert headers["Idempotency-Key"] == "1-1"
    (said,) = receiver.bodies()
    assert (said["step"], said["incident"]["observed"]) == ("cause_changed", 840)


def test_pagerduty_triggers_and_resolves_under_the_incident_s_id(receiver: Receiver) -> None:
    channel = PagerDuty("key", CATALOGUE, PAGE, url=receiver.url)
    reference = channel.send(alert(opened()), None)
    joined = after(opened(), Step.SERVICE_JOINED, at(4))
    reference = channel.send(alert(joined), reference)
    channel.send(alert(resolved()), reference)

    trigger, resolve = receiver.bodies()
    assert [one["event_action"] for one in (trigger, resolve)] == ["trigger", "resolve"]
    assert {trigger["dedup_key"], resolve["dedup_key"]} == {opened().id}
    assert trigger["payload"]["severity"] == "error"


def test_alertmanager_gets_an_alert_that_ends_only_with_the_incident(receiver: Receiver) -> None:
    channel = Alertmanager(receiver.url + "/", CATALOGUE, PAGE)
    channel.send(alert(explained()), None)
    channel.send(alert(resolved()), "sent")

    ((firing,), (over,)) = receiver.bodies()
    assert receiver.posted[0][0] == "/api/v2/alerts"
    assert firing["labels"] == over["labels"]
    assert datetime.fromisoformat(firing["endsAt"]) > datetime.fromisoformat(over["endsAt"])
    assert datetime.fromisoformat(over["endsAt"]) == resolved().resolved_at


def test_alertmanager_is_told_again_before_it_forgets(
    store: IncidentStore, receiver: Receiver
) -> None:
    sender = Courier(store, Alertmanager(receiver.url, CATALOGUE))
    write(store, opened())
    for seconds in (0, 10, 61, 70):
        sender.drain(NOW + timedelta(seconds=seconds))
    assert len(receiver.posted) == 2
    write(store, resolved())
    for seconds in (80, 200):
        sender.drain(NOW + timedelta(seconds=seconds))
    assert len(receiver.posted) == 3


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_sends_the_story(receiver: Receiver) -> None:
    address = receiver.url.replace("http://", "json://")
    channel = Others([address], CATALOGUE, PAGE)
    reference = channel.send(alert(opened()), None)
    channel.send(alert(explained()), reference)

    first, second = receiver.bodies()
    assert "Snapchat may be failing" in first["title"]
    assert "Probable cause" in second["message"]
    receiver.statuses = [500]
    with pytest.raises(AlertError) as caught:
        channel.send(alert(resolved()), reference)
    assert caught.value.retryable


@pytest.mark.parametrize(("status", "retryable"), [(500, True), (429, True), (403, False)])
def test_failures_say_whether_to_retry_and_no_address(
    receiver: Receiver, status: int, retryable: bool
) -> None:
    receiver.statuses = [status]
    with pytest.raises(AlertError) as caught:
        Webhook(f"{receiver.url}/hidden", SECRET, CATALOGUE).send(alert(opened()), None)

    assert caught.value.retryable is retryable
    said = "".join(traceback.format_exception(caught.value)[-1:]) + repr(caught.value)
    assert "hidden" not in said
    assert SECRET not in said


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses = [307]
    with pytest.raises(AlertError, match="status 307"):
        Webhook(receiver.url, SECRET, CATALOGUE).send(alert(opened()), None)
    assert len(receiver.posted) == 1


def test_a_test_alert_says_what_happened(receiver: Receiver, slack: SlackDouble) -> None:
    receiver.statuses = [403]

    good = try_channel(bot(slack), CATALOGUE, NOW)
    bad = try_channel(Webhook(receiver.url, SECRET, CATALOGUE), CATALOGUE, NOW)

    assert (good.ok, bad.ok) == (True, False)
    assert "403" in bad.detail
    assert "Resolved" in slack.roots[0].text


# --- what waits, and what comes together ---


def several(n: int, severity: Severity = Severity.MAJOR) -> list[Incident]:
    one = replace(opened(), severity=severity)
    return [named(one, f"incident-{i:03}") for i in range(n)]


def test_a_storm_is_one_message_beyond_the_limit(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, Rules(storm_limit=3), redis)
    write(store, *several(40))
    sender.drain(NOW)
    write(store, *[named(resolved(), one.id) for one in several(1)])
    sender.drain(NOW + SETTLE)
    sender.drain(NOW + 2 * SETTLE)

    assert len(slack.roots) == 4
    digest = slack.roots[3]
    assert "37 more incidents in one message" in digest.text
    assert digest.n_edits <= 2
    assert slack.requests.count("chat.postMessage") == 4 + 1


def test_a_critical_incident_gets_its_own_message_in_a_storm(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, Rules(storm_limit=1), redis)
    write(store, *several(3))
    sender.drain(NOW)
    write(store, named(explained(), "incident-002"))
    sender.drain(NOW)

    assert len(slack.roots) == 3
    assert "Critical" in slack.roots[2].text


def test_what_was_quiet_at_night_is_told_in_the_morning_if_it_still_fails(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    begin, end = (NOW - timedelta(hours=1)).time(), (NOW + timedelta(hours=1)).time()
    rules = Rules(quiet=QuietHours(begin=begin, end=end))
    sender = courier(store, slack, rules, redis)
    write(store, *several(2))
    sender.drain(NOW)
    write(store, named(after(opened(), Step.RESOLVED, at(9)), "incident-001"))
    assert slack.roots == []
    sender.drain(NOW + timedelta(hours=1, minutes=1))

    told = [root.metadata["event_payload"]["incident_id"] for root in slack.roots if root.metadata]
    assert told[:1] == ["incident-000"]


def test_a_silence_holds_an_alert_back_until_it_ends(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    until = NOW + timedelta(hours=1)
    Actions(redis, "test").silence(JANE, NOW, until, service="snapchat")
    sender = courier(store, slack, Rules(), redis)
    write(store, opened())
    sender.drain(NOW)
    assert slack.roots == []

    sender.drain(until)

    assert len(slack.roots) == 1


def test_what_people_do_shows_in_the_message_and_a_false_alarm_is_told_no_more(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender, actions = courier(store, slack, Rules(), redis), Actions(redis, "test")
    write(store, opened())
    sender.drain(NOW)
    actions.acknowledge(opened().id, JANE, NOW)
    sender.drain(NOW + timedelta(seconds=1))
    (root,) = slack.roots
    assert "In hand: Jane &lt;!channel&gt;" in root.text

    actions.call_false(opened().id, JANE, NOW + timedelta(seconds=2), "a joke")
    write(store, explained())
    sender.drain(NOW + timedelta(seconds=90))
    assert "False alarm" in root.text
    assert slack.thread(root) == []


def test_minor_changes_come_together(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, Rules(), redis)
    write(store, opened())
    sender.drain(NOW)
    for second in range(1, 40):
        joined = after(opened(), Step.SERVICE_JOINED, at(4 + second / 60))
        write(store, replace(joined, observed=40 + second))
        sender.drain(NOW + timedelta(seconds=second))

    (root,) = slack.roots
    assert root.n_edits == 1
    sender.drain(NOW + timedelta(seconds=75))
    assert root.n_edits == 2
    assert "79 reports" in root.text
