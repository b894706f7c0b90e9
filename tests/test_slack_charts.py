import io
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from PIL import Image
from structlog.testing import capture_logs

from detector.incident_store import IncidentStore
from detector.incidents import Incident, Status, Step
from detector.series import Series
from stream.alerts.chart import BEFORE_MINUTES, course, draw
from stream.alerts.slack import SlackBot
from stream.courier import Courier
from tests.alert_cases import CATALOGUE, after, at, explained, incidents, opened, resolved
from tests.outbox import write
from tests.slack_double import CHANNEL, TOKEN, Fault, SlackDouble

CONFIRMED = after(explained(), Step.CONFIRMED, at(12), status=Status.ONGOING)


@pytest.fixture
def slack(slack: SlackDouble) -> SlackDouble:
    slack.scopes.add("files:write")
    return slack


def courier(store: IncidentStore, slack: SlackDouble) -> Courier:
    bot = SlackBot(
        TOKEN, CHANNEL, CATALOGUE, base_url=slack.base_url, charts=True, timeout_seconds=2
    )
    bot.pause_seconds = 0.0
    return Courier(store, bot, catalogue=CATALOGUE, jitter=lambda: 0.0)


def pictures(slack: SlackDouble) -> list[bytes]:
    return [one.file.content or b"" for one in slack.messages if one.file]


def test_a_chart_is_added_to_the_thread_once_there_is_something_to_see_and_at_the_end(
    store: IncidentStore, slack: SlackDouble
) -> None:
    sender = courier(store, slack)
    write(store, replace(CONFIRMED, updated_at=at(9)), until=at(9))
    sender.drain(at(9))
    assert pictures(slack) == []

    write(store, CONFIRMED, until=at(13))
    for second in range(3):
        sender.drain(at(13) + timedelta(seconds=second))
    (root,) = slack.roots
    assert "Chart: in the thread" in root.text
    assert len(pictures(slack)) == 1

    write(store, resolved(), until=at(172))
    for second in range(3):
        sender.drain(at(172) + timedelta(seconds=second))
    assert len(pictures(slack)) == 2
    assert [one.file is not None for one in slack.thread(root)][-1]
    assert "very likely failing" in next(iter(slack.uploads.files.values())).alt_text


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("kind", ["drop", "take_and_drop"])
def test_a_chart_whose_answer_is_lost_is_not_added_twice(
    store: IncidentStore, slack: SlackDouble, place: int, kind: str
) -> None:
    sender = courier(store, slack)
    write(store, replace(CONFIRMED, updated_at=at(9)), until=at(9))
    sender.drain(at(9))
    write(store, CONFIRMED, until=at(13))
    slack.faults.extend([None, *[None] * place, Fault(kind=kind)])  # type: ignore[arg-type]
    courier(store, slack).drain(at(13))
    for seconds in (11, 22, 33):
        courier(store, slack).drain(at(13) + timedelta(seconds=seconds))

    assert len(pictures(slack)) == 1


def test_no_message_waits_for_a_chart(store: IncidentStore, slack: SlackDouble) -> None:
    sender = courier(store, slack)
    write(store, CONFIRMED, until=at(13))
    slack.faults.extend([None, None, *[Fault(status=503)] * 5])
    told = sender.drain(at(13))
    assert (told.retry_at, told.n_failures, len(slack.roots)) == (None, 0, 1)
    with capture_logs() as events:
        for i in range(1, 8):
            sender.drain(at(13) + timedelta(seconds=11 * i))

    assert pictures(slack) == []
    assert [one["gone"] for one in events if one["event"] == "alert_chart_skipped"][-1]
    assert "Chart" not in slack.roots[0].text


def test_without_the_scope_there_is_no_chart_and_all_else_goes_on(
    store: IncidentStore, slack: SlackDouble
) -> None:
    slack.scopes.discard("files:write")
    sender = courier(store, slack)
    write(store, CONFIRMED, until=at(13))
    sender.drain(at(13))
    sender.drain(at(14))

    assert slack.refused == ["files.getUploadURLExternal: missing_scope: files:write"]
    slack.refused.clear()
    assert "Chart" not in slack.roots[0].text


def test_the_course_adds_up_services_and_fills_what_is_missing() -> None:
    first = int(opened().onset_at.timestamp()) // 60
    one = Series(minute=[first], observed=[5.0], expected=[1.0], statistic=[0.0])
    two = Series(
        minute=[first - 100, first, first + 2],
        observed=[9.0, 1.0, 2.0],
        expected=[2.0, 2.0, 4.0],
        statistic=[0.0] * 3,
    )
    found = course(opened(), {"a": one, "b": two})

    assert found.first == first - BEFORE_MINUTES
    assert found.observed[-3:].tolist() == [6.0, 0.0, 2.0]
    assert found.expected[-3:].tolist() == [3.0, 4.0, 5.0]


@settings(max_examples=8, deadline=None)
@given(incidents)
def test_any_incident_can_be_drawn(incident: Incident) -> None:
    with Image.open(io.BytesIO(draw(incident, {}, CATALOGUE))) as picture:
        assert picture.size == (1_200, 520)
