"""The page of one incident as Streamlit runs it, and the parts that it is made of."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import RedisError

from dashboard import bar, charts, onset, reach
from dashboard.environment import Environment
from dashboard.posts import plain
from dashboard.reader import SLOW_AGE, Reader
from dashboard.stores import Stores
from detector.incidents import Status
from detector.official import OfficialEvent, OfficialState
from detector.official_store import OfficialStore
from detector.radius import radius
from models.catalogue import Catalogue
from tests.page_run import html, run, seen, texts
from tests.page_story import ATTACKS, CLOCK, World, incident, points, sample

CATALOGUE = Catalogue.load(())


def test_hostile_posts_are_shown_as_plain_text_and_nowhere_else(page: World) -> None:
    page.receive()
    page.judge(incident())

    app = run("incident", id="20251020-zz")

    assert all(plain(attack) in texts(app) for attack in ATTACKS)
    labels = [one.label for one in (*app.button, *app.expander, *app.text_input)]
    for shown in (html(app), *labels, *(one.value for one in app.markdown)):
        assert not re.search(r"tracker|owned|HYPERLINK|onerror|\*\*loud", shown)


def test_a_reason_is_text_too(page: World) -> None:
    page.receive()
    page.judge(incident())

    assert "Both depend on **Zed Cloud** in us-east-1." in texts(run("incident"))


def test_only_plain_web_addresses_become_links(page: World) -> None:
    page.receive()
    addresses = (
        "javascript:alert(1)",
        "https://bsky.app/profile/a/post/1",
        "https://a@evil.example/",
    )
    page.judge(
        incident(
            samples=tuple(sample(i, f"post {i}", CLOCK, url) for i, url in enumerate(addresses))
        )
    )

    links = [one.proto.url for one in run("incident").get("link_button")]

    assert links == ["https://bsky.app/profile/a/post/1"]


def test_an_incident_has_an_address_of_its_own_after_it_is_resolved(page: World) -> None:
    page.receive()
    page.judge(incident(status=Status.RESOLVED, resolved_at=CLOCK), incident(id="other"))

    shown = seen(run("incident", id="20251020-zz"))

    assert "Lasted" in shown
    assert "Zed Chat" in shown


def test_what_was_read_of_an_incident_is_shown_while_the_store_is_away(page: World) -> None:
    page.receive()
    page.judge(incident(status=Status.RESOLVED, resolved_at=CLOCK))
    reader = Reader(Stores.of(Environment.read(page.environment).client(), page.prefix), CATALOGUE)
    snapshot = reader.view(CLOCK).snapshot
    assert snapshot is not None
    found = reader.find("20251020-zz", snapshot, CLOCK)
    page.redis.config_set("requirepass", "changed")
    try:
        page.redis.client_kill_filter(_type="normal", skipme=True)
        reader.forget()
        later = CLOCK + SLOW_AGE

        assert found is not None
        assert reader.find("20251020-zz", snapshot, later) == found
        with pytest.raises(RedisError):
            reader.find("another", snapshot, later)
    finally:
        page.redis.config_set("requirepass", "")


def test_an_address_from_an_old_message_leads_to_the_incident(page: World) -> None:
    page.receive()
    page.judge(incident(), incident(id="other"))

    app = run(incident="other")

    assert app.query_params["id"] in ("other", ["other"])
    assert "Why it was raised" in seen(app)


@pytest.mark.parametrize("asked", ["nobody", "<script>", "x" * 5000])
def test_an_unknown_address_is_answered_calmly(page: World, asked: str) -> None:
    page.receive()
    page.judge()

    assert "No incident is kept under the address that you followed." in texts(
        run("incident", id=asked)
    )


def test_countries_are_bubbles_and_clouds_are_not() -> None:
    named = (("DE", 30), ("us-east-1", 12), ("GB", 0), ("XX", 10))
    hit = replace(incident().affected[0], regions=named)
    told = replace(incident(), affected=(hit,))

    drawn = reach.regions(radius(told, CATALOGUE))

    assert re.findall(r'title="([^"]*)"', drawn) == ["Germany: 75 %"]
    assert "us-east-1" in drawn
    assert re.search(r"Germany.*?60 to 86 %", re.sub("<[^>]*>", " ", drawn))
    nowhere = replace(incident(), affected=(replace(hit, regions=()),))
    assert reach.regions(radius(nowhere, CATALOGUE)) == ""


def test_the_page_tells_when_it_began_who_joined_and_what_the_bar_is(page: World) -> None:
    page.receive()
    page.judge(incident(), points=points())

    shown = seen(run("incident"))

    assert "Zed Chat was raised at 07:25" in shown
    wanted = f"{bar.nats(1.0):.0f}"
    assert f"the bar of {wanted} is set so that chance alone passes it at most once a" in shown
    assert re.search(r"Zed Chat was first, at 07:22.*Zed Pay &amp; Co was last", shown)
    assert re.search(r"own\s+2 of 3", shown)
    assert "Peak: 20 a minute" in shown


def test_official_posts_stand_in_the_timeline_as_plain_text(page: World) -> None:
    page.receive()
    page.judge(incident(), points=points())
    said = OfficialEvent(
        service="zz-chat",
        id="1",
        title="Elevated **errors** <b>",
        state=OfficialState.OUTAGE,
        posted_at=CLOCK - timedelta(minutes=5),
        seen_at=CLOCK,
        url="javascript:alert(1)",
    )
    OfficialStore(page.redis, page.prefix).apply(0, 1, [said])

    app = run("incident")

    assert "Zed Chat says: outage (12 min after us)" in seen(app)
    assert "Elevated **errors** <b>" in texts(app)
    assert "javascript" not in html(app)
    assert re.search(r"Lead over the official status\s+12 min", seen(app))


MINUTES = st.lists(st.integers(0, 9), min_size=1, max_size=40)


@given(MINUTES, st.integers(1, 30), st.integers(3, 60))
def test_the_onset_interval_holds_a_clear_jump(before: list[int], n_after: int, rate: int) -> None:
    normal = max(0.5, sum(before) / len(before))
    observed = [*before, *[int(10 * normal) + rate] * n_after]
    told = [charts.Minute(1_000 + i, n, normal) for i, n in enumerate(observed)]
    joined = datetime.fromtimestamp(60 * (1_000 + len(observed) - 1), UTC)

    found = onset.interval(told, joined)

    assert found is not None
    first, last = found
    assert first <= datetime.fromtimestamp(60 * (1_000 + len(before)), UTC) < last


@given(st.floats(0.001, 500), st.floats(0.01, 50))
def test_the_bar_is_above_normal_and_what_it_wants_is_there(normal: float, budget: float) -> None:
    rate = bar.rate(normal, bar.nats(budget))

    assert rate > normal
    wanted, held = bar.nats(budget), bar.HELD_MINUTES
    assert onset.evidence(rate * held, normal * held) >= wanted - 1e-6


def test_minutes_at_their_normal_tell_no_onset() -> None:
    told = [charts.Minute(i, 5, 5.0) for i in range(30)]

    assert onset.interval(told, datetime.fromtimestamp(60 * 29, UTC)) is None
