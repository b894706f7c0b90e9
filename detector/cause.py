"""
The shared cause: which provider's failure explains the services that fail now, and how surely.

A noisy-OR over the catalogue's edges with soft evidence. Given the set F of failed providers,
service i is abnormal with probability 1 - (1 - leak_i) * prod over p in F of (1 - w_pi), and its
evidence is the log-likelihood ratio of abnormal against normal (Pearl 1988, section 4.3).
Dependents that stay normal count against a provider; the leak, failing on one's own, grows with
popularity. Blame is Poisson, and part of it is cross-talk: people also name famous bystanders, in
proportion to all that they complain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from detector.baseline import Flags, Floats
from detector.dependencies import MIN_EXPLAINED, Graph, Hypothesis
from detector.incidents import Cause

PRIOR = 1e-3  # that a given provider is failing at a moment when somebody asks
_EVIDENCE = (-6.0, 12.0)  # nats: no single service decides
_BLAME = (-2.0, 8.0)
_BLAME_SHARE = np.array(
    (0.01, 0.03, 0.1, 0.3)
)  # of posts that name the provider, when it is at fault
_CROSS_TALK = 0.1  # of posts that name some provider that is not
_STRAY_BLAME = 0.05  # authors in the five minutes of memory, without any outage
_REGION_SHARE, _REGION_NOISE = (
    0.5,
    0.1,
)  # of a provider's posts that name the region, if it is at fault
_N_PAIRED = 5
_MIN_PROBABILITY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What the last minutes say, by row: see `explain`.

    *abnormal* are log-likelihood ratios, *per_minute* the normal rates, *excess* authors above
    normal and *blamed* authors naming the service as a cause, both of the last five minutes;
    *failing* are the services in an open incident. *regions* counts posts on a (provider, region).
    """

    abnormal: Floats
    per_minute: Floats
    excess: Floats
    blamed: Floats
    failing: Flags
    regions: Mapping[tuple[str, str], float]


def explain(graph: Graph, evidence: Evidence) -> tuple[Cause, ...]:
    """
    Rank the providers by the probability that they failed, the most probable first.

    Compares: nothing shared, each provider, each region of one where posts name it, and pairs of
    the best few. Only causes of two failing services or more are named; without one the result is
    empty.
    """
    candidates = [h for h in graph.hypotheses if _plausible(h, evidence)]
    if not candidates:
        return ()
    leak = _leak(evidence.per_minute)
    abnormal = np.clip(evidence.abnormal, *_EVIDENCE)
    single = [_score(h, leak, abnormal, evidence, graph) for h in candidates]
    sets: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    sets += [((i,), score) for i, score in enumerate(single)]
    best = sorted(range(len(single)), key=lambda i: (-single[i], i))[:_N_PAIRED]
    for i, j in combinations(sorted(best), 2):
        if candidates[i].provider != candidates[j].provider:
            sets.append(((i, j), _pair_score(i, j, candidates, single, leak, abnormal)))
    return _ranked(candidates, sets, graph, evidence)


def _ranked(
    candidates: Sequence[Hypothesis],
    sets: Sequence[tuple[tuple[int, ...], float]],
    graph: Graph,
    evidence: Evidence,
) -> tuple[Cause, ...]:
    """
    Sum the posterior over all sets that a provider is in; its region is the likeliest of its own.
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
    return tuple(
        Cause(
            provider=provider,
            region=candidates[lead[provider]].region,
            probability=round(min(total[provider], 1.0), 4),
            reasons=_reasons(candidates[lead[provider]], graph, evidence),
        )
        for provider in sorted(total, key=lambda p: (-round(total[p], 9), p))
        if total[provider] >= _MIN_PROBABILITY
    )


def _plausible(hypothesis: Hypothesis, evidence: Evidence) -> bool:
    named = hypothesis.region is None or (
        evidence.regions.get((hypothesis.provider, hypothesis.region), 0.0) >= 0.5
    )
    return named and int(evidence.failing[hypothesis.rows].sum()) >= MIN_EXPLAINED


def _leak(per_minute: Floats) -> Floats:
    """
    Probability to be failing alone: 0.2 % for the quiet, 1.5 % for one with ten reports a minute.
    """
    return np.asarray(np.minimum(0.002 * (1 + np.log1p(60 * per_minute)), 0.03))


def _gain(healthy: Floats, leak: Floats, abnormal: Floats) -> Floats:
    """
    Log of the evidence's probability, less that without any failed provider; *healthy* is prod (1 -
    w).
    """
    odds = np.expm1(abnormal)
    broken = np.log1p((1 - (1 - leak) * healthy) * odds)
    return np.asarray(broken - np.log1p(leak * odds))


def _score(
    hypothesis: Hypothesis, leak: Floats, abnormal: Floats, evidence: Evidence, graph: Graph
) -> float:
    rows = hypothesis.rows
    gain = _gain(1 - hypothesis.strength, leak[rows], abnormal[rows]).sum()
    prior = np.log(PRIOR) - (0.0 if hypothesis.region is None else np.log(2))
    blame = _blame_gain(hypothesis, evidence, graph)
    return float(prior + gain + blame + _region_gain(hypothesis, evidence))


def _blame_gain(hypothesis: Hypothesis, evidence: Evidence, graph: Graph) -> float:
    """
    Poisson likelihood of the blame with and without fault, halved since posts copy one another.
    """
    row = np.searchsorted(np.array(graph.services), hypothesis.provider)
    if row == len(graph.services) or graph.services[row] != hypothesis.provider:
        return 0.0
    blamed = evidence.blamed[row]
    excess = np.maximum(evidence.excess, 0.0)
    innocent = _STRAY_BLAME + _CROSS_TALK * graph.fame[hypothesis.provider] * excess.sum()
    guilty = innocent + _BLAME_SHARE * excess[hypothesis.rows].sum()
    ratios = blamed * np.log(guilty / innocent) - (guilty - innocent)
    mixed = np.logaddexp.reduce(ratios) - np.log(len(ratios))
    return float(np.clip(mixed / 2, *_BLAME))


def _region_gain(hypothesis: Hypothesis, evidence: Evidence) -> float:
    if hypothesis.region is None:
        return 0.0
    named = evidence.regions.get((hypothesis.provider, hypothesis.region), 0.0)
    return float(min(named * np.log(_REGION_SHARE / _REGION_NOISE), _BLAME[1]))


def _pair_score(
    i: int,
    j: int,
    candidates: Sequence[Hypothesis],
    single: Sequence[float],
    leak: Floats,
    abnormal: Floats,
) -> float:
    """Start from the sum of the two and put right the services that depend on both."""
    a, b = candidates[i], candidates[j]
    both, in_a, in_b = np.intersect1d(a.rows, b.rows, assume_unique=True, return_indices=True)
    healthy_a, healthy_b = 1 - a.strength[in_a], 1 - b.strength[in_b]
    twice = _gain(healthy_a, leak[both], abnormal[both]) + _gain(
        healthy_b, leak[both], abnormal[both]
    )
    once = _gain(healthy_a * healthy_b, leak[both], abnormal[both])
    return float(single[i] + single[j] + (once - twice).sum())


def _reasons(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> tuple[str, ...]:
    provider = hypothesis.provider
    name = graph.names.get(provider, provider)
    place = f"{name} {hypothesis.region}" if hypothesis.region else name
    services = [graph.services[row] for row in hypothesis.rows]
    dependents = [
        bool(failing)
        for service, failing in zip(services, evidence.failing[hypothesis.rows], strict=True)
        if service != provider
    ]
    reasons = [
        f"{sum(dependents)} of {len(dependents)} services that depend on {place} report failures"
    ]
    if provider in services:
        row = hypothesis.rows[services.index(provider)]
        if evidence.failing[row]:
            reasons.append(f"{name} itself is reported as failing")
        # A steady stream of one author a minute adds up to five in a memory of five minutes.
        if (per_minute := evidence.blamed[row] / 5) >= 0.1:
            times = f"{per_minute:.0f}" if per_minute >= 2 else f"{per_minute:.1f}"
            reasons.append(f"posts blame {name} {times} times a minute")
    if hypothesis.region:
        reasons.append(f"posts name {hypothesis.region}")
    return tuple(reasons)
