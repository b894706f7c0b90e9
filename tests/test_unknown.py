"""Names outside the catalogue: found beside words of outage, counted once, told when they surge."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detector import unknown_store
from detector.unknown import LEAST, SPAN, Named, Past, Surge, judged, tail
from detector.unknown_store import Mention, UnknownNames
from models.catalogue import Catalogue, Service
from models.common import common, derived
from models.examples import Example, Label
from models.tags import Role
from models.unknown import COMMON, Unknown

CATALOGUE = Catalogue.load()
UNKNOWN = Unknown(CATALOGUE)
START = 1_760_918_400  # 2025-10-20 00:00 UTC


def keys(text: str) -> list[str]:
    return [one.key for one in UNKNOWN.names(text)]


# --- names in a post ---


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("zorbly is down", "zorbly"),
        ("Is Zorbly down for anyone else?", "zorbly"),
        ("can't log in to Zorbly since 9am", "zorbly"),
        ("ZORBLY IS DOWN AGAIN", "zorbly"),
        ("anyone else? Zorbly Bank app not working", "zorblybank"),
        ("@ZorblySupport I can't log in", "zorbly"),
        ("#ZorblyDown great timing", "zorbly"),
        ("se cayó Zorbly?", "zorbly"),
        ("no funciona la app de Zorbly", "zorbly"),
        ("Zorbly caiu aqui", "zorbly"),
        ("Zorbly est en panne", "zorbly"),
        ("Störung bei Zorbly?", "zorbly"),
        ("Zorbly gangguan ya?", "zorbly"),
        ("zorbly çöktü mü", "zorbly"),
        ("ゾーブリー落ちた", "ゾーブリー"),
        ("조르블리 먹통", "조르블리"),
    ],
)
def test_the_name_beside_a_phrase_of_outage_is_found(text: str, name: str) -> None:
    assert name in keys(text)


@pytest.mark.parametrize(
    "text",
    [
        "the internet is down",
        "is the server down?",
        "my phone is not working",
        "everything is down today",
        "Netflix is down",
        "#down",
        "zorbly is lovely",
        "i love #zorbly",
        "se cayó el servidor",
        "ネット落ちた",
        "#Zorblydown #Borzlydown #Grimpdown #Fnordlydown",
        "",
    ],
)
def test_common_words_known_services_and_lists_are_no_names(text: str) -> None:
    assert keys(text) == []


def test_spellings_of_a_name_are_one_key_and_the_capitals_are_shown() -> None:
    spelt = ["Zorbly Bank is down", "#ZorblyBankDown", "@zorblybank_help still down?"]

    assert {key for text in spelt for key in keys(text)} == {"zorblybank"}
    assert UNKNOWN.names(spelt[0])[0].shown == "Zorbly Bank"


def test_a_name_of_the_catalogue_is_no_longer_unknown() -> None:
    known = {**CATALOGUE.services, "zorbly": Service(id="zorbly", name="Zorbly", industry="other")}

    assert not Unknown(Catalogue(known)).names("zorbly is down")


@given(st.text(max_size=300))
def test_any_text_gives_few_short_names(text: str) -> None:
    for said in (text, f"{text} is down", f"#{text}down @{text}support down"):
        found = UNKNOWN.names(said)
        assert len(found) <= 3
        assert all(2 <= len(one.key) <= 30 and len(one.shown) <= 30 for one in found)


def test_a_text_of_any_length_is_read_in_bounded_time() -> None:
    for piece in ("#", "@", "is down ", "Zorbly Zorbly ", "#ZorblyDown ", "落ちた", "...."):
        UNKNOWN.names(piece * 20_000)


# --- common words ---


def test_the_common_words_are_those_of_the_corpus() -> None:
    wanted = COMMON.read_text(encoding="utf-8") == derived()

    assert wanted, "the corpus changed: run `python -m models.common`, as `outcry train` does"


def test_words_of_several_posts_are_common_unless_they_are_names() -> None:
    label = (Label(service="Quibbler", role=Role.AFFECTED),)
    texts = ["Quibbler, Netflix and the GHOST died", "quibbler or netflix: the ghost lives"]
    posts = [
        Example(id=text, text=text, lang="en", group=text, labels=label)
        for text in (*texts, "Zorbly: only here")
    ]

    assert common(posts, CATALOGUE) == {"the", "ghost"}


# --- the test ---


def span(n: int, key: str = "zorbly") -> list[Named]:
    return [Named(key=key, shown=key.title(), authors=n)] if n else []


def after(numbers: list[int], past: Past | None = None) -> tuple[Past, tuple[Surge, ...]]:
    known, surges = past or Past(), ()
    for i, n in enumerate(numbers):
        known, surges = judged(known, surges, START + i * SPAN, span(n))
    return known, surges


@given(st.integers(0, 60), st.floats(0.5, 50), st.floats(0.2, 500))
@example(5, 32.0, 0.25)  # where both are 1 but for what rounding takes
def test_the_tail_is_what_the_terms_before_it_leave(n: int, shape: float, rate: float) -> None:
    assert tail(0, shape, rate) == pytest.approx(1.0, abs=1e-6)
    assert 0 <= tail(n + 1, shape, rate) <= tail(n, shape, rate) + 1e-12
    assert tail(n, shape, rate) <= 1


def test_a_name_that_was_never_seen_surges_with_a_few_authors() -> None:
    _, (surge,) = after([0] * 144 + [LEAST + 1])

    assert (surge.key, surge.authors, surge.peak) == ("zorbly", LEAST + 1, LEAST + 1)
    assert surge.expected < 0.1


def test_a_slow_surge_is_seen_over_an_hour() -> None:
    _, (surge,) = after([0] * 144 + [2, 2, 2, 2])

    assert surge.authors == 8


def test_a_name_that_is_always_said_does_not_surge_at_its_level() -> None:
    draw = random.Random(1)
    numbers = [sum(draw.random() < 0.06 for _ in range(100)) for _ in range(300)]

    assert after(numbers)[1] == ()
    assert after([*numbers, 40])[1][0].authors >= 40


def test_what_goes_on_for_long_becomes_usual() -> None:
    _, surges = after([0] * 100 + [12] * 300)

    assert surges == ()


def test_chance_makes_at_most_a_few_surges_in_a_month_of_chatter() -> None:
    draw = random.Random(20)
    rates = {f"name{i}": 0.02 * 1.12**i for i in range(40)}
    past, surges, seen = Past(), (), set()
    for i in range(4 * 7 * 144):
        said = {key: _poisson(draw, rate) for key, rate in rates.items()}
        named = [Named(key=key, shown=key, authors=n) for key, n in said.items() if n]
        past, surges = judged(past, surges, START + i * SPAN, named)
        seen |= {(one.key, one.since_at) for one in surges}

    assert len(seen) <= 4


def _poisson(draw: random.Random, mean: float) -> int:
    n, left = 0, draw.expovariate(1.0)
    while left < mean:
        n, left = n + 1, left + draw.expovariate(1.0)
    return n


# --- in Redis ---


def mentions(n: int, start: int = START, key: str = "zorbly") -> list[Mention]:
    at = datetime.fromtimestamp(start + 30, UTC)
    return [Mention(event_at=at, author=f"{i:032x}", key=key, shown=key.title()) for i in range(n)]


def test_a_batch_counts_once_however_often_it_is_applied(redis) -> None:
    names = UnknownNames(redis, "test")
    for _ in range(3):
        names.add(mentions(40))

    (found,) = names.judge(START + SPAN)

    assert found.shown == "Zorbly"
    assert found.authors == pytest.approx(40, abs=2)  # a HyperLogLog's error
    assert names.surges() == (found,)


def test_a_span_is_judged_once_and_leaves_nothing_behind(redis) -> None:
    names = UnknownNames(redis, "test")
    names.add(mentions(40))
    assert names.judge(START + SPAN - 1) == ()

    (found,) = names.judge(START + SPAN)
    names.add(mentions(60))

    assert names.judge(START + 9 * SPAN) == ()
    assert names.surges() == (found,)
    kept = {key.decode().rsplit(":", 1)[1] for key in redis.keys("test:*")}
    assert kept == {"judged", "past", "surges"}


def test_a_span_with_too_many_names_keeps_the_frequent_ones(redis, monkeypatch) -> None:
    monkeypatch.setattr(unknown_store, "NAMES", 50)
    names = UnknownNames(redis, "test")
    names.add(mentions(60))
    for i in range(300):
        names.add(mentions(1, key=f"rare{i}"))

    names.judge(START + SPAN)

    assert names.surges()[0].key == "zorbly"
    assert not redis.keys("test:*authors*")


def test_what_the_catalogue_knows_by_now_is_no_longer_told(redis) -> None:
    names = UnknownNames(redis, "test")
    names.add(mentions(40))
    names.judge(START + SPAN)
    known = Catalogue({"zorbly": Service(id="zorbly", name="Zorbly", industry="other")})

    assert len(names.surges(CATALOGUE)) == 1
    assert names.surges(known) == ()
