"""The page "Now" as Streamlit runs it, on a real Redis."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import grid
from dashboard.posts import plain
from dashboard.snapshot import Snapshot
from detector.bucket import WIDTH
from detector.health import Health
from detector.series import Series
from detector.unknown_store import Mention, UnknownNames
from models.catalogue import Service
from tests.page_run import html, run, seen, texts
from tests.page_story import ATTACKS, CLOCK, World, incident, points, suspect

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_empty_store_is_waited_for_and_not_called_calm(page: World) -> None:
    app = run()

    assert "Waiting for the first reports" in seen(app)
    assert "All normal" not in seen(app)


def test_an_open_incident_shows_its_cause_its_services_and_its_numbers(page: World) -> None:
    clock = datetime.now(UTC).replace(second=0, microsecond=0)
    page.receive(clock, n_invalid=3)
    page.judge(incident(clock), clock=clock, points=points(clock))

    shown = seen(run())

    assert "Zed Cloud us-east-1 is reported as failing" in shown
    assert "probable cause, 93 %" in shown
    assert "Zed Chat" in shown
    assert "Zed Pay &amp; Co" in shown
    assert "4,321" in shown
    assert "Critical" in shown
    assert re.search(r"\b6\s+invalid", shown)
    assert re.search(r"\b2\s+reports", shown)


def test_a_current_feed_without_incidents_is_calm(page: World) -> None:
    clock = datetime.now(UTC)
    page.receive(clock)
    page.judge(clock=clock)

    assert "All normal across" in seen(run())


def test_a_feed_that_nobody_judges_is_not_calm(page: World) -> None:
    page.receive(datetime.now(UTC))

    shown = seen(run())

    assert "No current picture" in shown
    assert "not judged" in shown


def test_what_a_scenario_made_up_is_labelled(page: World) -> None:
    page.receive(source="scenario")
    page.judge(incident(synthetic=True))

    assert "SYNTHETIC REPLAY" in seen(run())


def test_real_posts_are_not_labelled_synthetic(page: World) -> None:
    page.receive()
    page.judge(incident())

    assert "SYNTHETIC" not in seen(run())


def test_a_card_leads_to_the_address_of_its_incident(page: World) -> None:
    page.receive()
    page.judge(incident())

    assert 'href="./incident?id=20251020-zz"' in html(run())


def test_search_finds_a_service_by_part_of_its_name(page: World) -> None:
    page.receive()
    page.judge()
    app = run()

    app.text_input(key="search").set_value("zed p").run()

    tiles = re.findall(r'class="tile.*?</a>', html(app))
    assert len(tiles) == 1
    assert "Zed Pay &amp; Co" in tiles[0]


def test_a_redis_that_goes_away_leaves_the_last_picture_and_says_so(page: World) -> None:
    clock = datetime.now(UTC).replace(second=0, microsecond=0)
    page.receive(clock)
    page.judge(incident(clock), clock=clock)
    app = run()
    page.redis.config_set("requirepass", "changed")
    try:
        page.redis.client_kill_filter(_type="normal", skipme=True)
        shown = _until(app, "The store cannot be reached")
    finally:
        page.redis.config_set("requirepass", "")

    assert "Zed Chat" in shown
    assert "Below is what was known" in shown
    assert "The store" not in _until(app, "is reported as failing")


def _until(app: AppTest, wanted: str) -> str:
    for _ in range(2_000):
        shown = seen(app.run())
        if wanted in shown:
            return shown
    raise AssertionError(f"{wanted!r} never came")


def test_failing_services_come_first() -> None:
    named = {id: Service(id=id, name=id, industry="own") for id in ("aa", "zz-chat", "zz-pay")}
    taken = Snapshot(taken_at=NOW, health=Health(watermark_at=CLOCK, n_partitions=1))

    made = grid.tiles(replace(taken, open=(incident(),)), named)

    assert [tile.service.id for tile in made] == ["zz-chat", "zz-pay", "aa"]


def test_a_sparkline_ends_with_the_last_minute_that_was_read_however_far_the_clock_is() -> None:
    known = points()["zz-chat"]
    series = Series(
        minute=[one.minute for one in known],
        observed=[one.observed for one in known],
        expected=[one.expected for one in known],
        statistic=[one.statistic for one in known],
    )
    taken = Snapshot(
        taken_at=NOW,
        health=Health(watermark_at=CLOCK, n_partitions=1),
        judged_until=CLOCK + timedelta(minutes=15),
        series={"zz-chat": series},
        series_until=CLOCK + timedelta(seconds=WIDTH),
    )

    (tile,) = grid.tiles(taken, {"zz-chat": Service(id="zz-chat", name="Chat", industry="own")})

    assert [one.observed for one in tile.minutes()] == series.observed


def test_a_name_that_the_catalogue_does_not_know_is_shown_with_how_to_add_it(page: World) -> None:
    page.receive()
    page.judge()
    span = CLOCK.replace(minute=30)
    names = UnknownNames(page.redis, page.prefix)
    names.add(
        Mention(event_at=span, author=f"{i:032x}", key="zorbly", shown="Zorbly'; rm <b>")
        for i in range(30)
    )
    names.judge(int(CLOCK.timestamp()))

    app = run()

    assert "Zorbly'; rm <b>" in texts(app)
    assert "30 people" in seen(app)
    assert [one.value for one in app.code] == ["outcry catalogue add 'Zorbly rm b'"]


def test_what_is_held_back_is_shown_with_its_reason_and_is_not_called_normal(page: World) -> None:
    clock = datetime.now(UTC)
    page.receive(clock)
    page.judge(clock=clock, suspects=(suspect(clock),))

    app = run()

    assert "Held back as suspect" in seen(app)
    assert re.search(
        r"Held: suspect\s+Zed Pay &amp; Co\s+1,234 reports by 200 people\s+since", seen(app)
    )
    assert "180 of 200 people post the same text, or nearly" in texts(app)
    assert "1 service held back as suspect" in seen(app)
    (tile,) = re.findall(r'class="tile.*?</a>', html(app), re.S)
    assert "Zed Pay &amp; Co" in tile
    assert "Held: suspect" in tile
    assert re.search(r"Held: suspect\s+1\s", seen(app))
    assert "more often than is normal for this hour" not in seen(app)


def test_nothing_is_said_of_suspects_where_there_are_none(page: World) -> None:
    page.receive()
    page.judge()

    shown = seen(run())

    assert "Held back" not in shown
    assert "as suspect" not in shown


def test_what_is_said_twice_is_told_apart_and_the_search_finds_it(page: World) -> None:
    page.receive()
    repeats = suspect(service="zz-chat", held=False, people=0, why=("90 of 99 posts repeat",))
    page.judge(suspects=(repeats, suspect()))
    app = run()
    assert re.search(
        r"Held: suspect\s+Zed Pay.*Repeated\s+Zed Chat\s+1,234 reports\s+since", seen(app), re.S
    )

    app.text_input(key="search").set_value("zed c").run()

    assert "90 of 99 posts repeat" in texts(app)
    assert "180 of 200 people post the same text, or nearly" not in texts(app)


def test_the_page_of_a_service_says_that_it_is_held_back(page: World) -> None:
    page.receive()
    page.judge(suspects=(suspect(),))

    held, other = run("service", id="zz-pay"), run("service", id="zz-chat")

    assert re.search(r"Suspect, not raised\s+1,234 reports by 200 people", seen(held))
    assert "“zed pay is down”" in texts(held)
    assert "Suspect" not in seen(other)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_post_that_is_held_back_is_plain_text(page: World, attack: str) -> None:
    page.receive()
    page.judge(suspects=(suspect(text=attack),))

    for app in (run(), run("service", id="zz-pay")):
        assert f"“{plain(attack, 160)}”" in texts(app)
        for shown in (html(app), *(one.value for one in app.markdown)):
            assert not re.search(r"tracker|owned|HYPERLINK|onerror|\*\*loud", shown)
