"""The life of an incident: legal steps only, one open incident a service, deterministic choices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import lifecycle
from detector.cause import Explanation
from detector.dependencies import graph
from detector.evidence import chosen
from detector.grouping import regrouped, reopenable
from detector.incidents import Affected, Cause, Cleared, Sample, Severity, Status, Step, Transition
from detector.lifecycle import LEGAL, severity_of
from models.catalogue import Catalogue, Dependency, Service

NOW = datetime(2025, 10, 20, 7, 3, tzinfo=UTC)
EDGES = (Dependency(provider="p", strength=0.8, region="r-1"),)
NAMES = ("a", "b", "c", "d", "e", "f", "g", "p")
CATALOGUE = Catalogue(
    {
        s: Service(id=s, name=s.upper(), industry="test", depends_on=EDGES if s in "abefg" else ())
        for s in NAMES
    }
)
GRAPH = graph(CATALOGUE, NAMES)
BLAMED = Cause(provider="p", probability=0.9, reasons=("2 of 2",))


def one(service, status=Status.ONGOING, severity=Severity.MINOR, at=NOW, observed=10, peak=0.0):
    return Affected(
        service=service,
        status=status,
        severity=severity,
        onset_at=at - timedelta(minutes=3),
        joined_at=at,
        resolved_at=at if status is Status.RESOLVED else None,
        observed=observed,
        expected=0.5,
        peak_per_minute=peak,
    )


def step_on(known, verdicts, causes=(), at=NOW):
    explanation = None if causes is None else Explanation(causes=tuple(causes))
    return regrouped(known, {v.service: v for v in verdicts}, explanation, GRAPH, at)


def test_service_in_trouble_opens_an_incident_that_says_how_bad():
    (incident,) = step_on((), [one("c", Status.EMERGING)])

    assert incident.id == "20251020T0703-c"
    assert incident.status is Status.EMERGING
    assert [t.step for t in incident.transitions] == [Step.OPENED]
    assert incident.transitions[0].detail == "C: 10 reports where 0.5 are normal"


def test_services_of_one_cause_open_one_incident_named_after_it():
    (incident,) = step_on((), [one("a"), one("b")], [BLAMED])

    assert incident.id == "20251020T0703-p"
    assert [x.service for x in incident.affected] == ["a", "b"]
    assert incident.cause == BLAMED
    assert incident.observed == 20


def test_later_cause_merges_into_the_oldest_and_keeps_its_id():
    first = step_on((), [one("a")])
    later = NOW + timedelta(minutes=2)
    both = step_on(first, [one("a"), one("b", at=later)], at=later)
    assert len(both) == 2

    merged = step_on(both, [one("a"), one("b", at=later)], [BLAMED], later)

    kept, absorbed = merged
    assert kept.id == "20251020T0703-a"
    assert {x.service for x in kept.affected} == {"a", "b"}
    assert absorbed.status is Status.RESOLVED
    assert absorbed.transitions[-1].detail == "merged into 20251020T0703-a"
    assert not reopenable(absorbed, later, 6)


def test_services_without_a_shared_cause_get_their_own_incidents():
    opened = step_on((), [one("c"), one("d")], [replace(BLAMED, probability=0.4)])

    assert [i.id for i in opened] == ["20251020T0703-c", "20251020T0703-d"]


def test_second_wave_within_hours_is_the_same_incident():
    first = step_on((), [one("c")])
    easing = step_on(first, [one("c", Status.RECOVERING)], None)
    over = step_on(easing, [one("c", Status.RESOLVED)], None)
    assert over[0].status is Status.RESOLVED

    later = NOW + timedelta(hours=4)
    assert reopenable(over[0], later, 6)
    again = step_on(over, [one("c", Status.EMERGING)], None, later)

    (incident,) = again
    assert incident.id == first[0].id
    assert incident.status is Status.ONGOING
    assert incident.resolved_at is None
    steps = [t.step for t in incident.transitions]
    assert steps == [Step.OPENED, Step.RECOVERING, Step.RESOLVED, Step.SECOND_WAVE]


def test_second_wave_by_other_services_of_the_same_cause_is_the_same_incident():
    first = step_on((), [one("a"), one("p")], [BLAMED])
    over = step_on(first, [one("a", Status.RESOLVED), one("p", Status.RESOLVED)], None)
    later = NOW + timedelta(hours=3)

    again = step_on(over, [one("b", Status.EMERGING), one("p", Status.EMERGING)], [BLAMED], later)

    assert [i.id for i in again] == ["20251020T0703-p"]
    assert again[0].status is Status.ONGOING


def over(services):
    """An incident of *services* that one cause explains, as it stands an hour after it opened."""
    ended = NOW + timedelta(hours=1)
    opened = step_on((), [one(s, peak=1.0) for s in services], [BLAMED])
    gone = [one(s, Status.RESOLVED, at=ended, peak=1.0) for s in services]
    return step_on(opened, gone, None, ended)


def test_what_fails_again_one_after_another_is_a_second_wave_as_well():
    (old,) = over("abefgp")
    later, then = NOW + timedelta(hours=2), NOW + timedelta(hours=2, seconds=10)
    lone = one("e", Status.EMERGING, at=later, peak=1.0)

    alone = step_on((old,), [lone], None, later)
    both = step_on(alone, [lone, one("f", Status.EMERGING, at=then, peak=1.0)], None, then)

    assert [i.id for i in alone if i.status is not Status.RESOLVED] == ["20251020T0903-e"]
    (again,) = (i for i in both if i.status is not Status.RESOLVED)
    assert again.id == old.id
    assert [a.service for a in again.affected if a.status is Status.EMERGING] == ["e", "f"]
    (merged,) = (i for i in both if i.status is Status.RESOLVED)
    assert merged.transitions[-1].detail == f"merged into {old.id}"


def test_cause_that_fails_again_by_itself_is_a_second_wave():
    (old,) = over("abefgp")
    later = NOW + timedelta(hours=2)

    (again,) = step_on((old,), [one("p", Status.EMERGING, at=later, peak=1.0)], None, later)

    assert (again.id, again.status) == (old.id, Status.ONGOING)


def test_cleared_service_stays_so_until_its_reports_have_ended():
    spilt = Cleared(service="d", culprit="c", probability=0.9, reason="names C")
    (opened,) = step_on((), [one("c")])
    bystander = Explanation(cleared=(spilt,))
    both = {v.service: v for v in (one("c"), one("d"))}
    known = regrouped((opened,), both, bystander, GRAPH, NOW)
    end, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    known = step_on(known, [one("c", Status.RESOLVED, at=end), one("d")], None, end)

    lasting = step_on(known, [one("d")], None, later)
    anew = step_on(lasting, [one("d", at=later)], None, later)

    assert [i.status for i in lasting if i.affected[0].service == "d"] in ([], [Status.RESOLVED])
    assert [i.affected[0].service for i in anew if i.opened_at == later] == ["d"]


def test_id_gets_a_suffix_when_it_is_taken():
    (first,) = step_on((), [one("c")])
    over = replace(first, affected=(one("d", Status.RESOLVED),), status=Status.RESOLVED)

    again = step_on((over,), [one("c")])

    assert again[-1].id == "20251020T0703-c-2"


def test_cause_is_dropped_when_the_evidence_leaves_it():
    first = step_on((), [one("a"), one("b")], [BLAMED])

    (after,) = step_on(first, [one("a"), one("b")], [replace(BLAMED, probability=0.1)])

    assert after.cause is None
    assert after.transitions[-1].detail == "no shared cause any more"


def test_region_is_kept_once_it_is_known():
    first = step_on((), [one("a"), one("b")], [replace(BLAMED, region="r-1")])

    (after,) = step_on(first, [one("a"), one("b")], [BLAMED])

    assert after.cause
    assert after.cause.region == "r-1"


@pytest.mark.parametrize(
    ("rate", "times", "before", "severity"),
    [
        (1.0, 100.0, None, Severity.MINOR),
        (6.0, 12.0, None, Severity.MAJOR),
        (3.0, 12.0, Severity.MAJOR, Severity.MAJOR),
        (1.0, 12.0, Severity.MAJOR, Severity.MINOR),
        (40.0, 40.0, None, Severity.CRITICAL),
        (20.0, 20.0, Severity.CRITICAL, Severity.CRITICAL),
        (400.0, 4.0, None, Severity.CRITICAL),
    ],
)
def test_severity_is_absolute_and_relative_and_slow_to_fall(rate, times, before, severity):
    assert severity_of(rate, times, before) is severity


def test_many_services_make_an_incident_worse():
    few = lifecycle.opened("x", [one("a"), one("b")], None, NOW, {})
    many = lifecycle.opened("x", [one(f"s{i}") for i in range(12)], None, NOW, {})

    assert (few.severity, many.severity) == (Severity.MINOR, Severity.CRITICAL)


def sample(number, service, text, minute):
    return Sample(
        report_id=str(number),
        service=service,
        text=text,
        source="test",
        posted_at=NOW + timedelta(minutes=minute),
        score=0.9,
    )


def test_samples_are_the_newest_of_distinct_texts_and_of_several_services():
    flood = [sample(i, "a", f"a is down {i}", i) for i in range(30)]
    other = [sample(90, "b", "b fails", 0), sample(91, "b", "B  FAILS", 1)]

    picked = chosen(flood + other)

    assert len(picked) == 12
    assert picked[0].report_id == "29"
    assert [s.report_id for s in picked if s.service == "b"] == ["91"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", "z"]), st.integers(0, 5)),
        max_size=30,
    ),
    st.randoms(),
)
def test_choice_of_samples_does_not_depend_on_their_order(posts, random):
    samples = [sample(i, *post) for i, post in enumerate(posts)]
    mixed = list(samples)
    random.shuffle(mixed)

    assert chosen(samples) == chosen(mixed)


PHASES = st.sampled_from([None, Status.EMERGING, Status.ONGOING, Status.RECOVERING])
SCENES = st.lists(
    st.tuples(
        st.fixed_dictionaries(dict.fromkeys(NAMES, PHASES)),
        st.sampled_from([None, 0.0, 0.3, 0.9]),
        st.integers(1, 200),
    ),
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(SCENES)
def test_any_story_is_legal_and_no_service_is_in_two_open_incidents(scenes):
    known, now, before = (), NOW, {}
    told: dict[str, list[Transition]] = {}
    for phases, probability, minutes in scenes:
        now += timedelta(minutes=minutes)
        # Nothing recovers that had not failed.
        phases = {s: p if before.get(s) or not p else Status.EMERGING for s, p in phases.items()}
        known = tuple(i for i in known if reopenable(i, now, 6))
        verdicts = [one(s, p or Status.RESOLVED) for s, p in phases.items() if p or before.get(s)]
        causes = None if probability is None else [replace(BLAMED, probability=probability)]
        after = step_on(known, verdicts, causes, now)
        _check_scene(known, after, phases)
        for incident in after:
            story = told.setdefault(incident.id, [])
            assert list(incident.transitions[: len(story)]) == story
            story[:] = incident.transitions
        known, before = after, phases
    for story in told.values():
        _check_story(story)


def _check_scene(known, after, phases):
    open_services = [
        x.service
        for i in after
        if i.status is not Status.RESOLVED
        for x in i.affected
        if x.status is not Status.RESOLVED
    ]
    assert sorted(open_services) == sorted(s for s, p in phases.items() if p)
    assert len({i.id for i in after}) == len(after)
    old = {i.id: i for i in known}
    for incident in after:
        failing = {Status.EMERGING, Status.ONGOING}
        if incident.status is Status.RESOLVED and incident.id in old:
            unchanged = old[incident.id].status is Status.RESOLVED
            assert not unchanged or incident == old[incident.id]
        if incident.status in failing:
            assert any(x.status in failing for x in incident.affected)


def _check_story(story):
    assert story[0].step is Step.OPENED
    for earlier, later in pairwise(story):
        assert earlier.at <= later.at
        assert later.status is earlier.status or later.status in LEGAL[earlier.status]
        assert later.step is not Step.OPENED
