"""The page "History": what was found, who was first, and what was missed."""

import re
from dataclasses import replace
from datetime import timedelta

from dashboard import score
from dashboard.reader import comparable
from detector.actions import Actions, Actor, Role
from detector.incidents import Incident
from detector.official import OfficialEvent, OfficialState, PageState
from detector.official_store import OfficialStore
from tests.page_run import run, seen, texts
from tests.page_story import CLOCK, World, incident

OPENED = incident().opened_at


def said(service: str, after: timedelta, id: str = "1") -> OfficialEvent:
    return OfficialEvent(
        service=service,
        id=id,
        title=f"Trouble at {service}",
        state=OfficialState.DEGRADED,
        posted_at=OPENED + after,
        seen_at=CLOCK,
    )


def kept(page: World, *events: OfficialEvent) -> None:
    page.receive()
    page.judge(incident())
    readable = PageState(service="zz-chat", at=CLOCK, known_since=OPENED - timedelta(days=1))
    OfficialStore(page.redis, page.prefix).apply(0, 1, [readable, *events])


def test_a_lead_is_shown_and_an_incident_that_was_not_found_is_a_miss(page: World) -> None:
    kept(page, said("zz-chat", timedelta(minutes=12)), said("slack", timedelta(minutes=2), "2"))

    app = run("history")

    assert re.search(r"Confirmed\s+1", seen(app))
    assert re.search(r"Median lead\s+12 min", seen(app))
    assert re.search(r"Missed\s+1\s+of 2 official ones", seen(app))
    assert "official 12 min after us" in seen(app)
    assert "Trouble at slack" in texts(app)
    assert "Trouble at zz-chat" not in texts(app)


def test_a_false_alarm_is_counted(page: World) -> None:
    kept(page)
    by = Actor(name="ann", role=Role.OPERATOR)
    Actions(page.redis, page.prefix).call_false("20251020-zz", by, CLOCK)

    assert re.search(r"Called false alarms\s+1\s+100 % of all", seen(run("history")))


def test_the_history_is_searched(page: World) -> None:
    kept(page)
    app = run("history")

    app.text_input(key="search").set_value("nothing like it").run()

    assert "No incident fits the search." in texts(app)


def test_official_posts_are_compared_with_made_up_incidents_only_in_a_replay() -> None:
    made_up: Incident = replace(incident(), synthetic=True)

    assert comparable((incident(), made_up)) == (incident(),)
    assert comparable((made_up,)) == (incident(),)
    assert comparable(()) == ()


def test_what_none_of_ours_is_about_was_missed() -> None:
    event = said("zz-chat", timedelta(minutes=1))

    assert score.missed([incident()], [event]) == ()
    assert score.missed([], [event]) == (event,)
