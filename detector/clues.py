"""
What speaks for a hypothesis before it is asked what it explains: prior, loudness, blame, regions.

Blame is Poisson, and part of it is cross-talk: people also name famous bystanders, in proportion to
all that they complain. Of those who report a provider of infrastructure itself as failing, most
mean the guilty one, or it is chance.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detector.baseline import Flags, Floats
from detector.dependencies import Graph, Hypothesis
from detector.networks import Places, log_beta

PRIOR = 6e-3  # that a given provider is failing when two services fail at once
_UNNAMED = 0.2  # how much less often a provider fails while nobody reports it than when people do
_UNPROVEN = 0.5  # the same for a vendor that no service is known to depend on…
_OWNER = 0.05  # …and for a company whose products are not known to share anything
_BLAME = (-2.0, 8.0)
# Of posts that name the provider, when it is at fault…
_BLAME_SHARE = np.array((0.01, 0.03, 0.1, 0.3))
_CROSS_TALK = 0.1  # …and of posts that name some provider that is not
_BESIDE = 0.01  # of posts about others that name an innocent provider as failing as well
_STRAY_BLAME = 0.05  # authors in the five minutes of memory, without any outage
# Of a provider's posts that name the region, if it is at fault and if it is not.
_REGION_SHARE, _REGION_NOISE = 0.5, 0.1
# Share of the guilty provider among those who report any as failing: Beta, or by chance.
_LOUDEST, _BY_CHANCE = (4.0, 1.0), 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What the last minutes say, by row: see `cause.explain`.

    *abnormal* are log-likelihood ratios, *per_minute* the normal rates, *learnt* whether these are
    known rather than assumed, *excess* authors above
    normal and *blamed* authors naming the service as a cause, both of the last five minutes;
    *failing* are the services in an open incident, those that have recovered in it included.
    *regions* counts posts on a (provider, region), *beside* those on a service that name another;
    *places* tells where those are who report a failing service.
    """

    abnormal: Floats
    per_minute: Floats
    learnt: Flags
    excess: Floats
    blamed: Floats
    failing: Flags
    regions: Mapping[tuple[str, str], float]
    beside: Mapping[tuple[str, str], float]
    places: Mapping[str, Places] = field(default_factory=dict)


def priors(candidates: Sequence[Hypothesis], graph: Graph, evidence: Evidence) -> Floats:
    """Log of what speaks for each of *candidates*."""
    excess = np.maximum(evidence.excess, 0.0)
    crowd = float(excess.sum()), float(excess[evidence.failing].sum())
    beside: defaultdict[str, float] = defaultdict(float)
    for (_, other), n in evidence.beside.items():
        beside[other] += n
    loud = _reported(candidates, graph, excess * evidence.failing)
    return np.array(
        [
            _prior(h, graph, evidence)
            + _loudness_gain(loud.get(h.provider), sum(loud.values()))
            + _blame_gain(h, evidence.blamed, beside[h.provider], graph, crowd)
            + _region_gain(h, evidence)
            for h in candidates
        ]
    )


def _prior(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> float:
    row = graph.row(hypothesis.provider)
    # Of one that is no infrastructure people know the products, not the owner's name.
    named = not hypothesis.wide or row is None or bool(evidence.failing[row])
    prior = PRIOR * (1.0 if named else _UNNAMED) * (1.0 if hypothesis.region is None else 0.5)
    if not hypothesis.n_known:
        prior *= _UNPROVEN if hypothesis.wide else _OWNER
    return float(np.log(prior))


def _reported(candidates: Sequence[Hypothesis], graph: Graph, excess: Floats) -> dict[str, float]:
    """Count who reports each provider of infrastructure itself as failing."""
    rows = {h.provider: graph.row(h.provider) for h in candidates if h.wide}
    return {name: float(excess[row]) for name, row in rows.items() if row is not None}


def _loudness_gain(own: float | None, total: float) -> float:
    """
    Log of how much likelier the guilty one has so few of the *total* than anybody has; that it is
    reported itself is told by what it explains.
    """
    if own is None:
        return 0.0
    a, b = _LOUDEST
    nats = log_beta(a + own, b + total - own) - log_beta(a, b)
    nats -= log_beta(1 + own, 1 + total - own)
    return min(float(np.log((1 - _BY_CHANCE) * np.exp(nats) + _BY_CHANCE)), 0.0)


def _blame_gain(
    hypothesis: Hypothesis, blamed: Floats, beside: float, graph: Graph, crowd: tuple[float, float]
) -> float:
    """
    Poisson likelihood of the blame with and without fault, halved since posts copy one another.

    *beside* are posts about others that name the provider: many a post says "X is down, it's Y"
    without a "because". *crowd* are all authors above normal, and those on services that fail.
    """
    row = graph.row(hypothesis.provider)
    if row is None:
        return 0.0
    everybody, failing = crowd
    named, stray, doubt = blamed[row], _CROSS_TALK * graph.fame[hypothesis.provider], 0.5
    if hypothesis.wide and beside > named:
        named, stray, doubt = beside, stray + _BESIDE, 1.0
    innocent = _STRAY_BLAME + stray * everybody
    guilty = innocent + _BLAME_SHARE * failing
    ratios = named * np.log(guilty / innocent) - (guilty - innocent)
    mixed = np.logaddexp.reduce(ratios) - np.log(len(ratios))
    return float(np.clip(mixed * doubt, *_BLAME))


def _region_gain(hypothesis: Hypothesis, evidence: Evidence) -> float:
    if hypothesis.region is None:
        return 0.0
    named = evidence.regions.get((hypothesis.provider, hypothesis.region), 0.0)
    return float(min(named * np.log(_REGION_SHARE / _REGION_NOISE), _BLAME[1]))
