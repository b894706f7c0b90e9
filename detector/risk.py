"""Where a stack of vendors would break: which provider carries how much of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from detector.dependencies import graph
from models.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration:
    """
    What of the stack depends on one provider, or on one region of it.

    *expected* is how many of the stack a failure would take down on average: the sum of strengths.
    """

    provider: str
    region: str | None
    vendors: tuple[tuple[str, float], ...]
    share: float
    expected: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What an outage as it was in a scenario would have hit, and what beyond might have been."""

    scenario: str
    hit: tuple[str, ...]
    at_risk: tuple[str, ...]


def concentration(catalogue: Catalogue, stack: Iterable[str]) -> tuple[Concentration, ...]:
    """Rank providers and regions by what of *stack*, service ids, they would take down."""
    mine = sorted(set(stack))
    if not mine:
        return ()
    edges = graph(catalogue, tuple(catalogue.services))
    found = []
    for one in edges.hypotheses:
        vendors = tuple(
            (edges.services[row], round(float(strength), 2))
            for row, strength in zip(one.rows.tolist(), one.strength, strict=True)
            if edges.services[row] in mine and edges.services[row] != one.provider
        )
        if vendors:
            found.append(
                Concentration(
                    provider=one.provider,
                    region=one.region,
                    vendors=tuple(sorted(vendors, key=lambda v: (-v[1], v[0]))),
                    share=round(len(vendors) / len(mine), 4),
                    expected=round(sum(strength for _, strength in vendors), 2),
                )
            )
    return tuple(sorted(found, key=lambda c: (-c.expected, c.provider, c.region or "")))


def hits(
    catalogue: Catalogue,
    stack: Iterable[str],
    outages: Mapping[str, tuple[str | None, Sequence[str]]],
) -> tuple[Hit, ...]:
    """Say what of *stack* each of *outages*, by name (provider, services that failed), hits."""
    mine = set(stack)
    result = []
    for name, (provider, failed) in sorted(outages.items()):
        hit = mine & set(failed)
        depends = {service for service, _ in catalogue.dependents(provider)} if provider else set()
        risk = (mine & depends) - hit
        if hit or risk:
            result.append(Hit(scenario=name, hit=tuple(sorted(hit)), at_risk=tuple(sorted(risk))))
    return tuple(result)
