"""
Who is blamed wrongly: services that are reported only because another one fails.

When a carrier fails its competitors are reported too, at a few percent of its volume: its customers
cannot be called. Measured: Verizon 7.6 % and AT&T 3.4 % of T-Mobile's reports (15 June 2020), O2
5 %, EE 4 %, Three 3 % of Vodafone's (9 June 2020), Verizon 4 % and T-Mobile 2 % of AT&T's (22
February 2024). So the ratio under spill-over is log-normal around 4.5 %; a failure of one's own may
have any size. Who posts about a bystander also names the service that really fails.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, pi, sqrt

import numpy as np

from detector.baseline import Flags, Floats
from detector.dependencies import Graph, Rows

CLEARED = 0.6  # probability of spill-over from which a service is cleared
# Reported by people who only see that nothing works. No other service is cleared: one that depends
# on what fails, by an edge that nobody knows yet, would look the same.
INFRASTRUCTURE = frozenset({"telecom", "cloud"})
VENDORS = frozenset({"cloud", "security"})
_FAMOUS = 0.05  # share of the edges from which a cloud provider is blamed by default
_MEDIAN_RATIO, _SPREAD = 0.045, 0.7
_OWN_SIZE = 1 / 6.0  # density of the log of the ratio if the failure is its own: anything, e^6 wide
_COMPETITOR, _ACCESS = 0.5, 0.2  # that a failure spills over to a competitor, and to a carrier
_NAMES_CULPRIT, _NAMES_ANY = 0.3, 0.03  # share of reports that name the other: spilt, and own
_MOST_NAMED = 6.0  # nats
_LEAST_EXCESS = 10.0  # authors in five minutes, of what spills over


@dataclass(frozen=True, slots=True, kw_only=True)
class Bystander:
    """
    *service* is reported because *culprit* fails; *share* of its reports name the culprit.

    One that only stands for itself is its own culprit, with probability 0.
    """

    service: str
    culprit: str
    probability: float
    share: float


def bystanders(
    graph: Graph,
    excess: Floats,
    failing: Flags,
    own: Floats,
    beside: Mapping[tuple[str, str], float],
) -> tuple[Bystander, ...]:
    """
    Judge which failing carriers and clouds are reported for another's failure, by row.

    *excess* are authors above normal, *own* the probability to fail alone, both by row; *beside*
    counts the recent reports of a service that name another one as well.
    """
    found = []
    rows = np.flatnonzero(failing)
    loud = _loudest_first(rows, excess)
    for row in rows.tolist():
        if graph.industries[row] not in INFRASTRUCTURE:
            continue
        guesses = [
            _judged(graph, row, other, excess, float(own[row]), beside)
            for other in _culprits(graph, row, loud, excess)
        ]
        best = max(guesses, key=lambda one: (one.probability, one.culprit), default=None)
        if best:
            found.append(best)
        elif excess[row] >= _LEAST_EXCESS:
            name = graph.services[row]
            found.append(Bystander(service=name, culprit=name, probability=0.0, share=0.0))
    return tuple(found)


def _loudest_first(rows: Rows, excess: Floats) -> list[int]:
    """Those of *rows* whose reports may spill over, the most reported first."""
    heard = rows[excess[rows] >= _LEAST_EXCESS]
    return [int(row) for row in heard[np.argsort(-excess[heard], kind="stable")]]


def _culprits(graph: Graph, row: int, loud: Sequence[int], excess: Floats) -> Iterator[int]:
    """Yield the services of *loud* for whose failure *row* may be reported."""
    for other in loud:
        if excess[other] < 2 * excess[row]:
            return
        if _prior(graph, row, other) and not graph.linked(row, other):
            yield other


def _judged(
    graph: Graph,
    row: int,
    other: int,
    excess: Floats,
    own: float,
    beside: Mapping[tuple[str, str], float],
) -> Bystander:
    service, culprit = graph.services[row], graph.services[other]
    ratio = max(float(excess[row]), 1.0) / float(excess[other])
    spilt = _prior(graph, row, other) * _density(log(ratio))
    total = max(float(excess[row]), 1.0)
    naming = min(beside.get((service, culprit), 0.0), total)
    odds = log(spilt / (own * _OWN_SIZE)) + _named(naming, total)
    return Bystander(
        service=service,
        culprit=culprit,
        probability=1 / (1 + exp(-min(max(odds, -50.0), 50.0))),
        share=naming / total,
    )


def _prior(graph: Graph, row: int, other: int) -> float:
    industry, service = graph.industries[row], graph.services[row]
    if industry not in INFRASTRUCTURE:
        return 0.0
    if industry == "cloud" and graph.fame.get(service, 0.0) < _FAMOUS:
        return 0.0
    if industry == graph.industries[other]:
        return _COMPETITOR
    # Who cannot reach an app blames the carrier; nobody reaches for a vendor of companies.
    return _ACCESS if industry == "telecom" and graph.industries[other] not in VENDORS else 0.0


def _density(log_ratio: float) -> float:
    z = (log_ratio - log(_MEDIAN_RATIO)) / _SPREAD
    return max(exp(-z * z / 2) / (_SPREAD * sqrt(2 * pi)), 1e-12)


def _named(naming: float, total: float) -> float:
    """Log ratio of binomials, halved as posts copy one another."""
    silent = total - naming
    nats = naming * log(_NAMES_CULPRIT / _NAMES_ANY)
    nats += silent * log((1 - _NAMES_CULPRIT) / (1 - _NAMES_ANY))
    # Taggers miss many of the names: silence says little.
    return min(max(nats / 2, -1.0), _MOST_NAMED)
