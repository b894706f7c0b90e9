"""
Names outside the catalogue that surge beside words of outage: the test, pure.

The distinct authors of each name in the last ten minutes, and in the last hour, are compared with
what was before that hour. The past is a Gamma posterior of the rate, so that a name never seen is
judged by how long it was not seen; what it predicts is negative binomial, a Poisson number at a
rate that is not quite known.
"""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SPAN = 600  # seconds
FALSE_PER_WEEK = 1.0  # names that surge by chance, over all names
LEAST = 5  # authors in a window
_WINDOWS = (1, 6)  # spans
_TIMES = 3.0  # above the expected number: chatter varies more than Poisson has it
_SHAPE, _RATE = 0.5, 1.0  # prior of a rate in spans: Jeffreys' shape, worth one span
_HALF_LIFE = 3 * 24 * 3600 / SPAN  # spans
_KEPT_NAMES = 10_000
_FORGOTTEN = 0.1  # authors in the weighted past under which a name is forgotten
_HELD = 36  # spans of surging, after which the level becomes usual
SHOWN_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """
    A name that surged, from *since_at* to *last_at* (ends of spans).

    *authors* sums the spans' distinct authors, *expected* is what was usual in as many spans,
    *peak* the most authors in one span. *shown* is a stranger's spelling: untrusted text.
    """

    key: str
    shown: str
    since_at: datetime
    last_at: datetime
    authors: int
    expected: float
    peak: int
    spans: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    What was, but for the last hour: weighted sums, in which old spans fade by half in 3 days.

    *exposure* in spans, *authors* by name; *recent* has the spans of the last hour as they were.
    """

    exposure: float = 0.0
    authors: Mapping[str, float] = field(default_factory=dict)
    recent: tuple[Mapping[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What one span had of one name."""

    key: str
    shown: str
    authors: int


def judged(
    past: Past, surges: Sequence[Surge], start: int, span: Sequence[Named]
) -> tuple[Past, tuple[Surge, ...]]:
    """
    Compare the *span* that began at *start*, unix seconds, with the *past*.

    Returns the past with it, and all surges of the last day, the newest and largest first. What
    surges is not learnt from, for six hours.
    """
    end = datetime.fromtimestamp(start + SPAN, UTC)
    known = {one.key: one for one in surges if end - one.last_at <= SHOWN_FOR}
    recent = (*past.recent, {one.key: one.authors for one in span})
    n_names = max(len({key for spans in (past.authors, *recent) for key in spans}), 1)
    limit = FALSE_PER_WEEK * SPAN / (7 * 24 * 3600 * n_names * len(_WINDOWS))
    for one in span:
        if window := _surging(one.key, past, recent, limit):
            known[one.key] = _grown(known.get(one.key), one, past, recent[-window:], end)
    ordered = sorted(known.values(), key=lambda s: (-s.last_at.timestamp(), -s.authors, s.key))
    if len(recent) < max(_WINDOWS):
        return Past(exposure=past.exposure, authors=past.authors, recent=recent), tuple(ordered)
    oldest = end - timedelta(seconds=SPAN * (len(recent) - 1))
    held = {s.key for s in ordered if s.last_at >= oldest and s.spans < _HELD}
    return _learnt(past, recent, held), tuple(ordered)


def _surging(key: str, past: Past, recent: Sequence[Mapping[str, int]], limit: float) -> int:
    """Return the window in spans, the longest, whose number has a probability under *limit*."""
    shape, rate = past.authors.get(key, 0.0) + _SHAPE, past.exposure + _RATE
    for window in sorted(_WINDOWS, reverse=True):
        n = sum(span.get(key, 0) for span in recent[-window:])
        if n >= max(LEAST, _TIMES * window * shape / rate) and (
            tail(n, shape, rate / window) < limit
        ):
            return window
    return 0


def _learnt(past: Past, recent: tuple[Mapping[str, int], ...], held: Set[str]) -> Past:
    """Let the oldest of the *recent* spans become the past, but for the names that are *held*."""
    learnt = {key: n * _FADE for key, n in past.authors.items()}
    for key, n in recent[0].items():
        if key not in held:
            learnt[key] = learnt.get(key, 0.0) + n
    return Past(exposure=past.exposure * _FADE + 1, authors=_kept(learnt), recent=recent[1:])


def tail(n: int, shape: float, rate: float) -> float:
    """Return P(N >= *n*), N Poisson at a rate that is Gamma(*shape*, *rate*): negative binomial."""
    log_term = (
        math.lgamma(n + shape)
        - math.lgamma(n + 1)
        - math.lgamma(shape)
        + shape * math.log(rate / (rate + 1))
        - n * math.log(rate + 1)
    )
    term, total, k = math.exp(log_term), 0.0, n
    while term > 1e-18 * (total + 1e-300) and k < n + 10_000:
        total += term
        term *= (k + shape) / ((k + 1) * (rate + 1))
        k += 1
    return min(total, 1.0)


_FADE = 0.5 ** (1 / _HALF_LIFE)


def _grown(
    before: Surge | None, one: Named, past: Past, window: Sequence[Mapping[str, int]], end: datetime
) -> Surge:
    """Return the surge with its last span, or a new one with all of the *window* that showed it."""
    usual = (past.authors.get(one.key, 0.0) + _SHAPE) / (past.exposure + _RATE)
    authors = [one.authors] if before else [span.get(one.key, 0) for span in window]
    return Surge(
        key=one.key,
        shown=before.shown if before else one.shown,
        since_at=before.since_at if before else end - timedelta(seconds=SPAN * len(authors)),
        last_at=end,
        authors=sum(authors) + (before.authors if before else 0),
        expected=round(usual * len(authors) + (before.expected if before else 0.0), 2),
        peak=max(*authors, before.peak if before else 0),
        spans=len(authors) + (before.spans if before else 0),
    )


def _kept(authors: Mapping[str, float]) -> dict[str, float]:
    """The most frequent names, so that the past has a bounded size; the others count as new."""
    rows = sorted(authors.items(), key=lambda row: (-row[1], row[0]))[:_KEPT_NAMES]
    return {key: round(n, 4) for key, n in rows if n >= _FORGOTTEN}
