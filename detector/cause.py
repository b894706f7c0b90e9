"""
The shared cause: which provider's failure explains the services that fail now, and how surely.

How well a failure explains them is a noisy-OR over the catalogue's edges (`noisy_or`). The leak,
failing on one's own, grows with popularity. What people say of a provider comes on top (`clues`);
what is probably spilt over from another failure (`bystanders`) is no evidence. Where all who
complain are in one country, its networks may be the cause (`networks`), and no company. And it may
be something that the catalogue does not have: then nobody is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from detector import networks
from detector.baseline import Floats
from detector.bystanders import CLEARED, Bystander, bystanders
from detector.clues import Evidence, priors
from detector.dependencies import MIN_EXPLAINED, Graph, Hypothesis
from detector.incidents import Cause, Cleared
from detector.noisy_or import fits
from detector.reasons import reasons, spilt_over

_LOG_UNLISTED = float(np.log(0.002))  # that something fails of which no edge is known
_LOG_SECOND = float(
    np.log(0.1)
)  # how much less probable a second failure is at the same time, than a first one
_N_PAIRED = 5
_MIN_PROBABILITY = 0.01


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
    prior = priors(candidates, graph, evidence)
    if local:
        candidates.append(local.hypothesis)
        prior = np.append(prior, local.nats)
    if not candidates:
        return Explanation(cleared=cleared)
    # Who is never named on this feed would not be missed.
    named = np.where(evidence.learnt, evidence.per_minute, 0.0)
    scene = fits(graph, candidates, evidence.abnormal, leak, evidence.failing, named)
    single = prior + scene.nats
    # Nothing is shared; or something that the catalogue does not have.
    sets: list[tuple[tuple[int, ...], float]] = [((), 0.0), ((), _LOG_UNLISTED + scene.unlisted)]
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


def _why(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> tuple[str, ...]:
    if hypothesis.provider == networks.NETWORKS:
        return networks.reasons(hypothesis, graph, evidence.failing, evidence.places)
    return reasons(hypothesis, graph, evidence.failing, evidence.blamed)
