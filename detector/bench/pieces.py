"""The pieces of the measurement, each on a world of its own: a process takes one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector import surge
from detector.baseline import Floats
from detector.bench import alarms, delays, oracle
from detector.bench.ages import WARM_UP, Peaks, Report
from detector.bench.delays import CELLS, HORIZON, Trials
from detector.bench.life import aged, deaf, newborn
from detector.bench.rivals import RIVALS
from detector.bench.world import PER_MINUTE, World

LEARNT, LEARNT_MENTIONS = "learnt", "learnt, with mentions"
_HISTORY = 9 * 24  # hours of counts that the rivals see before
_RIVAL_SERVICES = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """
    How much is simulated: *services* of each base rate, *days* of quiet, *rounds* of outages;
    *young* services that nobody has ever seen, and days of their first week and month.
    """

    services: int = 120
    days: int = 2
    rounds: int = 2
    young: int = 1_000
    young_days: int = 1


QUICK = Size(services=24, days=1, rounds=1, young=60, young_days=1)
FULL = Size(services=600, days=8, rounds=4, young=3_000, young_days=6)


def at_rate(rate: float, size: Size, seed: int) -> tuple[Peaks, list[Report]]:
    """Peaks of learnt services of *rate* reports a minute, and a row for each kind of outage."""
    world = World(np.full(size.services, rate), seed, bumps=False)
    life = aged(newborn(world), world, WARM_UP, mentions=True)
    quiet = alarms.lived(deaf(life), world, size.days * 24)
    named = alarms.lived(life, world, size.days * 24, mentions=True)
    peaks = {LEARNT: quiet.peaks[1:], LEARNT_MENTIONS: named.peaks[1:]}
    life, trials = named.life, []
    for turn in range(size.rounds):
        life = aged(life, world, 72, mentions=True)
        trials.append(delays.trial(life, world, turn))
        life = aged(life, world, 8, mentions=True)
    limits = _rival_limits(rate, seed + 5)
    past = _past(world, seed + 6, life.hour)
    return peaks, [_row(rate, i, trials, peaks, limits, past) for i in range(len(CELLS))]


def _row(
    rate: float,
    cell: int,
    trials: Sequence[Trials],
    peaks: Peaks,
    limits: dict[str, float],
    past: NDArray[np.float32],
) -> Report:
    """Delays of one kind of outage, each detector at one false alarm a service-year."""
    size, ramp = CELLS[cell]
    computed = surge.threshold(1.0)
    bound, missed = delays.delay(
        _picked(trials, "bound", cell), oracle.threshold(rate, size, ramp, 1.0), PER_MINUTE
    )
    row: Report = {
        "rate": rate,
        "size": size,
        "ramp": ramp,
        "n": len(_picked(trials, "own", cell)),
        "oracle": round(bound, 2),
        "oracle_missed": round(missed, 3),
    }
    thresholds = {
        "ours": ("own", alarms.threshold(peaks[LEARNT], 1.0)),
        "ours, with mentions": ("shared", alarms.threshold(peaks[LEARNT_MENTIONS], 1.0)),
        "ours, computed threshold": ("own", computed),
        "ours, told the steady rate": ("steady", computed),
        "size unknown": ("known", computed),
    }
    for name, (column, limit) in thresholds.items():
        row[name], gone = (
            round(x, 3) for x in delays.delay(_picked(trials, column, cell), limit, PER_MINUTE)
        )
        if name == "ours":
            row["ours_missed"] = gone
    return row | _rivals(trials, cell, limits, past)


def _rivals(
    trials: Sequence[Trials], cell: int, limits: dict[str, float], past: NDArray[np.float32]
) -> Report:
    during = np.concatenate([t.during[t.cell == cell] for t in trials])
    before = np.concatenate([past[t.cell == cell] for t in trials])
    counts = np.concatenate([before, during], axis=1)[:_RIVAL_SERVICES].astype(np.float64)
    row = {}
    for name, rival in RIVALS.items():
        seen = np.maximum.accumulate(rival.statistic(counts)[:, -HORIZON:], axis=1)
        row[name] = round(delays.delay(seen, limits[name], 1)[0], 2)
    return row


def _past(world: World, seed: int, hour: int) -> NDArray[np.float32]:
    """Counts a minute of *world*'s services before the *hour*, by another chance."""
    past = World(world.rates, seed, bumps=False)
    past.adopt(world)
    hours = range(hour - _HISTORY, hour)
    return np.concatenate([past.counts(past.hour(h).rate, 1) for h in hours], axis=1)


def _rival_limits(rate: float, seed: int) -> dict[str, float]:
    """Each rival's threshold of one false alarm a service-year."""
    world = World(np.full(_RIVAL_SERVICES, rate), seed, bumps=False)
    hours = range(_HISTORY + 5 * 24)
    counts = np.concatenate([world.counts(world.hour(h).rate, 1) for h in hours], axis=1)
    limits = {}
    for name, rival in RIVALS.items():
        seen = rival.statistic(counts.astype(np.float64))[:, -5 * 1_440 :]
        blocks = seen.reshape(len(seen), -1, alarms.BLOCK_HOURS * 60)
        limits[name] = alarms.threshold(blocks.max(axis=2).T, 1.0)
    return limits


def _picked(trials: Sequence[Trials], column: str, cell: int) -> Floats:
    return np.concatenate([getattr(t, column)[t.cell == cell] for t in trials])
