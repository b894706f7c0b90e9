"""The back-test of causes takes the scenario's own knowledge away, and reports what it is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from detector.baseline import UNKNOWN
from detector.batch import Accepted
from detector.bucket import Bucket
from detector.tick import Policy
from models.catalogue import Catalogue, Dependency, Service
from models.tags import Role, Tag
from stream.scenario_backtest import Result, played, thinned, without_event
from stream.scenario_past import accustomed, ordinary
from stream.scenario_report import as_object, lines, reliability
from stream.sources.scenario import Scenario, load_scenario
from stream.sources.synthesis import person
from stream.tally import accepted, counted

SCENARIO = """
id = "small"
title = "A small outage"
event = "SMALL-1"
provider = "fastly"
provider_names = ["Fastly"]
date = 2026-01-05
start = 10:00:00
end = 11:20:00
seed = 7
[[waves]]
id = "main"
posts = 1500
shape = [[10:30:00, 0.0], [10:35:00, 1.0], [11:10:00, 0.8]]
[[truth]]
waves = ["main"]
rows = [
  { service = "fastly", start = 10:30:00, end = 11:10:00, weight = 2.0, standing = "confirmed" },
  { service = "reddit", start = 10:30:00, end = 11:10:00, weight = 4.0, standing = "listed" },
  { service = "twitch", start = 10:31:00, end = 11:10:00, weight = 3.0, standing = "listed" },
  { service = "hulu", start = 10:32:00, end = 11:10:00, weight = 2.0, standing = "listed" },
]
[crowd]
mentions = 50
single_complaints = 10
own_outage_questions = 5
noise = 20
"""


def _service(id: str, *edges: tuple[str, float, str]) -> Service:
    depends = tuple(Dependency(provider=p, strength=w, evidence=e) for p, w, e in edges)
    return Service(id=id, name=id.title(), industry="test", depends_on=depends)


CATALOGUE = Catalogue(
    {
        one.id: one
        for one in (
            _service("fastly"),
            _service("reddit", ("fastly", 0.6, "OTHER-1 SMALL-1")),
            _service("twitch", ("fastly", 0.6, "own knowledge")),
            _service("hulu", ("fastly", 0.6, "SMALL-1")),
            _service("zoom"),
        )
    }
)


class Words:
    """Tags every service of the catalogue whose id is in the text as failing."""

    def tag(self, texts: Sequence[str], /) -> list[list[Tag]]:
        return [list(self._tags(text.lower())) for text in texts]

    def _tags(self, text: str) -> Iterator[Tag]:
        for service in CATALOGUE.services:
            if service in text:
                yield Tag(service=service, role=Role.AFFECTED)


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    path = tmp_path_factory.mktemp("scenario") / "small.toml"
    path.write_text(SCENARIO, "utf-8")
    return load_scenario(str(path))


@pytest.fixture(scope="module")
def entries(scenario: Scenario) -> list[Accepted]:
    return list(accepted(scenario.reports(), Words()))


@pytest.fixture(scope="module")
def result(scenario: Scenario, entries: list[Accepted]) -> Result:
    return played(scenario, entries, CATALOGUE, Policy(), range(2), weeks=1)


def test_edges_that_only_the_outage_has_shown_are_left_out() -> None:
    left = dict(without_event(CATALOGUE, "SMALL-1").dependents("fastly"))

    assert set(left) == {"reddit", "twitch"}
    assert without_event(CATALOGUE, None) == CATALOGUE
    assert Catalogue.load().services["oculus"].owner == "meta"


def test_thinning_is_seeded_and_takes_about_its_share() -> None:
    shipped = Catalogue.load()
    n = sum(len(one.depends_on) for one in shipped.services.values())

    thin = thinned(shipped, 3)

    assert thin == thinned(shipped, 3) != thinned(shipped, 4)
    left = sum(len(one.depends_on) for one in thin.services.values())
    assert left / n == pytest.approx(0.7, abs=0.06)
    owned = [sum(one.owner is not None for one in c.services.values()) for c in (thin, shipped)]
    assert owned[0] / owned[1] == pytest.approx(0.7, abs=0.15)


def test_ordinary_weeks_teach_what_is_usual_before_anything_fails(
    scenario: Scenario, entries: list[Accepted]
) -> None:
    services = tuple(CATALOGUE.services)
    buckets = list(counted(entries))
    usual = ordinary(scenario, buckets, services)
    quiet = [bucket for bucket in buckets if bucket.start < scenario.truth[0].start.timestamp()]
    reported = sum(sum(bucket.affected.values()) for bucket in quiet)

    base = accustomed(scenario, entries, services, 4)[0].baseline
    again = accustomed(scenario, entries, services, 4)[0].baseline

    assert 0 < usual.reports.sum() * len(quiet) / 360 == pytest.approx(reported, rel=0.4)
    assert np.array_equal(base.rates, again.rates)
    busy = usual.reports > 0.2
    assert busy.any()
    assert (base.uncertainty[busy] < UNKNOWN).all()
    assert base.hours == pytest.approx(4 * 168)


def test_regulars_are_no_newcomers_after_some_weeks(
    scenario: Scenario, entries: list[Accepted]
) -> None:
    services = tuple(CATALOGUE.services)
    first, at_once = accustomed(scenario, entries, services, 0)
    later, buckets = accustomed(scenario, entries, services, 4)

    assert person(3) != person(4)
    assert not first.crowd.usual.any()
    assert 0.5 < later.crowd.usual[1] / later.crowd.usual[0] < 1
    assert 0 < _newcomers(buckets) < _newcomers(at_once)


def _newcomers(buckets: Sequence[Bucket]) -> int:
    return sum(sum(bucket.newcomers.values()) for bucket in buckets)


def test_what_fails_later_is_not_in_the_weeks_before(
    scenario: Scenario, entries: list[Accepted]
) -> None:
    services = tuple(CATALOGUE.services)
    begins = scenario.truth[0].start
    alone = [e if e.event_at < begins else replace(e, statements=()) for e in entries]

    whole, _ = accustomed(scenario, entries, services, 1)
    cut, _ = accustomed(scenario, alone, services, 1)
    none, _ = accustomed(scenario, entries, services, 0)

    assert np.array_equal(whole.baseline.rates, cut.baseline.rates)
    assert not none.baseline.hours.any()


def test_a_planted_cause_is_named_in_time(result: Result) -> None:
    assert result.in_time
    assert (result.in_time.provider, result.in_time.right) == ("fastly", True)
    assert result.false_causes == ()
    assert [run.in_time and run.in_time.right for run in result.seeded] == [True, True]
    assert len(result.messages) < result.n_alone


def test_the_report_has_what_it_promises(result: Result) -> None:
    report = as_object([result], weeks=1)

    (incident, *_) = report["scenarios"]["small"]["incidents"]
    assert {"opened_at", "resolved_at", "cause", "affected", "cleared", "alerts_sent"} <= set(
        incident
    )
    assert report["scenarios"]["small"]["found"] == ["fastly", "hulu", "reddit", "twitch"]
    assert report["scenarios"]["small"]["not_planted"] == []
    assert set(report["totals"]) == {
        "cause_right_share",
        "cause_runs",
        "false_causes",
        "no_cause_runs",
        "bystanders_cleared_share",
        "alerts",
        "alerts_alone",
        "seeds",
    }
    assert sum(row["n"] for row in reliability([result])) == len(
        [
            run
            for run in (result.in_time, *(one.in_time for one in result.seeded))
            if run and run.provider
        ]
    )
    assert any(line.startswith("small") for line in islice(lines(report), 5))
