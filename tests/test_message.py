import json
import unicodedata
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector.incidents import Incident, Severity, Status, Step
from stream.alerts import blocks, wording
from stream.alerts.around import Around
from stream.alerts.facts import size
from stream.alerts.headline import headline
from stream.alerts.message import Message, compose, link, story
from stream.alerts.plain import plain
from tests.alert_cases import (
    ATTACKS,
    CATALOGUE,
    affected,
    after,
    at,
    explained,
    incidents,
    opened,
    resolved,
    sample,
)
from tests.slack_rules import check_blocks

PAGE = "https://outcry.example/"
slow = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def labels(message: Message) -> list[str]:
    return [fact.label for fact in (*message.facts, *message.background)]


def fact(message: Message, label: str) -> str:
    return next(one.text for one in (*message.facts, *message.background) if one.label == label)


# --- what it says ---


def test_the_headline_says_severity_status_and_cause() -> None:
    line = headline(replace(explained(), synthetic=False), CATALOGUE)

    assert line == (
        "🚨 Critical, ongoing: Amazon Web Services (us-east-1) very likely failing, "
        "25 services affected"
    )


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (Status.EMERGING, "🟠 Major, emerging: Snapchat may be failing"),
        (Status.ONGOING, "🟠 Major, ongoing: Snapchat is failing"),
        (Status.RECOVERING, "⏳ Recovering: Snapchat (major)"),
        (Status.RESOLVED, "✅ Resolved after 2 min: Snapchat (was major)"),
    ],
)
def test_the_headline_follows_the_status(status: Status, line: str) -> None:
    assert headline(replace(opened(), status=status, synthetic=False), CATALOGUE) == line


def test_a_merged_incident_does_not_claim_to_be_over() -> None:
    detail = "merged into 20251020T0651-aws"
    merged = after(opened(), Step.RESOLVED, at(9), status=Status.RESOLVED, detail=detail)

    assert "➡️ Now part of 20251020T0651-aws: Snapchat" in headline(merged, CATALOGUE)
    whole = replace(explained(), id="20251020T0651-aws")
    message = compose(merged, CATALOGUE, PAGE, Around(parent=whole))
    assert "➡️ Now part of Amazon Web Services (us-east-1): Snapchat" in message.headline
    assert message.url == link(PAGE, whole.id)
    assert "false alarm" not in compose(merged, CATALOGUE).summary()
    assert story(merged, merged.transitions[-1], CATALOGUE) == f"06:58 UTC · {detail}"


def test_the_parts_stand_in_the_order_of_the_questions_at_3_am() -> None:
    message = compose(explained(), CATALOGUE, PAGE)

    assert [one.label for one in message.facts] == ["Since", "How sure", "How big", "Affected"]
    assert labels(message)[4:] == ["Cause", "Symptoms", "Regions"]
    assert message.url == f"{PAGE}?incident=20251020T0651-snapchat"


def test_it_says_since_when_in_utc_and_how_late_it_was_noticed() -> None:
    message = compose(opened(), CATALOGUE)

    assert fact(message, "Since") == "20 Oct 2025, 06:49 UTC, noticed 2 min later"
    assert message.facts[0].at == opened().onset_at


def test_it_says_how_big_against_normal() -> None:
    incident = replace(opened(), observed=412, expected=6.0, updated_at=at(10))

    assert size(incident) == "412 reports in 10 min, normally about 6 (69 times normal)"


def test_it_does_not_claim_confirmation_that_never_came() -> None:
    emerging = compose(opened(), CATALOGUE)
    ended = compose(replace(opened(), status=Status.RESOLVED), CATALOGUE)

    assert "not confirmed yet" in fact(emerging, "How sure")
    assert "may have been a false alarm" in fact(ended, "How sure")
    assert fact(compose(resolved(), CATALOGUE), "How sure").startswith("Was confirmed at 06:55 UTC")


def test_the_affected_services_are_ranked_and_the_rest_counted() -> None:
    text = fact(compose(explained(), CATALOGUE), "Affected")

    assert text.startswith("AT&T (120), Ring (120), Roblox (120), Snapchat (120), Venmo (120)")
    assert text.endswith("+ 17 more")


def test_services_that_work_again_come_last_and_are_counted() -> None:
    over = affected("ring", status=Status.RESOLVED, observed=900, severity=Severity.CRITICAL)
    incident = replace(explained(), affected=(over, affected("venmo")))

    text = fact(compose(incident, CATALOGUE), "Affected")

    assert text == "Venmo (120), Ring (900, works again) (1 of 2 work again)"


def test_what_is_over_as_a_whole_does_not_repeat_it_for_each_service() -> None:
    over = tuple(affected(one, status=Status.RESOLVED) for one in ("ring", "venmo"))

    text = fact(compose(replace(resolved(), affected=over), CATALOGUE), "Affected")

    assert text == "Ring (120), Venmo (120)"


def test_quotes_come_from_different_services_and_say_that_they_are_synthetic() -> None:
    quotes = compose(explained(), CATALOGUE).quotes

    assert len(quotes) == 3
    assert {one.origin.split(",")[0] for one in quotes} == {"Snapchat", "Ring", "Venmo"}
    assert all(one.origin.endswith("synthetic") for one in quotes)


def test_real_posts_are_not_called_synthetic() -> None:
    real = replace(opened(), synthetic=False, samples=(sample("down", synthetic=False),))

    message = compose(real, CATALOGUE)

    assert "synthetic" not in (message.summary() + message.quotes[0].origin).lower()
    assert message.notice is None


def test_a_replay_is_labelled_in_the_headline_and_above_the_facts() -> None:
    message = compose(opened(), CATALOGUE)

    assert message.headline.startswith("[SYNTHETIC] ")
    assert message.notice is not None
    assert "not a live outage" in message.notice


def test_the_cause_comes_with_its_reasons_and_how_sure_it_is() -> None:
    background = compose(explained(), CATALOGUE).background

    assert background[0].text == "very likely Amazon Web Services (us-east-1), 96 % sure"
    assert background[0].items == explained().cause.reasons  # type: ignore[union-attr]


def test_several_services_without_a_cause_say_so() -> None:
    assert fact(compose(replace(explained(), cause=None), CATALOGUE), "Cause") == (
        "no shared cause found so far"
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step.CONFIRMED, "07:49 UTC · Confirmed: why"),
        (Step.SECOND_WAVE, "07:49 UTC · Second wave: why"),
        (
            Step.CAUSE_CHANGED,
            "07:49 UTC · Probable cause: very likely Amazon Web Services (us-east-1), 96 % sure",
        ),
        (Step.SERVICE_JOINED, "07:49 UTC · Joined: why"),
        (Step.SEVERITY_CHANGED, "07:49 UTC · Severity: why"),
        (Step.RESOLVED, "07:49 UTC · Resolved: why"),
    ],
)
def test_each_step_of_the_story_reads_alone(step: Step, said: str) -> None:
    incident = after(explained(), step, at(60), detail="why")

    told = story(incident, incident.transitions[-1], CATALOGUE)

    assert told.splitlines() == [
        said,
        "840 reports in 1 h, normally about 12 (67 times normal); 25 services affected",
    ]


def test_a_step_that_nothing_else_shows_is_the_latest_news() -> None:
    rising = after(explained(), Step.SECOND_WAVE, at(80), detail="reports rise again")

    assert fact(compose(rising, CATALOGUE), "Latest") == (
        "08:09 UTC · Second wave: reports rise again"
    )


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (None, None),
        ("", None),
        ("http://127.0.0.1:8501", "http://127.0.0.1:8501/?incident=a%26b%20%3Cc%3E"),
        ("https://x.example/p?k=1#top", "https://x.example/p?k=1&incident=a%26b%20%3Cc%3E"),
    ],
)
def test_the_link_names_the_incident_and_nothing_else(
    page: str | None, expected: str | None
) -> None:
    assert link(page, "a&b <c>") == expected


# --- wording ---


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=-5), "under 1 min"),
        (timedelta(seconds=59), "under 1 min"),
        (timedelta(minutes=10, seconds=59), "10 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=2, minutes=14), "2 h 14 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=1, hours=3, minutes=59), "1 d 3 h"),
    ],
)
def test_spans_read_in_two_units_at_most(span: timedelta, said: str) -> None:
    assert wording.duration(span) == said


@pytest.mark.parametrize(
    ("observed", "expected", "said"),
    [
        (412, 6.0, "69 times"),
        (12, 6.0, "2.0 times"),
        (7, 6.0, None),
        (31, 0.4, None),
        (31, float("nan"), None),
    ],
)
def test_a_ratio_is_given_only_where_it_says_something(
    observed: int, expected: float, said: str | None
) -> None:
    assert wording.times(observed, expected) == said


@pytest.mark.parametrize(
    ("probability", "said"), [(0.0, "1 %"), (0.962, "96 %"), (1.0, "99 %"), (float("nan"), "1 %")]
)
def test_no_probability_is_called_certain(probability: float, said: str) -> None:
    assert wording.percent(probability) == said


def test_names_are_joined_as_in_a_sentence() -> None:
    assert wording.listed(["a"], 2) == "a"
    assert wording.listed(["a", "b"], 2) == "a and b"
    assert wording.listed(["a", "b", "c"], 2) == "a, b and 1 more"


# --- untrusted text ---


@given(st.text(alphabet=st.characters(exclude_categories=())), st.integers(1, 80))
def test_plain_text_is_one_bounded_line_without_controls(text: str, limit: int) -> None:
    cleaned = plain(text, limit)

    assert len(cleaned) <= limit
    assert plain(cleaned, limit) == cleaned
    cleaned.encode()
    categories = {unicodedata.category(one) for one in cleaned if one not in "\u200c\u200d"}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def test_plain_text_keeps_scripts_and_emoji_whole() -> None:
    text = "می‌خواهم 👨‍👩‍👧 サービスが落ちた"

    assert plain(text, 100) == text


def test_plain_text_is_cut_at_a_word() -> None:
    assert plain("the login page does not load at all", 20) == "the login page does…"


@given(st.text(max_size=4_000) | st.just("&" * 4_000))
@settings(deadline=None)
def test_the_fallback_is_escaped_bounded_and_never_cut_inside_an_entity(text: str) -> None:
    escaped = blocks.fallback(text)

    assert len(escaped) <= blocks.TEXT_LIMIT
    assert not set(escaped) & set("<>")
    restored = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert text.startswith(restored.removesuffix("…"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_leaves_the_text_elements(attack: str) -> None:
    incident = replace(opened(), samples=(sample(attack),))

    rendered = blocks.render(compose(incident, CATALOGUE, PAGE), "foot")

    check_blocks(rendered)
    texts = [part for part in parts(rendered) if plain(attack, 240) in part.get("text", "")]
    assert [part["type"] for part in texts if isinstance(part["text"], str)] == ["text"]
    assert [part["url"] for part in parts(rendered) if part["type"] == "link"] == [
        f"{PAGE}?incident=20251020T0651-snapchat"
    ]
    assert "mrkdwn" not in {part["type"] for part in parts(rendered)}


def parts(value: object) -> list[dict[str, object]]:
    """Return every typed object in *value*."""
    if isinstance(value, list):
        return [part for one in value for part in parts(one)]
    if not isinstance(value, dict):
        return []
    own = [value] if "type" in value and isinstance(value.get("text", ""), str) else []
    return own + [part for one in value.values() for part in parts(one)]


# --- laws for any incident ---


@slow
@given(incidents)
def test_any_incident_fits_into_a_slack_message(incident: Incident) -> None:
    message = compose(incident, CATALOGUE, PAGE)

    rendered = blocks.render(message, "foot")

    check_blocks(rendered)
    assert len(json.dumps(rendered, ensure_ascii=False)) < 10_000
    assert 0 < len(message.headline) <= 150
    assert 0 < len(blocks.fallback(message.summary())) <= blocks.TEXT_LIMIT
    json.dumps(rendered, ensure_ascii=False).encode()


@slow
@given(incidents)
def test_any_step_of_any_incident_fits_into_a_reply(incident: Incident) -> None:
    for transition in incident.transitions:
        told = story(incident, transition, CATALOGUE)

        check_blocks(blocks.render_line(told))
        assert len(told) < 1_000
