from dataclasses import replace
from datetime import timedelta

from redis import Redis

from detector.actions import Actions, Actor, Role
from detector.incident_store import IncidentStore
from detector.incidents import Incident, Severity, Status, Step
from detector.official import OfficialEvent, OfficialState, PageState
from detector.official_store import OfficialStore
from models.catalogue import Catalogue
from models.service import Dependency
from stream.alerts.pagerduty import PagerDuty
from stream.alerts.rules import Rules
from stream.alerts.slack import SlackBot
from stream.alerts.together import host
from stream.courier import Courier
from stream.news import News
from tests.alert_cases import CATALOGUE, affected, after, at, explained, opened, resolved
from tests.alert_receiver import Receiver
from tests.outbox import write
from tests.slack_double import CHANNEL, TOKEN, Fault, SlackDouble

SPAN = timedelta(minutes=10)
TOGETHER = Rules(together=SPAN)
JANE = Actor(name="Jane", role=Role.OPERATOR)
AWS = Dependency(provider="aws", strength=0.8)
LINKED = Catalogue(
    CATALOGUE.services | {"venmo": replace(CATALOGUE.services["venmo"], depends_on=(AWS,))}
)


def courier(
    store: IncidentStore, slack: SlackDouble, redis: Redis, rules: Rules = TOGETHER
) -> Courier:
    bot = SlackBot(TOKEN, CHANNEL, LINKED, base_url=slack.base_url, timeout_seconds=2)
    bot.pause_seconds = 0.0
    actions, news = Actions(redis, "test"), News(OfficialStore(redis, "test"))
    return Courier(store, bot, rules=rules, catalogue=LINKED, actions=actions, news=news)


def alone(service: str, minute: float, severity: Severity = Severity.MINOR) -> Incident:
    """An incident of one service that opens at *minute*."""
    one = affected(service, status=Status.EMERGING, severity=severity, joined_at=at(minute))
    base = replace(
        opened(),
        id=f"at-{minute}-{service}",
        severity=severity,
        affected=(one,),
        opened_at=at(minute),
        transitions=(),
    )
    return after(base, Step.OPENED, at(minute))


def merged(incident: Incident, into: Incident, minute: float) -> Incident:
    ended = replace(incident, resolved_at=at(minute))
    detail = f"merged into {into.id}"
    return after(ended, Step.RESOLVED, at(minute), status=Status.RESOLVED, detail=detail)


# --- which may be one failure ---


def test_what_opens_soon_after_another_may_be_part_of_it_and_later_only_if_it_depends_on_it() -> (
    None
):
    first = explained()

    assert host(alone("ring", 9), [first], CATALOGUE) == first
    assert host(alone("zoom", 90), [first], LINKED) is None
    assert host(alone("venmo", 90), [first], LINKED) == first
    assert host(alone("zoom", 1), [first], LINKED) is None


def test_what_is_critical_waits_only_beside_what_is_critical() -> None:
    critical = alone("ring", 9, Severity.CRITICAL)

    assert host(critical, [alone("snapchat", 8)], LINKED) is None
    assert host(critical, [explained()], LINKED) == explained()
    assert host(critical, [resolved()], LINKED) is None


def test_a_service_that_fails_again_belongs_to_what_was_over() -> None:
    assert host(alone("ring", 300), [resolved()], LINKED) == resolved()
    assert host(alone("zoom", 175), [resolved()], LINKED) is None
    assert host(alone("ring", 171 + 361), [resolved()], LINKED) is None


# --- what the couriers make of it ---


def test_one_failure_has_one_message_that_names_what_joins_it(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender, first, second = courier(store, slack, redis), alone("aws", 0), alone("venmo", 2)
    write(store, first, until=at(0))
    sender.drain(at(0))
    write(store, second, until=at(2))
    for _ in range(3):
        sender.drain(at(2))

    (root,) = slack.roots
    assert "Perhaps the same: Venmo (31)" in root.text
    (reply,) = slack.thread(root)
    assert "Venmo fails too, perhaps for the same reason" in reply.text
    assert "by 07:01 UTC" in reply.text

    whole = replace(explained(), id=first.id, opened_at=at(0))
    write(store, whole, merged(second, first, 9), until=at(9))
    sender.drain(at(9))
    assert len(slack.roots) == 1
    assert "Perhaps the same" not in root.text
    assert "Amazon Web Services (us-east-1) very likely failing" in root.text


def test_what_proves_separate_gets_its_message_in_the_end(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, redis)
    write(store, alone("aws", 0), until=at(0))
    write(store, alone("venmo", 2), until=at(2))
    sender.drain(at(2))
    assert len(slack.roots) == 1

    write(store, after(alone("aws", 0), Step.CONFIRMED, at(12)), until=at(12))
    for minute in (12, 12.2):
        sender.drain(at(minute))

    assert [one.text.split(": ")[1].split(" may")[0] for one in slack.roots] == [
        "Amazon Web Services",
        "Venmo",
    ]
    assert "Perhaps the same" not in slack.roots[0].text


def test_a_feed_that_stands_still_holds_nothing_back_for_ever(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, redis)
    write(store, alone("aws", 0), alone("venmo", 2), until=at(2))
    sender.drain(at(50))
    assert len(slack.roots) == 1

    sender.drain(at(50) + SPAN)

    assert len(slack.roots) == 2


def test_a_whole_takes_over_the_message_of_its_part(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    minor, major = alone("snapchat", 0), alone("ring", 30, Severity.MAJOR)
    rules = replace(TOGETHER, routes=(replace(Rules().routes[0], severity=Severity.MAJOR),))
    sender = courier(store, slack, redis, rules)
    write(store, minor, until=at(0))
    write(store, major, until=at(30))
    sender.drain(at(30))
    whole = replace(explained(), id=minor.id)
    write(store, whole, merged(major, minor, 31), until=at(31))
    sender.drain(at(31))

    (root,) = slack.roots
    assert "Amazon Web Services (us-east-1)" in root.text


def test_two_messages_that_prove_one_point_to_the_first(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender, first, second = courier(store, slack, redis), alone("aws", 0), alone("zoom", 30)
    write(store, first, second, until=at(30))
    sender.drain(at(30))
    whole = replace(explained(), id=first.id)
    write(store, whole, merged(second, first, 40), until=at(40))
    sender.drain(at(40))

    assert "Now part of Amazon Web Services (us-east-1): zoom" in slack.roots[1].text
    assert "part of" not in slack.roots[0].text


# --- what else is told in the thread ---


def say(redis: Redis, *events: OfficialEvent) -> None:
    store = OfficialStore(redis, "test")
    page = PageState(service="aws", at=at(0), known_since=at(-60))
    store.apply(0, (store.next_offset(0) or 0) + 1 + len(events), [page, *events])


def posted(minute: float, **changed: object) -> OfficialEvent:
    value: dict[str, object] = {
        "service": "aws",
        "id": "e1",
        "title": "Increased <!channel> Error Rates",
        "state": OfficialState.DEGRADED,
        "posted_at": at(minute),
        "seen_at": at(minute),
    }
    return OfficialEvent(**(value | changed))  # type: ignore[arg-type]


def test_an_official_statement_is_told_once_with_our_lead_whatever_is_lost(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    say(redis)
    write(store, explained(), until=at(9))
    sender = courier(store, slack, redis)
    sender.drain(at(9))
    (root,) = slack.roots
    assert "Official: no word yet" in root.text

    say(redis, posted(22), posted(90, id="e2"))
    write(store, after(explained(), Step.SERVICE_JOINED, at(23)), until=at(23))
    sender.drain(at(23))
    slack.faults.extend([None, Fault(kind="take_and_drop")])
    for seconds in (31, 33, 36, 60):
        courier(store, slack, redis).drain(at(23) + timedelta(seconds=seconds))

    assert "we were 20 min earlier" in root.text
    told = [one.text for one in slack.thread(root)]
    assert len(told) == 1
    assert told[0].startswith("07:11 UTC · Official: Amazon Web Services posted “Increased &lt;!")

    say(redis, posted(22, resolved_at=at(24), state=OfficialState.OPERATIONAL))
    sender.drain(at(24))
    assert "calls it over" in slack.thread(root)[-1].text


def test_a_company_that_was_first_is_said_to_be(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    say(redis, posted(-3))
    write(store, explained(), until=at(9))
    courier(store, slack, redis).drain(at(9))

    assert "we were 5 min later" in slack.roots[0].text


def test_a_second_wave_of_what_was_over_is_shown_in_the_channel(
    store: IncidentStore, slack: SlackDouble, redis: Redis
) -> None:
    sender = courier(store, slack, redis)
    write(store, resolved(), until=at(171))
    sender.drain(at(171))
    write(store, alone("ring", 300), until=at(300))
    sender.drain(at(300))
    again = after(resolved(), Step.SECOND_WAVE, at(305), status=Status.ONGOING)
    write(store, again, merged(alone("ring", 300), again, 305), until=at(305))
    sender.drain(at(305))

    (root,) = slack.roots
    replies = slack.thread(root)
    assert ["Ring fails again" in replies[0].text, "Second wave" in replies[1].text] == [True] * 2
    assert [one.is_broadcast for one in replies] == [True, True]


def test_pagerduty_hears_that_somebody_has_it_in_hand(
    store: IncidentStore, redis: Redis, receiver: Receiver
) -> None:
    actions = Actions(redis, "test")
    channel = PagerDuty("key", CATALOGUE, url=receiver.url)
    sender = Courier(store, channel, catalogue=CATALOGUE, actions=actions)
    write(store, opened())
    sender.drain(at(500))
    actions.acknowledge(opened().id, JANE, at(501))
    for minute in (501, 502):
        sender.drain(at(minute))
        sender.drain(at(minute))

    said = [(one["event_action"], one["dedup_key"]) for one in receiver.bodies()]
    assert said == [("trigger", opened().id), ("acknowledge", opened().id)]
