"""
The shared cause: which provider's failure explains the services that fail now, and how surely.

How well a failure explains them is a noisy-OR over the catalogue's edges (`noisy_or`). The leak,
failing on one's own, grows with popularity. Blame is Poisson, and part of it is cross-talk: people
also name famous bystanders, in proportion to all that they complain; what is probably spilt over
from another failure (`bystanders`) is no evidence. Where all who complain are in one country, its
networks may be the cause (`networks`), and no company.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from detector import networks
from detector.baseline import Flags, Floats
from detector.bystanders import CLEARED, Bystander, bystanders
from detector.dependencies import MIN_EXPLAINED, Graph, Hypothesis
from detector.incidents import Cause, Cleared
from detector.networks import Places
from detector.noisy_or import fits
from detector.reasons import reasons, spilt_over

PRIOR = 6e-3  # that a given provider is failing when two services fail at once
_UNNAMED = 0.2  # how much less often a provider fails while nobody reports it than when people do
_UNPROVEN = 0.5  # the same for a vendor that no service is known to depend on…
_OWNER = 0.05  # …and for a company whose products are not known to share anything
_LOG_SECOND = float(
    np.log(0.1)
)  # how much less probable a second failure is at the same time, than a first one
_BLAME = (-2.0, 8.0)
# Of posts that name the provider, when it is at fault…
_BLAME_SHARE = np.array((0.01, 0.03, 0.1, 0.3))
_CROSS_TALK = 0.1  # …and of posts that name some provider that is not
_BESIDE = 0.01  # of posts about others that name an innocent provider as failing as well
_STRAY_BLAME = 0.05  # authors in the five minutes of memory, without any outage
# Of a provider's posts that name the region, if it is at fault and if it is not.
_REGION_SHARE, _REGION_NOISE = 0.5, 0.1
_N_PAIRED = 5
_MIN_PROBABILITY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What the last minutes say, by row: see `explain`.

    *abnormal* are log-likelihood ratios, *per_minute* the normal rates, *excess* authors above
    normal and *blamed* authors naming the service as a cause, both of the last five minutes;
    *failing* are the services in an open incident, those that have recovered in it included.
    *regions* counts posts on a (provider, region), *beside* those on a service that name another;
    *places* tells where those are who report a failing service.
    """

    abnormal: Floats
    per_minute: Floats
    excess: Floats
    blamed: Floats
    failing: Flags
    regions: Mapping[tuple[str, str], float]
    beside: Mapping[tuple[str, str], float]
    places: Mapping[str, Places] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """
    Providers by the probability that they failed, and who may be blamed for another's failure.

    *reached* has, by provider, the failing services that it explains, by an edge or without one;
    *cleared* has every failing service that was judged, with a probability of 0 where it stands for
    itself.
    """

    causes: tuple[Cause, ...] = ()
    cleared: tuple[Cleared, ...] = ()
    reached: Mapping[str, frozenset[str]] = field(default_factory=dict)


def explain(graph: Graph, evidence: Evidence) -> Explanation:
    """
    Rank the providers by the probability that they failed, the most probable first.

    Compares: nothing shared, each provider, each region of one where posts name it, the networks of
    a country, and pairs of the best few. Only causes of two failing services or more are named;
    without one there are none.
    """
    leak = _leak(evidence.per_minute)
    spilt = bystanders(graph, evidence.excess, evidence.failing, leak, evidence.beside)
    cleared = tuple(_cleared(one, graph) for one in spilt)
    evidence = _without(evidence, graph, spilt)
    local = networks.suspected(graph, evidence.failing, evidence.places)
    candidates = [h for h in graph.hypotheses if _plausible(h, graph, evidence)]
    prior = _priors(candidates, graph, evidence)
    if local:
        candidates.append(local.hypothesis)
        prior = np.append(prior, local.nats)
    if not candidates:
        return Explanation(cleared=cleared)
    scene = fits(graph, candidates, evidence.abnormal, leak, evidence.failing, evidence.per_minute)
    single = prior + scene.nats
    sets: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    sets += [((i,), score) for i, score in enumerate(single.tolist())]
    best = np.argsort(-single, kind="stable")[:_N_PAIRED].tolist()
    for i, j in combinations(sorted(best), 2):
        if candidates[i].provider != candidates[j].provider:
            both = float(prior[i] + prior[j]) + scene.together(i, j)
            sets.append(((i, j), both + _LOG_SECOND))
    ranked = _ranked(candidates, sets)
    return Explanation(
        causes=tuple(
            replace(cause, reasons=_why(candidates[i], graph, evidence)) for cause, i in ranked
        ),
        cleared=cleared,
        reached={
            cause.provider: frozenset(
                graph.services[row] for row in scene.reached(i, evidence.failing)
            )
            for cause, i in ranked
        },
    )


def _without(evidence: Evidence, graph: Graph, spilt: Sequence[Bystander]) -> Evidence:
    """Take as much of the evidence away as is probably another failure's."""
    if not spilt:
        return evidence
    abnormal, failing = evidence.abnormal.copy(), evidence.failing.copy()
    row = {graph.services[r]: r for r in np.flatnonzero(failing).tolist()}
    for one in spilt:
        at, share = row[one.service], min(max(one.probability, 1e-9), 1 - 1e-9)
        abnormal[at] = np.logaddexp(np.log1p(-share) + abnormal[at], np.log(share))
        failing[at] = share < CLEARED
    return replace(evidence, abnormal=abnormal, failing=failing)


def _cleared(one: Bystander, graph: Graph) -> Cleared:
    return Cleared(
        service=one.service,
        culprit=one.culprit,
        probability=round(one.probability, 4),
        reason=spilt_over(one.share, graph.names.get(one.culprit, one.culprit)),
    )


def _ranked(
    candidates: Sequence[Hypothesis], sets: Sequence[tuple[tuple[int, ...], float]]
) -> list[tuple[Cause, int]]:
    """
    Sum the posterior over all sets that a provider is in; its region is the likeliest of its own.

    Returns each cause with the index of the candidate that leads for it.
    """
    scores = np.array([score for _, score in sets])
    posterior = np.exp(scores - scores.max())
    posterior /= posterior.sum()
    share = [0.0] * len(candidates)
    for (members, _), probability in zip(sets, posterior, strict=True):
        for member in members:
            share[member] += float(probability)
    total: dict[str, float] = {}
    lead: dict[str, int] = {}
    for i, candidate in enumerate(candidates):
        total[candidate.provider] = total.get(candidate.provider, 0.0) + share[i]
        if share[i] > share[lead.setdefault(candidate.provider, i)]:
            lead[candidate.provider] = i
    return [
        (
            Cause(
                provider=provider,
                region=candidates[lead[provider]].region,
                probability=round(min(total[provider], 1.0), 4),
            ),
            lead[provider],
        )
        for provider in sorted(total, key=lambda p: (-round(total[p], 9), p))
        if total[provider] >= _MIN_PROBABILITY
    ]


def _plausible(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> bool:
    """
    Whether enough fails that it may explain: two dependents, or itself and two services more.
    """
    named = hypothesis.region is None or (
        evidence.regions.get((hypothesis.provider, hypothesis.region), 0.0) >= 0.5
    )
    if not named:
        return False
    if int(evidence.failing[hypothesis.rows].sum()) >= MIN_EXPLAINED:
        return True
    row = graph.row(hypothesis.provider)
    itself = row is not None and bool(evidence.failing[row])
    return itself and hypothesis.wide and int(evidence.failing.sum()) > MIN_EXPLAINED


def _leak(per_minute: Floats) -> Floats:
    """
    Probability to be failing alone: 0.2 % for the quiet, 1.5 % for one with ten reports a minute.
    """
    return np.asarray(np.minimum(0.002 * (1 + np.log1p(60 * per_minute)), 0.03))


def _priors(candidates: Sequence[Hypothesis], graph: Graph, evidence: Evidence) -> Floats:
    """Log of what speaks for each before it is asked what it explains: fame, blame, regions."""
    excess = np.maximum(evidence.excess, 0.0)
    crowd = float(excess.sum()), float(excess[evidence.failing].sum())
    beside: defaultdict[str, float] = defaultdict(float)
    for (_, other), n in evidence.beside.items():
        beside[other] += n
    return np.array(
        [
            _prior(h, graph, evidence)
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


def _why(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> tuple[str, ...]:
    if hypothesis.provider == networks.NETWORKS:
        return networks.reasons(hypothesis, graph, evidence.failing, evidence.places)
    return reasons(hypothesis, graph, evidence.failing, evidence.blamed)
