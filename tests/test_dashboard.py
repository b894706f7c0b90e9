"""The page as Streamlit runs it, on a real Redis, and the pure parts that it is made of."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from streamlit.testing.v1 import AppTest

from dashboard import affected, backtest, charts, export, feed, grid, stack, words
from dashboard.actor import anonymous, signed_in
from dashboard.environment import Environment, EnvironmentProblem, masked
from dashboard.markup import Markup, el
from dashboard.posts import plain, safe_url, token
from dashboard.snapshot import Snapshot, View, advance
from dashboard.story import Story
from detector.actions import Role
from detector.health import Health, SourceHealth
from detector.incidents import Status
from detector.series import Series
from models.catalogue import Dependency, Service
from tests.page_story import ATTACKS, CLOCK, SERVICES, World, incident, points, sample, world

NOW = datetime(2026, 1, 1, tzinfo=UTC)
APP = Path(__file__).parent.parent / "dashboard" / "app.py"


@pytest.fixture
def page(redis: Redis, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = world(redis, redis_url, tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def run(page: str = "", **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=30)
    if page:
        app.run()
        # `switch_page` wants a file, and these pages are functions.
        known = app._registered_pages.items()
        (app._page_hash,) = (key for key, one in known if one["url_pathname"] == page)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def html(app: AppTest) -> str:
    return "\n".join(one.proto.body for one in app.get("html"))


def seen(app: AppTest) -> str:
    return re.sub(r"<[^>]*>", " ", html(app))


def texts(app: AppTest) -> list[str]:
    return [one.value for one in app.text]


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


def test_what_a_scenario_made_up_is_labelled(page: World) -> None:
    page.receive(source="scenario")
    page.judge(incident(synthetic=True))

    assert "SYNTHETIC REPLAY" in seen(run())


def test_real_posts_are_not_labelled_synthetic(page: World) -> None:
    page.receive()
    page.judge(incident())

    assert "SYNTHETIC" not in seen(run())


def test_an_incident_has_an_address_of_its_own_after_it_is_resolved(page: World) -> None:
    page.receive()
    page.judge(incident(status=Status.RESOLVED, resolved_at=CLOCK), incident(id="other"))

    shown = seen(run("incident", id="20251020-zz"))

    assert "Lasted" in shown
    assert "Zed Chat" in shown


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


def test_a_card_leads_to_the_address_of_its_incident(page: World) -> None:
    page.receive()
    page.judge(incident())

    assert 'href="./?go=incident&amp;id=20251020-zz"' in html(run())


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


def _start(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OUTCRY_")}
    return subprocess.run(
        [sys.executable, "-m", "dashboard"],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OUTCRY_REDIS__URL": "redis://u:secret@127.0.0.1:1/0"}, "redis://…@127.0.0.1:1/0"),
        (
            {"OUTCRY_REDIS__URL": "http://127.0.0.1"},
            "expected an address that starts with redis://",
        ),
        ({"OUTCRY_DASHBOARD__PORT": "eighty"}, "'eighty', expected a port number"),
        ({"OUTCRY_DASHBOARD__LOGIN": "true", "OUTCRY_REDIS__URL": "unix:///none"}, "outcry dash"),
    ],
    ids=["no redis", "no redis address", "no port", "no login"],
)
def test_a_start_that_cannot_work_ends_with_one_line(variables: dict[str, str], said: str) -> None:
    ended = _start(variables)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "secret" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_the_page_never_loads_the_model_or_kafka() -> None:
    pages = ["about", "backtest", "history", "incident", "report", "service", "stack", "__main__"]
    named = ", ".join(f"dashboard.{page}" for page in pages)
    loaded = f"import sys, {named}; print(*sorted(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True
    )

    assert not {"spacy", "sklearn", "kafka", "stream"} & set(told.stdout.split())


# --- what the page is made of ---


@given(st.text(), st.text())
def test_text_never_becomes_markup(text: str, attribute: str) -> None:
    made = el("p", text, title=attribute)

    assert made.count("<") == 2
    assert made.count('"') == 2


def test_markup_is_not_escaped_twice() -> None:
    assert el("p", el("b", "a & b"), "<") == Markup("<p><b>a &amp; b</b>&lt;</p>")


@given(st.text())
def test_plain_text_has_no_control_or_reordering_character_and_stays_plain(text: str) -> None:
    shown = plain(text)

    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert len(shown) <= 420
    assert plain(shown) == shown


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://",
        "https://user@evil.example/",
        "https://evil.example\\@good.example/",
        "https://good.example/\n",
        "https://xn--/ <script>",
        "http://[::1",
        "https://good.example:99999/",
        "https://exämple.org/",
        "ftp://good.example/",
    ],
)
def test_a_doubtful_address_is_no_link(url: str | None) -> None:
    assert safe_url(url) is None


def test_a_name_that_is_no_name_is_replaced() -> None:
    assert token("us-east-1") == "us-east-1"
    assert token("![x](y)", "unknown") == "unknown"


def test_minutes_that_are_missing_had_no_reports_and_the_last_known_normal() -> None:
    told = Series(minute=[8, 12], observed=[3.0, 5.0], expected=[1.0, 2.0], statistic=[0.0, 0.0])

    made = charts.minutes([told], 10, 13)

    assert [one.observed for one in made] == [0, 0, 5, 0]
    assert [one.expected for one in made] == [1, 1, 2, 2]


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_a_sparkline_stays_inside_its_box(observed: list[float]) -> None:
    made = charts.spark([charts.Minute(i, n, 1.0) for i, n in enumerate(observed)])

    heights = [float(n) for n in re.findall(r"% (-?[\d.]+)%", made)]
    assert all(0 <= height <= 100 for height in heights)
    assert made.count(",") <= 2 * (charts.SPARK_POINTS + 1)


@pytest.mark.parametrize(
    ("observed", "said"),
    [([2] * 5 + [40] * 5, "rising"), ([40] * 5 + [2] * 5, "falling"), ([9, 11] * 5, "steady")],
)
def test_a_trend_needs_more_than_chance(observed: list[int], said: str) -> None:
    told = [charts.Minute(i, n, 1.0) for i, n in enumerate(observed)]

    assert charts.trend(told) == said


def _view(watermark: datetime, judged: datetime | None, **changes: object) -> View:
    health = Health(watermark_at=watermark, n_partitions=1)
    taken = Snapshot(taken_at=NOW, health=health, judged_until=judged)
    return replace(View(snapshot=taken, since=NOW), **changes)  # type: ignore[arg-type]


LATER = NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("view", "now", "said"),
    [
        (View(), NOW, "empty"),
        (_view(NOW, NOW), NOW, "current"),
        (_view(NOW, None), NOW, "unjudged"),
        (_view(NOW, NOW - timedelta(minutes=3)), NOW, "unjudged"),
        (_view(NOW, NOW, failing_since=NOW), NOW, "blind"),
        (_view(CLOCK, CLOCK), NOW, "looking"),
        (_view(CLOCK, CLOCK), LATER, "stalled"),
        (_view(CLOCK, CLOCK, moved_at=NOW), LATER, "stalled"),
        (_view(CLOCK, CLOCK, moved_at=LATER), LATER, "current"),
        (_view(NOW, NOW), NOW + timedelta(hours=1), "stalled"),
    ],
)
def test_only_a_feed_that_moves_is_current(view: View, now: datetime, said: str) -> None:
    assert feed.pulse(view, now) == said
    assert (feed.complaint(view, now) is None) == (said in ("current", "looking"))


def test_a_view_remembers_when_the_event_clock_last_moved() -> None:
    first = _view(CLOCK, CLOCK).snapshot
    assert first is not None
    same = replace(first, taken_at=LATER)
    moved = replace(same, health=replace(first.health, watermark_at=CLOCK + timedelta(seconds=10)))

    assert advance(advance(View(), first), same).moved_at is None
    assert advance(advance(View(), first), moved).moved_at == LATER


def test_a_source_that_only_beats_is_quiet_and_one_that_does_not_is_silent() -> None:
    long_ago = CLOCK - timedelta(minutes=6)
    told = Health(
        watermark_at=CLOCK,
        n_partitions=1,
        sources=(
            SourceHealth(name="dead", last_post_at=long_ago, last_heartbeat_at=long_ago),
            SourceHealth(name="live", last_post_at=CLOCK + timedelta(seconds=9)),
            SourceHealth(name="quiet", last_post_at=long_ago, last_heartbeat_at=CLOCK),
        ),
    )

    states = feed.sources(Snapshot(taken_at=NOW, health=told))

    assert [state.mark.word for state in states] == ["Silent", "Live", "Quiet"]
    assert feed.dead(states) == "1 source silent: dead"


def test_failing_services_come_first() -> None:
    named = {id: Service(id=id, name=id, industry="own") for id in ("aa", "zz-chat", "zz-pay")}
    taken = Snapshot(taken_at=NOW, health=Health(watermark_at=CLOCK, n_partitions=1))

    made = grid.tiles(replace(taken, open=(incident(),)), named)

    assert [tile.service.id for tile in made] == ["zz-chat", "zz-pay", "aa"]


def test_countries_are_bubbles_and_clouds_are_not() -> None:
    named = (("DE", 30), ("us-east-1", 12), ("GB", 0), ("XX", 4))
    hit = replace(incident().affected[0], regions=named)

    drawn = affected.regions(replace(incident(), affected=(hit,)))

    assert re.findall(r'title="([^"]*)"', drawn) == ["Germany: 30"]
    assert "us-east-1" in drawn
    assert affected.regions(replace(incident(), affected=(replace(hit, regions=()),))) == ""


def test_a_provider_counts_by_how_much_of_the_stack_is_expected_to_fail() -> None:
    def one(id: str, *edges: tuple[str, float]) -> Service:
        ties = tuple(Dependency(provider=to, strength=strength) for to, strength in edges)
        return Service(id=id, name=id, industry="own", depends_on=ties)

    services = {
        "cloud": one("cloud"),
        "chat": one("chat", ("cloud", 0.9), ("cloud", 0.4)),
        "pay": one("pay", ("cloud", 0.5), ("bank", 0.2)),
    }

    ranked = stack.concentration(["chat", "pay", "cloud"], services)

    assert [(x.provider, round(x.expected, 2)) for x in ranked] == [("cloud", 2.4), ("bank", 0.2)]
    assert ranked[0].dependents == ("chat", "pay")


def test_only_an_address_of_this_machine_without_a_proxy_makes_an_operator() -> None:
    assert anonymous("127.0.0.1", {}).role is Role.OPERATOR
    assert anonymous("0.0.0.0", {}).role is Role.VIEWER
    assert anonymous("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}).role is Role.VIEWER
    assert signed_in("Ann@Example.org", ["ann@example.org"]).role is Role.OPERATOR
    assert signed_in("bob@example.org", ["ann@example.org"]).role is Role.VIEWER
    assert signed_in(None, ["ann@example.org"]).role is Role.VIEWER


def _told() -> Story:
    return Story(incident=incident(), series={}, names=SERVICES, clock=CLOCK)


def test_an_export_holds_the_incident() -> None:
    kept = json.loads(export.as_json(_told()))

    assert kept["incident"]["observed"] == 4398
    assert kept["title"] == "Zed Cloud us-east-1"


def test_a_report_has_a_chart_and_what_strangers_wrote_is_code_in_it() -> None:
    made = export.as_markdown(_told())

    assert "xychart-beta" in made
    assert "**Zed Cloud**" not in made
    for line in made.splitlines():
        if "owned" in line or "tracker" in line or "HYPERLINK" in line:
            assert line.startswith("    ")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"a": 1}', b'{"a": {"b": 1}}', b"\xff"])
def test_a_file_that_is_no_back_test_is_refused(body: bytes) -> None:
    with pytest.raises(backtest.BadResult):
        backtest.parsed(body)


def test_the_best_figure_of_each_column_is_marked() -> None:
    rows = {"ours": {"recall": 0.9, "delay_median_minutes": 2}, "z": {"recall": 1.0}}

    drawn = backtest.drawn(backtest.parsed(json.dumps(rows).encode()))

    assert re.findall(r"★ ([\d.]+)", drawn) == ["2", "1"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_900, "1 h 5 min"), (187_200, "2 d 4 h")],
)
def test_spans_are_said_shortly(seconds: int, said: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == said


def test_a_password_is_never_said() -> None:
    assert masked("rediss://:p@ss@host:1/0") == "rediss://…@host:1/0"
    assert "p4ss" not in repr(Environment(redis_url="redis://:p4ss@host/0"))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "²"])
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    with pytest.raises(EnvironmentProblem, match="expected a port number"):
        Environment.read({"OUTCRY_DASHBOARD__PORT": port})
