"""The scenario is what its file says, the same each time, and labelled as made up."""

import hashlib
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import Catalogue
from models.mentions import Matcher
from stream.report import Report, decode, encode
from stream.sources.draw import Draw
from stream.sources.phrases import Phrases
from stream.sources.scenario import DIRECTORY, ScenarioError, known_scenarios, load_scenario

NAME = "aws-2025-10-20"
DAY = datetime(2025, 10, 20, tzinfo=UTC)
DIGEST = (
    "import hashlib,itertools;from stream.report import encode;"
    "from stream.sources.scenario import load_scenario;"
    f"r=itertools.islice(load_scenario('{NAME}').reports(),3000);"
    "print(hashlib.sha256(b''.join(map(encode,r))).hexdigest())"
)


@cache
def posts() -> tuple[Report, ...]:
    return tuple(load_scenario(NAME).reports())


def clock(hour: int, minute: int = 0) -> datetime:
    return DAY + timedelta(hours=hour, minutes=minute)


def rate(start: datetime, end: datetime) -> float:
    n = sum(start <= post.posted_at < end for post in posts())
    return n / ((end - start).total_seconds() / 60)


def test_the_day_is_in_order_whole_and_of_a_playable_size() -> None:
    made = posts()

    assert 60_000 <= len(made) <= 100_000
    assert all(one.posted_at <= other.posted_at for one, other in pairwise(made))
    assert clock(5) <= made[0].posted_at
    assert made[-1].posted_at < clock(23, 30)


def test_every_post_is_labelled_as_made_up() -> None:
    assert all(post.synthetic and post.source == "scenario" for post in posts())
    assert all(post.url is None for post in posts())  # a link would lead to a real place


def test_every_post_is_valid_on_the_wire() -> None:
    for post in posts()[::7]:
        assert decode(encode(post)) == post


def test_the_bytes_are_the_same_in_another_process() -> None:
    first = b"".join(map(encode, posts()[:3000]))
    other = subprocess.run(
        [sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True
    )

    assert other.stdout.strip() == hashlib.sha256(first).hexdigest()


def test_it_is_generated_as_it_is_read() -> None:
    assert next(load_scenario(NAME).reports()) == posts()[0]


def test_the_waves_come_as_sourced() -> None:
    quiet = rate(clock(5), clock(6, 48))
    first, trough = rate(clock(8), clock(9)), rate(clock(11), clock(13, 30))
    second, after = rate(clock(15, 30), clock(16, 30)), rate(clock(22, 45), clock(23, 30))

    assert quiet < trough < first < second
    assert first > 6 * quiet
    assert trough < first / 3
    assert after < first / 3


def test_nobody_complains_about_the_provider_before_it_fails_but_a_few() -> None:
    before = [post for post in posts() if post.posted_at < clock(6, 48)]

    assert sum("DynamoDB" in post.text for post in before) == 0
    assert rate(clock(6, 50), clock(6, 55)) > 1.2 * rate(clock(6, 30), clock(6, 48))


def test_few_name_the_provider_with_another_service_before_its_first_status_post() -> None:
    def blaming(start: datetime, end: datetime) -> int:
        found = (post for post in posts() if start <= post.posted_at < end)
        return sum("napchat" in post.text and "AWS" in post.text for post in found)

    assert blaming(clock(6, 48), clock(7, 11)) == 0
    assert blaming(clock(8), clock(9)) > 20


def test_recovery_follows_the_end_of_a_failure() -> None:
    back = [post for post in posts() if "Snapchat is back" in post.text]

    assert back
    assert all(post.posted_at >= clock(9, 50) for post in back)


def test_the_truth_is_within_the_day_and_about_services_of_the_catalogue() -> None:
    truth = load_scenario(NAME).truth
    services = Catalogue.load().services

    assert {planted.cause for planted in truth} == {"aws"}
    assert all(clock(6, 48) <= planted.start < planted.end <= clock(22, 1) for planted in truth)
    assert {planted.service for planted in truth} <= services.keys()


def test_everybody_in_the_cast_is_in_the_catalogue() -> None:
    assert load_scenario(NAME).cast.keys() <= Catalogue.load().services.keys()


def test_every_name_in_the_cast_is_one_that_the_catalogue_knows() -> None:
    matcher = Matcher(Catalogue.load())
    cast = load_scenario(NAME).cast

    unknown = {
        name
        for service, character in cast.items()
        for name in character.names
        if service not in {found.service for found in matcher.find(f"{name} is down").mentions}
    }

    assert not unknown


def test_the_provider_is_planted_from_its_fault_to_its_end() -> None:
    (aws,) = [one for one in load_scenario(NAME).truth if one.service == "aws"]

    assert (aws.start.isoformat(), aws.end.isoformat(), aws.cause, aws.standing) == (
        "2025-10-20T06:48:00+00:00",
        "2025-10-20T22:01:00+00:00",
        "aws",
        "confirmed",
    )


def test_rumours_are_not_part_of_the_truth() -> None:
    scenario = load_scenario(NAME)
    rumoured = {row.service for spill in scenario.script.spillover for row in spill.rows}

    assert {"youtube", "verizon"} <= rumoured
    assert not rumoured & {planted.service for planted in scenario.truth}


def test_it_has_what_makes_counting_hard() -> None:
    made = posts()
    by_id = Counter(post.id for post in made)
    long_texts = Counter(post.text for post in made if len(post.text) >= 40)
    authors = Counter(post.author for post in made)

    assert sum(post.repost_of is not None for post in made) > 500
    assert sum(n > 1 for n in by_id.values()) > 50
    assert max(long_texts.values()) > 3
    assert sum(n > 1 for n in authors.values()) > 3_000
    assert sum(post.service is not None for post in made) > 300
    assert "" in {post.text for post in made}
    assert len({post.lang for post in made}) >= 9


@pytest.mark.parametrize("lang", ["en", "es", "pt", "fr", "de", "nl", "it", "ja", "hi"])
def test_each_language_has_hundreds_of_phrasings(lang: str) -> None:
    assert len({post.text for post in posts() if post.lang == lang}) > 300


def test_a_repost_follows_what_it_reposts() -> None:
    seen: dict[str, str] = {}
    for post in posts():
        if post.repost_of is not None:
            assert seen[post.repost_of] == post.text
        seen[post.id] = post.text


def test_an_unknown_scenario_is_answered_with_the_known_ones() -> None:
    assert NAME in known_scenarios()
    with pytest.raises(ScenarioError, match=f"no scenario 'aws'; there are: .*{NAME}"):
        load_scenario("aws")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("seed = 20251020", "sede = 20251020", "unknown field `sede`"),
        ("seed = 20251020", 'seed = "x"', r"Expected `int`.*seed"),
        ('service = "snapchat"', 'service = "snapcat"', "'snapcat' is not in cast"),
        ("end = 09:50:00, weight = 30.0", "end = 06:40:00, weight = 30.0", "snapchat: start"),
        ('waves = ["second"]', 'waves = ["third"]', "unknown wave 'third'"),
        ("[06:52:00, 0.3]", "[06:40:00, 0.3]", "wave 'first': expected at least two points"),
        ("en = 0.46,", "en = 0.46, eo = 0.1,", "cannot read scenario"),
        ("[crowd]", "[crowd", "scenario"),
    ],
)
def test_a_wrong_scenario_says_where(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = (DIRECTORY / f"{NAME}.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")

    with pytest.raises(ScenarioError, match=problem):
        load_scenario(str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"cannot read scenario .*none.toml: No such file"):
        load_scenario(str(tmp_path / "none.toml"))


def test_what_the_provider_says_is_there_at_its_time() -> None:
    scenario = load_scenario(NAME)
    said = {post.posted_at: post.text for post in posts() if post.text.startswith("Status:")}

    for post in takewhile(lambda post: post.service == "aws", scenario.script.official):
        assert said[scenario.at(post.at)] == post.text


@pytest.mark.parametrize("name", sorted(set(known_scenarios()) - {NAME}))
def test_every_scenario_is_playable_labelled_and_about_the_catalogue(name: str) -> None:
    scenario = load_scenario(name)
    made = list(scenario.reports())

    assert 3_000 <= len(made) <= 20_000
    assert all(one.posted_at <= other.posted_at for one, other in pairwise(made))
    assert all(post.synthetic for post in made)
    assert {planted.service for planted in scenario.truth} <= Catalogue.load().services.keys()
    assert all(fact.source for fact in scenario.script.timeline)


def test_the_carriers_are_reported_in_the_published_ratio() -> None:
    texts = [post.text.lower() for post in load_scenario("t-mobile-2020-06-15").reports()]
    verizon = load_scenario("t-mobile-2020-06-15").script.spillover[0].rows[0]

    planted = sum("t-mobile" in text or "tmobile" in text for text in texts)
    assert verizon.posts / planted == pytest.approx(8_619 / 113_980, rel=0.25)


@given(st.dictionaries(st.text(max_size=3), st.floats(0.01, 10), min_size=1), st.integers())
def test_a_weighted_draw_is_one_of_the_keys(weights: dict[str, float], seed: int) -> None:
    assert Draw(seed).weighted(weights) in weights


def test_draws_come_by_weight() -> None:
    draw = Draw(7)

    drawn = Counter(draw.weighted({"a": 3.0, "b": 1.0}) for _ in range(4_000))

    assert drawn["a"] / 4_000 == pytest.approx(0.75, abs=0.03)


def test_slots_that_contain_each_other_are_refused() -> None:
    slots = {"a": ["{b}"], "b": ["{a}"]}
    phrases = Phrases(slots=slots, symptoms={"any": [""]}, voices={"v": ["{a}"]})

    with pytest.raises(ValueError, match="contain each other"):
        phrases.say("v", "any", {}, Draw(1))
