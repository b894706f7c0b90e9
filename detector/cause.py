"""
The shared cause: which provider's failure explains the services that fail now, and how surely.

A noisy-OR over the catalogue's edges with soft evidence. Given the set F of failed providers,
service i is abnormal with probability 1 - (1 - leak_i) * prod over p in F of (1 - e_p * w_pi), its
evidence is the log-likelihood ratio of abnormal against normal (Pearl 1988, section 4.3). The
extent e is unknown, as a failure may reach all dependents or one product's few: dependents that
stay normal speak against a provider, but do not acquit it. Edges that the catalogue does not know
are allowed for by a small w. The leak, failing on one's own, grows with popularity. Blame is
Poisson, and part of it is cross-talk: people also name famous bystanders, in proportion to all that
they complain; what is probably spilt over from another failure (`bystanders`) is no evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from detector.baseline import Flags, Floats
from detector.bystanders import CLEARED, Bystander, bystanders
from detector.dependencies import MIN_EXPLAINED, Graph, Hypothesis, Rows
from detector.incidents import Cause, Cleared

PRIOR = 4e-3  # that a given provider is failing when two services fail at once
_EXTENTS = (0.06, 0.25, 1.0)  # share of its strength with which a failure reaches the dependents
_HIDDEN = (0.0, 0.01, 0.05)  # chance that it takes down one of which no edge is known
_UNNAMED = 0.2  # how much less often a provider fails while nobody reports it than when people do
_REACHED = 0.6  # probability from which a service without an edge is counted to the failure
_EVIDENCE = (-6.0, 12.0)  # nats: no single service decides
_BLAME = (-2.0, 8.0)
# Of posts that name the provider, when it is at fault…
_BLAME_SHARE = np.array((0.01, 0.03, 0.1, 0.3))
_CROSS_TALK = 0.1  # …and of posts that name some provider that is not
_STRAY_BLAME = 0.05  # authors in the five minutes of memory, without any outage
# Of a provider's posts that name the region, if it is at fault and if it is not.
_REGION_SHARE, _REGION_NOISE = 0.5, 0.1
_NOTICED = 65.0  # nats a report of a normal minute weighs: five minutes at an effect of 14
_N_PAIRED = 5
_MIN_PROBABILITY = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What the last minutes say, by row: see `explain`.

    *abnormal* are log-likelihood ratios, *per_minute* the normal rates, *excess* authors above
    normal and *blamed* authors naming the service as a cause, both of the last five minutes;
    *failing* are the services in an open incident, those that have recovered in it included.
    *regions* counts posts on a (provider, region), *beside* those on a service that name another.
    """

    abnormal: Floats
    per_minute: Floats
    excess: Floats
    blamed: Floats
    failing: Flags
    regions: Mapping[tuple[str, str], float]
    beside: Mapping[tuple[str, str], float]


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

    Compares: nothing shared, each provider, each region of one where posts name it, and pairs of
    the best few. Only causes of two failing services or more are named; without one there are none.
    """
    leak = _leak(evidence.per_minute)
    spilt = bystanders(graph, evidence.excess, evidence.failing, leak, evidence.beside)
    cleared = tuple(_cleared(one, graph) for one in spilt)
    evidence = _without(evidence, graph, spilt)
    candidates = [h for h in graph.hypotheses if _plausible(h, graph, evidence)]
    if not candidates:
        return Explanation(cleared=cleared)
    scene = _Field.of(graph, candidates, leak, evidence)
    extra = [
        _prior(h, graph, evidence) + _blame_gain(h, evidence, graph) + _region_gain(h, evidence)
        for h in candidates
    ]
    fits = [scene.fit(h, graph) for h in candidates]
    single = [more + fit for more, (fit, _) in zip(extra, fits, strict=True)]
    sets: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    sets += [((i,), score) for i, score in enumerate(single)]
    best = sorted(range(len(single)), key=lambda i: (-single[i], i))[:_N_PAIRED]
    for i, j in combinations(sorted(best), 2):
        if candidates[i].provider != candidates[j].provider:
            both = scene.gain(fits[i][1] * fits[j][1])
            sets.append(((i, j), extra[i] + extra[j] + both))
    reached: dict[str, frozenset[str]] = {}
    for i in sorted(range(len(single)), key=lambda i: (single[i], i)):
        rows = scene.reached(fits[i][1], evidence.failing)
        reached[candidates[i].provider] = frozenset(graph.services[row] for row in rows)
    causes = _ranked(candidates, sets, graph, evidence)
    return Explanation(causes=causes, cleared=cleared, reached=reached)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """The services that can tell hypotheses apart; all others only by their number."""

    rows: Rows
    leak: Floats
    odds: Floats
    unseen: float  # normal services elsewhere that would have been noticed failing

    @classmethod
    def of(
        cls, graph: Graph, candidates: Sequence[Hypothesis], leak: Floats, evidence: Evidence
    ) -> "_Field":
        known = [h.rows for h in candidates]
        rows = np.unique(np.concatenate([np.flatnonzero(evidence.failing), *known]))
        noticed = 1 - np.exp(-_NOTICED * evidence.per_minute)
        abnormal = np.clip(evidence.abnormal[rows], *_EVIDENCE)
        return cls(
            rows=rows,
            leak=leak[rows],
            odds=np.expm1(abnormal),
            unseen=float(noticed.sum() - noticed[rows].sum()),
        )

    def fit(self, hypothesis: Hypothesis, graph: Graph) -> tuple[float, Floats]:
        """
        Give the log-likelihood against no failure, and what the likeliest variant leaves healthy.

        The mean over extents, with and without edges that the catalogue does not know.
        """
        best = np.ones(len(self.rows))
        options: list[float] = []
        own = np.searchsorted(self.rows, hypothesis.rows)
        itself = hypothesis.rows == graph.row(hypothesis.provider)
        for hidden in _HIDDEN if hypothesis.wide else _HIDDEN[:1]:
            for extent in _EXTENTS:
                healthy = np.full(len(self.rows), 1 - hidden)
                # However few it reaches: the provider itself has failed.
                reach = np.where(itself, 1.0, extent) * hypothesis.strength
                healthy[own] = 1 - np.maximum(reach, hidden)
                nats = self.gain(healthy) - hidden * self.unseen
                best = healthy if nats >= max(options, default=nats) else best
                options.append(nats)
        return float(np.logaddexp.reduce(options) - np.log(len(options))), best

    def reached(self, healthy: Floats, failing: Flags) -> Rows:
        """Rows of failing services that this failure rather than chance explains."""
        share = 1 - self.leak / (1 - (1 - self.leak) * healthy)
        return self.rows[(share >= _REACHED) & failing[self.rows]]

    def gain(self, healthy: Floats) -> float:
        """Log of the evidence's probability, less that without a failed provider."""
        broken = np.log1p((1 - (1 - self.leak) * healthy) * self.odds)
        return float((broken - np.log1p(self.leak * self.odds)).sum())


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
    name = graph.names.get(one.culprit, one.culprit)
    if one.share >= 0.05:
        why = f"{_percent(one.share)} of its reports name {name}"
    else:
        why = f"its reports rose with those of {name}, at a small share of their number"
    return Cleared(
        service=one.service, culprit=one.culprit, probability=round(one.probability, 4), reason=why
    )


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


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
    return itself and int(evidence.failing.sum()) > MIN_EXPLAINED


def _leak(per_minute: Floats) -> Floats:
    """
    Probability to be failing alone: 0.2 % for the quiet, 1.5 % for one with ten reports a minute.
    """
    return np.asarray(np.minimum(0.002 * (1 + np.log1p(60 * per_minute)), 0.03))


def _prior(hypothesis: Hypothesis, graph: Graph, evidence: Evidence) -> float:
    row = graph.row(hypothesis.provider)
    # Of one that is no infrastructure people know the products, not the owner's name.
    named = not hypothesis.wide or row is None or bool(evidence.failing[row])
    prior = PRIOR * (1.0 if named else _UNNAMED) * (1.0 if hypothesis.region is None else 0.5)
    return float(np.log(prior))


def _blame_gain(hypothesis: Hypothesis, evidence: Evidence, graph: Graph) -> float:
    """
    Poisson likelihood of the blame with and without fault, halved since posts copy one another.
    """
    row = graph.row(hypothesis.provider)
    if row is None:
        return 0.0
    blamed = evidence.blamed[row]
    excess = np.maximum(evidence.excess, 0.0)
    innocent = _STRAY_BLAME + _CROSS_TALK * graph.fame[hypothesis.provider] * excess.sum()
    guilty = innocent + _BLAME_SHARE * excess[evidence.failing].sum()
    ratios = blamed * np.log(guilty / innocent) - (guilty - innocent)
    mixed = np.logaddexp.reduce(ratios) - np.log(len(ratios))
    return float(np.clip(mixed / 2, *_BLAME))


def _region_gain(hypothesis: Hypothesis, evidence: Evidence) -> float:
    if hypothesis.region is None:
        return 0.0
    named = evidence.regions.get((hypothesis.provider, hypothesis.region), 0.0)
    return float(min(named * np.log(_REGION_SHARE / _REGION_NOISE), _BLAME[1]))


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
    depend = f"{sum(dependents)} of {len(dependents)} services that depend on {place}"
    reasons = [f"{depend} report failures"] if any(dependents) else []
    beyond = int(evidence.failing.sum()) - int(evidence.failing[hypothesis.rows].sum())
    if hypothesis.wide and beyond:
        reasons.append(f"{beyond} other services fail at the same time")
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
