"""What people do about incidents: who may, what stands, what the audit says, when it ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from detector.actions import ActionError, Actions, Actor, Forbidden, Role, What
from detector.silence import Silence
from tests.page_story import incident

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ANN = Actor(name="ann@example.org", role=Role.OPERATOR)
BOB = Actor(name="bob@example.org")


@pytest.fixture
def actions(redis: Redis) -> Actions:
    return Actions(redis, "acts")


def test_an_acknowledgement_stands_until_it_is_taken_back(actions: Actions) -> None:
    actions.acknowledge("i1", ANN, NOW)
    standing = actions.marks(["i1", "i2"])

    assert standing["i1"].acknowledged is not None
    assert standing["i1"].acknowledged.by == "ann@example.org"
    assert standing["i2"].acknowledged is None

    actions.release("i1", ANN, LATER)
    assert actions.marks(["i1"])["i1"].acknowledged is None


def test_a_false_alarm_and_its_reason_stand_beside_the_acknowledgement(actions: Actions) -> None:
    actions.acknowledge("i1", ANN, NOW)
    actions.call_false("i1", ANN, NOW, "a film of that name")

    kept = actions.marks(["i1"])["i1"]

    assert kept.acknowledged is not None
    assert kept.false_alarm is not None
    assert kept.false_alarm.text == "a film of that name"
    actions.call_real("i1", ANN, LATER)
    assert actions.marks(["i1"])["i1"].false_alarm is None


def test_notes_are_kept_in_order_on_one_line_and_harmless(actions: Actions) -> None:
    actions.note("i1", ANN, NOW, "called\nthe \x1b[31mvendor\u202e")
    actions.note("i1", ANN, LATER, "x" * 9_000)

    first, second = actions.marks(["i1"])["i1"].notes

    assert first.text == "called the [31mvendor"
    assert len(second.text) == 500


def test_a_note_without_text_is_refused(actions: Actions) -> None:
    with pytest.raises(ActionError, match="empty"):
        actions.note("i1", ANN, NOW, " \n\u202e")

    assert actions.audit() == ()


def test_a_viewer_changes_nothing(actions: Actions) -> None:
    for act in (
        lambda: actions.acknowledge("i1", BOB, NOW),
        lambda: actions.call_false("i1", BOB, NOW),
        lambda: actions.note("i1", BOB, NOW, "text"),
        lambda: actions.silence(BOB, NOW, LATER, incident="i1"),
        lambda: actions.unsilence("1", BOB, NOW),
    ):
        with pytest.raises(Forbidden, match="expected an operator"):
            act()

    assert actions.audit() == ()
    assert actions.silences(NOW) == ()


def test_a_silence_holds_until_its_end_and_no_longer(actions: Actions) -> None:
    made = actions.silence(ANN, NOW, LATER, service="zz-chat", reason="planned work")

    assert actions.silences(NOW) == (made,)
    assert actions.silences(LATER - timedelta(seconds=1)) == (made,)
    assert actions.silences(LATER) == ()


def test_silences_that_are_over_are_forgotten_when_another_is_made(
    actions: Actions, redis: Redis
) -> None:
    for hours in range(3):
        now = NOW + timedelta(hours=hours)
        actions.silence(ANN, now, now + timedelta(hours=2), service="zz-chat")

    assert set(redis.hkeys("acts:v1:{watch}:silences")) == {b"2", b"3"}


def test_a_silence_can_be_ended_early(actions: Actions) -> None:
    made = actions.silence(ANN, NOW, LATER, incident="i1")
    actions.unsilence(made.id, ANN, NOW)

    assert actions.silences(NOW) == ()


@pytest.mark.parametrize("until", [NOW, NOW - timedelta(1), NOW + timedelta(days=31)])
def test_a_silence_always_ends_and_soon(actions: Actions, until: datetime) -> None:
    with pytest.raises(ActionError, match="within 30 days"):
        actions.silence(ANN, NOW, until, incident="i1")


def test_a_silence_is_about_one_thing(actions: Actions) -> None:
    with pytest.raises(ActionError, match="expected one of"):
        actions.silence(ANN, NOW, LATER)
    with pytest.raises(ActionError, match="expected one of"):
        actions.silence(ANN, NOW, LATER, incident="i1", service="zz-chat")


def _silence(**about: str) -> Silence:
    return Silence(id="1", by="ann", since=NOW, until=LATER, **about)


def test_a_silence_covers_an_incident_only_when_it_covers_all_its_services() -> None:
    told = incident()
    industries = {"zz-chat": "chat", "zz-pay": "chat"}

    assert _silence(incident=told.id).covers(told, {})
    assert not _silence(incident="other").covers(told, {})
    assert not _silence(service="zz-chat").covers(told, {})
    assert _silence(industry="chat").covers(told, industries)
    assert not _silence(industry="chat").covers(told, industries | {"zz-pay": "money"})


def test_the_audit_holds_every_action_newest_first(actions: Actions) -> None:
    actions.acknowledge("i1", ANN, NOW)
    made = actions.silence(ANN, NOW, LATER, service="zz-chat")
    actions.unsilence(made.id, ANN, LATER)

    told = actions.audit()

    assert [one.what for one in told] == [What.UNSILENCED, What.SILENCED, What.ACKNOWLEDGED]
    assert {one.by for one in told} == {"ann@example.org"}
    assert told[1].until == LATER


@given(name=st.text(max_size=50))
def test_any_name_of_an_operator_becomes_one_line(name: str) -> None:
    from detector.actions import _action

    by = Actor(name=name, role=Role.OPERATOR)

    shown = _action(by, NOW, What.ACKNOWLEDGED, "i1").by
    assert shown
    assert shown == " ".join(shown.split())
