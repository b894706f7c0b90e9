"""
The course of a service that fails: has it been confirmed, does it ease, is it over, does it come
back?

Tests on the way down, not silence alone. `ease` weighs "below a third of the worst" against "two
thirds of it"; `calm` weighs "at most 1.3 x normal" against a level that is still abnormal; both are
CUSUMs of negative-binomial log-likelihood ratios, helped by the posts that say that it works again.
On the way down a third CUSUM looks for three times the trough: a second wave. One row a service;
only open rows move.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detector.baseline import UNKNOWN, Baseline, Flags, Floats
from detector.bucket import WIDTH
from detector.likelihood import log_ratio
from detector.surge import MIN_AUTHORS, Surge, best_climb

Times = NDArray[np.int64]
Rows = NDArray[np.intp]

NORMAL, FAILING, EASING = 0, 1, 2
CONFIRMED_AFTER = 300  # seconds above the threshold…
CONFIRMED_AT = 7.0  # …or nats above it, a thousand times the evidence
MAX_FREEZE = (
    86_400  # seconds in which an incident teaches the baseline nothing; then it is the new normal
)
MAX_FREEZE_UNKNOWN = 21_600  # the same for a service whose normal rate was never learnt
_EASED = float(np.log(100))
_CALM = float(np.log(1000))
_BACK = 10.0  # nats for a second wave
_HEALTHY = 1.3  # x normal
_LEVELS = np.array((3.0, 4.0, 6.0, 10.0, 15.0, 30.0, 60.0, 120.0))  # x normal: "still abnormal"
_WORKS_AGAIN = float(np.log(3))  # nats of each post that says so, at most…
_MAX_WORKS_AGAIN = 2.0  # …this in a bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """
    *phase* is NORMAL, FAILING or EASING; *opened* and *onset* are unix seconds; *worst* the highest
    recent rate and *trough* the lowest since, both x normal; *calm_since* when `calm` last left
    zero; *evidence* the highest log-likelihood ratio of the episode; *observed*, *expected* and
    *peak* (in a minute) count since the onset.
    """

    phase: NDArray[np.int8]
    confirmed: Flags
    opened: Times
    onset: Times
    above: Times
    worst: Floats
    trough: Floats
    ease: Floats
    calm: Floats
    calm_since: Times
    back: Floats
    evidence: Floats
    observed: Floats
    expected: Floats
    peak: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Rows that changed phase in a bucket: eased, came back, or are over."""

    eased: Rows
    returned: Rows
    ended: Rows


def cold(n_services: int) -> Course:
    """Nothing fails."""

    def column() -> Floats:
        return np.zeros(n_services)

    def times() -> Times:
        return np.zeros(n_services, np.int64)

    return Course(
        phase=np.zeros(n_services, np.int8),
        confirmed=np.zeros(n_services, np.bool_),
        opened=times(),
        onset=times(),
        above=times(),
        worst=column(),
        trough=column(),
        ease=column(),
        calm=column(),
        calm_since=times(),
        back=column(),
        evidence=column(),
        observed=column(),
        expected=column(),
        peak=column(),
    )


def frozen(course: Course, start: int, uncertainty: Floats) -> Flags:
    """
    Services whose counts must not teach what is normal: those that fail, until it has become
    normal.
    """
    patience = np.where(uncertainty > UNKNOWN, MAX_FREEZE_UNKNOWN, MAX_FREEZE)
    return np.asarray((course.phase != NORMAL) & (start - course.opened < patience))


def raised(course: Course, surge: Surge, limit: float) -> Flags:
    """Services without an episode whose statistic has reached *limit* by enough people."""
    enough = spoken(surge) >= MIN_AUTHORS
    return np.asarray((course.phase == NORMAL) & (surge.statistic >= limit) & enough)


def spoken(surge: Surge) -> Floats:
    """Distinct authors since the present climb began."""
    best = best_climb(surge)[:, None]
    return np.asarray(np.take_along_axis(surge.climb_observed, best, axis=1)[:, 0])


def opened(course: Course, surge: Surge, rows: Rows, start: int) -> Course:
    """Begin the episode of *rows*: onset and counts are those of the best climb."""
    if not len(rows):
        return course
    new = copied(course)
    best = np.argmax(surge.climb[rows], axis=1)
    new.phase[rows], new.confirmed[rows] = FAILING, False
    new.opened[rows], new.onset[rows] = start + WIDTH, surge.since[rows, best]
    new.observed[rows] = surge.climb_observed[rows, best]
    new.expected[rows] = surge.climb_expected[rows, best]
    for column in (new.above, new.worst, new.peak, new.evidence, new.back, new.ease, new.calm):
        column[rows] = 0
    minutes = np.maximum(start + WIDTH - new.onset[rows], 60) / 60
    new.peak[rows] = np.maximum(surge.last_minute[rows].sum(axis=1), new.observed[rows] / minutes)
    return new


def moved(
    course: Course,
    surge: Surge,
    start: int,
    affected: Floats,
    recovered: Floats,
    expected: Floats,
    baseline: Baseline,
    limit: float,
    quiet_seconds: int,
) -> tuple[Course, Moves]:
    """Move every open service on by one bucket; *limit* is the threshold of the statistic."""
    rows = np.flatnonzero(course.phase != NORMAL)
    nothing = np.zeros(0, np.intp)
    if not len(rows):
        return course, Moves(eased=nothing, returned=nothing, ended=nothing)
    new = copied(course)
    dispersion = baseline.dispersion[rows]
    count = np.maximum(affected[rows] - recovered[rows], 0.0)
    mean = np.maximum(expected[rows], 1e-6)
    now = surge.recent_observed[rows] / np.maximum(surge.recent_expected[rows], 1e-6)
    new.observed[rows] += affected[rows]
    new.expected[rows] += mean
    new.peak[rows] = np.maximum(new.peak[rows], surge.last_minute[rows].sum(axis=1))
    _confirm(new, surge, rows, limit)
    again = np.minimum(recovered[rows] * _WORKS_AGAIN, _MAX_WORKS_AGAIN)
    _weigh_down(new, rows, start, count, mean, now, dispersion, again)
    easing = new.phase[rows] == EASING
    new.trough[rows] = np.where(easing, np.minimum(new.trough[rows], np.maximum(now, 1.0)), now)
    wave = log_ratio(count, mean * new.trough[rows], np.full(len(rows), 3.0), dispersion)
    new.back[rows] = np.where(easing, np.maximum(new.back[rows] + wave, 0.0), 0.0)
    return new, _switched(new, rows, start, now, quiet_seconds)


def copied(course: Course) -> Course:
    """Copy every array, so that the old value stays as it was."""
    return replace(course, **{name: getattr(course, name).copy() for name in Course.__slots__})


def _confirm(new: Course, surge: Surge, rows: Rows, limit: float) -> None:
    statistic = surge.statistic[rows]
    new.above[rows] = np.where(statistic >= limit, new.above[rows] + WIDTH, 0)
    sure = (new.above[rows] >= CONFIRMED_AFTER) | (statistic >= limit + CONFIRMED_AT)
    new.confirmed[rows] |= sure & (new.phase[rows] == FAILING)


def _weigh_down(
    new: Course,
    rows: Rows,
    start: int,
    count: Floats,
    mean: Floats,
    now: Floats,
    dispersion: Floats,
    again: Floats,
) -> None:
    """Move the two tests on the way down by one bucket, in place."""
    new.worst[rows] = np.maximum(new.worst[rows], now)
    high = np.maximum(new.worst[rows] * 2 / 3, 2.0)
    eases = log_ratio(count, mean * high, np.full(len(rows), 0.5), dispersion)
    new.ease[rows] = np.clip(new.ease[rows] + eases + again, 0.0, 2 * _EASED)
    level = _still_abnormal(mean, new.worst[rows])
    calms = log_ratio(count, mean * level, _HEALTHY / level, dispersion)
    calm = np.clip(new.calm[rows] + calms + again, 0.0, 2 * _CALM)
    rises = (new.calm[rows] == 0) & (calm > 0)
    new.calm_since[rows] = np.where(rises, start, new.calm_since[rows])
    new.calm[rows] = calm


def _still_abnormal(mean: Floats, worst: Floats) -> Floats:
    """
    Choose the level that `calm` tests against, x normal: the least that 15 minutes can tell from
    healthy.

    A busy service is held to 3 x; a quiet one, where 15 minutes say little, to no more than 40 % of
    its worst.
    """
    nats = (_LEVELS - _HEALTHY) - _HEALTHY * np.log(_LEVELS / _HEALTHY)
    need = np.searchsorted(nats, _CALM / np.maximum(mean * 900 / WIDTH, 1e-6))
    wanted = _LEVELS[np.minimum(need, len(_LEVELS) - 1)]
    return np.asarray(np.maximum(np.minimum(wanted, 0.4 * worst), _LEVELS[0]))


def _switched(new: Course, rows: Rows, start: int, now: Floats, quiet_seconds: int) -> Moves:
    """Decide the phases, in place, and say which rows changed."""
    easing = new.phase[rows] == EASING
    worse = (now > new.worst[rows]) & (new.back[rows] >= _BACK / 2)
    back = easing & ((new.back[rows] >= _BACK) | worse)
    quiet = start + WIDTH - new.calm_since[rows] >= quiet_seconds
    over = easing & ~back & (new.calm[rows] >= _CALM) & quiet
    eases = ~easing & ((new.ease[rows] >= _EASED) | (new.calm[rows] >= _EASED))
    returned, ended, eased = rows[back], rows[over], rows[eases]
    new.phase[returned], new.phase[eased], new.phase[ended] = FAILING, EASING, NORMAL
    new.worst[returned] = now[back]
    new.trough[eased] = np.maximum(now[eases], 1.0)
    for column in (new.ease, new.calm, new.back):
        column[returned] = 0.0
    new.back[eased] = 0.0
    return Moves(eased=eased, returned=returned, ended=ended)
