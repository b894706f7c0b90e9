"""
When a country's networks fail, or somebody slows them down: services that share no provider fail
for the people of one country, and no company is to blame.

The share of a service's reports that come from the country is Beta(8, 2) where its networks are the
cause. Otherwise it is a Beta around the country's usual share, or for a service that is only used
there Beta(8, 2) all the same: so what one service says is bounded.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np

from detector.baseline import Flags
from detector.dependencies import Graph, Hypothesis
from detector.places import Share, countries, is_country
from detector.reasons import percent

NETWORKS = "national-networks"  # the catalogue's entry that is named as the cause
_PRIOR = 1e-4  # rare, and stands for all countries
_LEAST_LOCAL = 3  # failing services
_STRENGTH = 0.3  # that a service which is used in the country fails with its networks
_HOME = (8.0, 2.0)
_USUAL = {"US": 0.5}  # share of a country among those who report…
_USUAL_ELSEWHERE = 0.1
_SPREAD = 3.5  # …and how many reports that is worth
_ONLY_THERE = 0.15  # share of the services that are used in one country only
_LEAST_SHARE = 0.5  # of the reports that can be placed

Places = tuple[Sequence[tuple[str, int]], Sequence[tuple[str, int]]]
"""Reports of a service by region that they name, and the others by language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """That the networks of one country fail; *nats* speak for it before it explains anything."""

    hypothesis: Hypothesis
    nats: float


def suspected(graph: Graph, failing: Flags, places: Mapping[str, Places]) -> Suspicion | None:
    """Ask for the country in which most of those are who report the *failing* services, if any."""
    if NETWORKS not in graph.names or failing.sum() < _LEAST_LOCAL:
        return None
    country = _country(_placed(_summed(places.values())))
    if country is None:
        return None
    local: dict[int, float] = {}
    for service, told in places.items():
        row = graph.row(service)
        if row is not None and failing[row]:
            nats = _local(country, _share_of(country, _placed(told)))
            if nats > 0:
                local[row] = nats
    if len(local) < _LEAST_LOCAL:
        return None
    hypothesis = Hypothesis(
        provider=NETWORKS,
        region=country,
        rows=np.array(sorted(local), np.intp),
        strength=np.full(len(local), _STRENGTH),
    )
    return Suspicion(hypothesis=hypothesis, nats=log(_PRIOR) + sum(local.values()))


def reasons(
    hypothesis: Hypothesis, graph: Graph, failing: Flags, places: Mapping[str, Places]
) -> tuple[str, ...]:
    """Say why the networks of a country are suspected."""
    country = str(hypothesis.region)
    names = [graph.services[row] for row in hypothesis.rows.tolist()]
    share = _share_of(country, _placed(_summed(places[name] for name in names)))
    told = f"{len(names)} services fail for people in one country"
    if share is None:
        return (told,)
    bounds = f"between {percent(share.low)} and {percent(share.high)}"
    return (told, f"{percent(share.share)} of their reports are from {country} ({bounds})")


def _summed(told: Iterable[Places]) -> Places:
    regions: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    for named, spoken in told:
        regions.update(dict(named))
        languages.update(dict(spoken))
    return tuple(regions.items()), tuple(languages.items())


def _placed(told: Places) -> tuple[Share, ...]:
    named, spoken = told
    return countries({place: n for place, n in named if is_country(place)}, dict(spoken))


def _country(shares: Sequence[Share]) -> str | None:
    return shares[0].place if shares and shares[0].low >= _LEAST_SHARE else None


def _share_of(country: str, shares: Sequence[Share]) -> Share | None:
    return next((one for one in shares if one.place == country), None)


def _local(country: str, share: Share | None) -> float:
    """Log of how much likelier the share is if the country's networks fail."""
    if share is None:
        return 0.0
    spread = max((share.high - share.low) / (2 * 1.96), 1e-3)
    n = min(max(share.share * (1 - share.share) / spread**2, 1.0), 100.0)
    inside, outside = share.share * n, (1 - share.share) * n
    usual = _USUAL.get(country, _USUAL_ELSEWHERE) * _SPREAD
    nats = _evidence(_HOME, inside, outside)
    nats -= _evidence((usual, _SPREAD - usual), inside, outside)
    ratio = exp(min(nats, 50.0))
    return log(ratio / (_ONLY_THERE * ratio + 1 - _ONLY_THERE))


def _evidence(shape: tuple[float, float], inside: float, outside: float) -> float:
    a, b = shape
    return log_beta(a + inside, b + outside) - log_beta(a, b)


def log_beta(a: float, b: float) -> float:
    """Logarithm of the beta function."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)
