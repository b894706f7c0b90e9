"""Edges are proposed from what closed incidents show, never applied."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detector.incidents import Affected, Cause, Incident, Severity, Status
from detector.risk import concentration, hits
from detector.suggest import suggestions
from models.catalogue import Catalogue, Dependency, Service

AT = datetime(2025, 10, 20, 7, tzinfo=UTC)


def _service(id, *providers, industry="test", region=None):
    edges = tuple(Dependency(provider=p, strength=0.6, region=region) for p in providers)
    return Service(id=id, name=id.title(), industry=industry, depends_on=edges)


CATALOGUE = Catalogue(
    {
        one.id: one
        for one in (
            _service("cloud", industry="cloud"),
            _service("bank", "cloud", region="r-1", industry="finance"),
            _service("shop", "cloud", industry="retail"),
            _service("new", industry="finance"),
        )
    }
)


def incident(id, services, probability=0.95, status=Status.RESOLVED, regions=()):
    return Incident(
        id=id,
        status=status,
        severity=Severity.MAJOR,
        affected=tuple(
            Affected(
                service=service,
                status=status,
                severity=Severity.MINOR,
                onset_at=AT + timedelta(minutes=n),
                joined_at=AT + timedelta(minutes=n + 2),
                resolved_at=AT + timedelta(hours=2, minutes=-n) if status == "resolved" else None,
                regions=regions,
            )
            for n, service in enumerate(services)
        ),
        onset_at=AT,
        opened_at=AT,
        updated_at=AT,
        cause=Cause(provider="cloud", probability=probability),
        observed=100,
    )


def test_a_service_that_failed_without_an_edge_is_proposed(tmp_path: Path) -> None:
    (found,) = suggestions(CATALOGUE, [incident("i1", ["bank", "new"])])

    assert (found.service, found.provider, found.old) == ("new", "cloud", None)
    own = tmp_path / "own.toml"
    own.write_text(found.as_toml(), "utf-8")
    assert tomllib.loads(found.as_toml())["services"]["new"]["depends_on"][0]["strength"] == 0.3


def test_an_edge_is_weakened_only_after_several_incidents_that_it_passed() -> None:
    passed = [incident(f"i{n}", ["bank"]) for n in range(3)]

    assert suggestions(CATALOGUE, passed[:2]) == ()
    (found,) = suggestions(CATALOGUE, passed)
    assert (found.service, found.strength, found.old) == ("shop", 0.3, 0.6)


def test_open_or_doubtful_incidents_teach_nothing() -> None:
    doubtful = incident("i1", ["new"], probability=0.6)
    lasting = incident("i2", ["new"], status=Status.ONGOING)

    assert suggestions(CATALOGUE, [doubtful, lasting]) == ()


def test_the_stack_is_ranked_by_what_would_fail() -> None:
    carried = concentration(CATALOGUE, ["bank", "shop", "new"])

    assert [(c.provider, c.region, c.expected) for c in carried] == [
        ("cloud", None, 1.2),
        ("cloud", "r-1", 0.6),
    ]
    assert concentration(CATALOGUE, []) == ()


def test_a_past_outage_says_what_it_hit_and_what_it_might_have() -> None:
    (hit,) = hits(CATALOGUE, ["bank", "shop"], {"x": ("cloud", ["bank", "other"]), "y": (None, [])})

    assert (hit.hit, hit.at_risk) == (("bank",), ("shop",))


def test_a_service_that_failed_at_the_same_time_on_its_own_is_proposed_weakly() -> None:
    alone = replace(incident("i2", ["new"]), cause=None, onset_at=AT + timedelta(minutes=20))
    later = replace(incident("i3", ["new"]), cause=None, onset_at=AT + timedelta(hours=3))

    (found,) = suggestions(CATALOGUE, [incident("i1", ["bank"]), alone])

    assert (found.service, found.provider, found.strength) == ("new", "cloud", 0.2)
    assert found.is_beside
    assert suggestions(CATALOGUE, [incident("i1", ["bank"]), later]) == ()


def test_the_lines_that_apply_a_proposal_keep_the_other_edges(tmp_path: Path) -> None:
    closed = replace(
        incident("i1", ["shop", "bank"]), cause=Cause(provider="new", probability=0.95)
    )
    found = {one.service: one for one in suggestions(CATALOGUE, [closed])}
    own = tmp_path / "own.toml"
    own.write_text(found["bank"].as_toml())

    (entry,) = tomllib.loads(own.read_text())["services"].values()
    assert [edge["provider"] for edge in entry["depends_on"]] == ["cloud", "new"]
    assert entry["depends_on"][0]["region"] == "r-1"
