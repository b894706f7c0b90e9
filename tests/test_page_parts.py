"""What all pages are made of: markup, what strangers wrote, words, charts."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts, words
from dashboard.drawn import N_KEPT, Drawn
from dashboard.markup import Markup, el
from dashboard.posts import plain, safe_url, token
from detector.series import Series


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


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_900, "1 h 5 min"), (187_200, "2 d 4 h")],
)
def test_spans_are_said_shortly(seconds: int, said: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == said


def test_a_piece_is_drawn_again_only_when_what_it_shows_has_changed() -> None:
    drawn, calls = Drawn(), []

    def draw() -> str:
        calls.append(1)
        return f"drawing {len(calls)}"

    assert [drawn.once("card", of, draw) for of in ((1, "a"), (1, "a"), (2, "a"))] == [
        "drawing 1",
        "drawing 1",
        "drawing 2",
    ]


@given(st.lists(st.integers(0, 2 * N_KEPT), max_size=1_000))
def test_pieces_never_mix_and_never_grow_without_bound(names: list[int]) -> None:
    drawn = Drawn()

    assert [drawn.once(name, 0, lambda name=name: name) for name in names] == names
    assert len(drawn._kept) <= N_KEPT
