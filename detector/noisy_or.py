"""
How well a failed provider explains what every service does: a noisy-OR with soft evidence.

Given failed providers p, service i is abnormal with probability 1 - (1 - leak_i) * prod over p of
(1 - e_p * w_pi), and its evidence is the log-likelihood ratio of abnormal against normal (Pearl
1988, section 4.3). The extent e is unknown, as a failure may reach all dependents or one product's
few: dependents that stay normal speak against a provider, but do not acquit it. Edges that the
catalogue does not know are allowed for by a small w.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from detector.baseline import Flags, Floats
from detector.dependencies import Graph, Hypothesis, Rows

_EXTENTS = (0.06, 0.25, 1.0)  # share of its strength with which a failure reaches the dependents
_HIDDEN = (0.0, 0.01, 0.05)  # chance that it takes down one of which no edge is known
_VARIANTS = tuple((hidden, extent) for hidden in _HIDDEN for extent in _EXTENTS)
_ON_ONE_ANOTHER = 4.0  # times as probable is one from provider to provider
_ON_NOBODY = 0.25  # …and to one of those that the others stand on
_REACHED = 0.6  # probability from which a service without an edge is counted to the failure
_EVIDENCE = (-6.0, 12.0)  # nats: no single service decides
_NOTICED = 65.0  # nats a report of a normal minute weighs: five minutes at an effect of 14


@dataclass(frozen=True, kw_only=True)
class Fits:
    """
    Each of some hypotheses against no failure at all.

    *nats* are log-likelihood ratios, the mean over extents, with and without unknown edges; *best*
    is the likeliest of the variants; *unlisted* are the nats of a provider that has unknown edges
    only. *rows* are the services that can tell hypotheses apart: all others count only by their
    number.
    """

    nats: Floats
    best: Rows
    unlisted: float
    rows: Rows
    leak: Floats
    odds: Floats
    easy: Floats
    _reach: Sequence[tuple[Rows, Floats]]

    def healthy(self, i: int) -> Floats:
        """Probability of each of the *rows* not to be taken down by hypothesis *i* at its best."""
        hidden, extent = _VARIANTS[self.best[i]]
        places, strengths = self._reach[i]
        healthy = 1 - hidden * self.easy
        strength = strengths[_EXTENTS.index(extent)]
        healthy[places] = np.minimum(healthy[places], 1 - strength)
        return np.asarray(healthy)

    def together(self, i: int, j: int) -> float:
        """Log-likelihood ratio of both failures at once, each at its best, against none."""
        broken = _broken(self.healthy(i) * self.healthy(j), self.leak, self.odds)
        return float((broken - np.log1p(self.leak * self.odds)).sum())

    def reached(self, i: int, failing: Flags) -> Rows:
        """Rows of the *failing* services that hypothesis *i* rather than chance explains."""
        share = 1 - self.leak / (1 - (1 - self.leak) * self.healthy(i))
        return np.asarray(self.rows[(share >= _REACHED) & failing[self.rows]])


def fits(
    graph: Graph,
    hypotheses: Sequence[Hypothesis],
    abnormal: Floats,
    leak: Floats,
    failing: Flags,
    per_minute: Floats,
) -> Fits:
    """Weigh one or more *hypotheses*; all arrays are by row of the *graph*."""
    known = np.concatenate([h.rows for h in hypotheses])
    telling = failing | (abnormal != 0)
    telling[known] = True
    rows = np.flatnonzero(telling)
    odds = np.expm1(np.clip(abnormal[rows], *_EVIDENCE))
    alone = leak[rows]
    noticed = 1 - np.exp(-_NOTICED * per_minute)
    unseen = float(noticed.sum() - noticed[rows].sum())
    # What is said by one that stays normal is known of those that were asked about.
    calm = ~failing[rows] & (odds < 0)
    if calm.any():
        unseen *= min(float(-odds[calm].sum() / max(noticed[rows][calm].sum(), 1e-9)), 1.0)
    places = (np.cumsum(telling) - 1)[known]
    starts = np.cumsum([0, *(len(h.rows) for h in hypotheses)])
    strength = np.concatenate([h.strength for h in hypotheses])
    own = np.repeat([_own(h, graph) for h in hypotheses], np.diff(starts)) == known
    # However few it reaches: the provider itself has failed.
    reach = np.stack([np.where(own, 1.0, extent) * strength for extent in _EXTENTS])
    wide = np.array([h.wide for h in hypotheses])
    easy = _easy(graph, failing)[rows]
    null = np.log1p(alone * odds)
    unlisted = np.zeros(len(_HIDDEN))
    cube = np.full((len(_HIDDEN), len(_EXTENTS), len(hypotheses)), -np.inf)
    for i, hidden in enumerate(_HIDDEN):
        elsewhere = _broken(1 - hidden * easy, alone, odds)
        unlisted[i] = (elsewhere - null).sum() - hidden * unseen
        allowed = np.where(wide | (hidden == 0), 0.0, -np.inf)
        for j in range(len(_EXTENTS)):
            healthy = 1 - np.maximum(reach[j], hidden * easy[places])
            inside = _broken(healthy, alone[places], odds[places]) - elsewhere[places]
            cube[i, j] = np.add.reduceat(inside, starts[:-1]) + unlisted[i] + allowed
    nats = cube.reshape(len(_VARIANTS), -1)
    options = np.where(wide, len(_VARIANTS), len(_EXTENTS))
    return Fits(
        nats=np.asarray(np.logaddexp.reduce(nats, axis=0) - np.log(options)),
        best=np.asarray(nats.argmax(axis=0)),
        unlisted=float(np.logaddexp.reduce(unlisted) - np.log(len(_HIDDEN))),
        rows=rows,
        leak=alone,
        odds=odds,
        easy=easy,
        _reach=[(places[a:b], reach[:, a:b]) for a, b in pairwise(starts)],
    )


def _easy(graph: Graph, failing: Flags) -> Floats:
    """
    How much more probable an unknown edge is than to any service, by row.

    Providers stand on one another, and through a failing one its dependents are reached as well;
    those with regions of their own stand on nobody.
    """
    easy = np.ones(len(failing))
    for one in graph.hypotheses:
        row = graph.row(one.provider)
        if one.wide and one.region is None and row is not None and failing[row]:
            easy[one.rows] = np.maximum(easy[one.rows], _ON_ONE_ANOTHER * one.strength)
            easy[row] = _ON_NOBODY if one.provider in graph.grounds else _ON_ONE_ANOTHER
    return easy


def _own(hypothesis: Hypothesis, graph: Graph) -> int:
    row = graph.row(hypothesis.provider)
    return -1 if row is None else row


def _broken(healthy: Floats, leak: Floats, odds: Floats) -> Floats:
    """Log of the evidence's probability by service, over that of all services being normal."""
    return np.asarray(np.log1p((1 - (1 - leak) * healthy) * odds))
