"""All measurements of the detector as one object, and as a table for people."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from detector import surge
from detector.baseline import Floats
from detector.bench import alarms, causes, cost, delays, oracle
from detector.bench.delays import CELLS, RATES, Trials
from detector.bench.life import aged, newborn
from detector.bench.rivals import RIVALS
from detector.bench.world import PER_MINUTE, World

BUDGETS = (0.25, 1.0, 12.0)
_WARM_UP = 6 * 168  # hours
_HISTORY = 9 * 24  # hours of counts that the rivals see before
JUDGING_SEED = 2_026  # tuning used seeds below 1,000

Report = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is simulated: services a base rate, days of quiet, rounds of outages."""

    services: int = 96
    days: int = 4
    rounds: int = 4
    young: int = 240
    young_days: int = 7


QUICK = Size(services=24, days=1, rounds=1, young=40, young_days=2)


def measured(size: Size, seed: int = JUDGING_SEED, nab: Path | None = None) -> Report:
    """Run everything: minutes (`QUICK`) to most of an hour on one core."""
    rates = np.repeat(RATES, size.services)
    known = World(rates, seed, bumps=False)
    quiet = alarms.lived(aged(newborn(known), known, _WARM_UP), known, size.days * 24)
    cells = _cells(rates, quiet.peaks, seed + 1, size.rounds)
    spent = cost.measured()
    result: Report = {
        "delay_ratio_median": _ratio(cells, "ours", np.median),
        "delay_ratio_geometric_mean": {
            name: _ratio(cells, name, np.mean) for name in ("ours", *RIVALS)
        },
        "delay_ratio_by_rate": {
            str(rate): {
                name: _ratio([c for c in cells if c["rate"] == rate], name, np.mean)
                for name in ("ours", *RIVALS)
            }
            for rate in RATES
        },
        "cells": cells,
        "false_incidents_per_service_year": [
            *(_budget("learnt, six weeks on", quiet.peaks, budget) for budget in BUDGETS),
            *_young(size, seed + 2),
        ],
        "tick_ms_10000": {
            "quiet": spent.quiet_ms,
            "outage": spent.outage_ms,
            "2000_failing": spent.failing_ms,
        },
        "explain_ms_10000_by_100_by_failing": causes.measured(),
        "cost": asdict(spent),
        "state_bytes_per_service": spent.state_bytes_per_service,
    }
    if nab:
        from detector.bench.nab import scores

        result["nab"] = scores(nab)
    return result


def _young(size: Size, seed: int) -> list[Report]:
    """False incidents of services of all rates that nobody has ever seen, from the first minute."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.uniform(np.log(RATES[0]), np.log(RATES[-1]), size.young))
    world = World(rates, seed, bumps=False)
    day = alarms.lived(newborn(world), world, 24)
    week = alarms.lived(day.life, world, (size.young_days - 1) * 24)
    month = alarms.lived(aged(week.life, world, 14 * 24), world, size.young_days * 12 // 24 * 24)
    stages = {
        "day 1": day.peaks,
        "week 1": week.peaks,
        "month 1": month.peaks[1:],  # the first block after a jump only warms the filter
    }
    return [_budget(name, peaks, budget) for name, peaks in stages.items() for budget in BUDGETS]


def _budget(stage: str, peaks: Floats, budget: float) -> Report:
    measured, interval = alarms.rate(peaks, surge.threshold(budget))
    return {
        "stage": stage,
        "budget": budget,
        "measured": round(measured, 3),
        "ci95": [round(end, 3) for end in interval],
        "service_years": round(alarms.years(peaks), 2),
    }


def _cells(rates: Floats, quiet: Floats, seed: int, rounds: int) -> list[Report]:
    """Delays by base rate, size and ramp, each detector at one false alarm a service-year."""
    world = World(rates, seed, bumps=False)
    life = aged(newborn(world), world, _WARM_UP - _HISTORY)
    rounds_of = []
    for turn in range(rounds):
        past = World(rates, seed + 10 + turn, bumps=False)
        past.adopt(world)
        before = [past.counts(past.hour(life.hour + i).rate, 1) for i in range(_HISTORY)]
        life = delays.warmed(aged(life, world, _HISTORY), world)
        rounds_of.append(delays.trial(life, world, np.concatenate(before, axis=1), turn))
        life = aged(life, world, 5)
    limits = _rival_limits(rates, seed + 5)
    found = []
    for rate in RATES:
        own = alarms.threshold(quiet[:, rates == rate], 1.0)
        for cell, (size, ramp) in enumerate(CELLS):
            picked = [_picked(t, rate, cell) for t in rounds_of]
            found.append(_cell(rate, size, ramp, picked, own, limits[rate]))
    return found


def _picked(trials: Trials, rate: float, cell: int) -> Trials:
    rows = (trials.rate == rate) & (trials.cell == cell)
    return Trials(**{name: getattr(trials, name)[rows] for name in Trials.__slots__})


def _cell(
    rate: float,
    size: float,
    ramp: int,
    trials: Sequence[Trials],
    own: float,
    limits: Mapping[str, float],
) -> Report:
    limit = oracle.threshold(rate, size, ramp, 1.0)
    bound, missed = delays.delay(np.concatenate([t.bound for t in trials]), limit, PER_MINUTE)
    ours, ours_missed = delays.delay(np.concatenate([t.own for t in trials]), own, PER_MINUTE)
    row: Report = {
        "rate": rate,
        "size": size,
        "ramp": ramp,
        "oracle": round(bound, 2),
        "oracle_missed": round(missed, 3),
        "ours": round(ours, 2),
        "ours_missed": round(ours_missed, 3),
    }
    before = np.concatenate([t.before for t in trials])
    during = np.concatenate([t.during for t in trials])
    counts = np.concatenate([before, during], axis=1).astype(np.float64)
    for name, rival in RIVALS.items():
        seen = np.maximum.accumulate(rival.statistic(counts)[:, -delays.HORIZON :], axis=1)
        row[name] = round(delays.delay(seen, limits[name], 1)[0], 2)
    return row


def _rival_limits(rates: Floats, seed: int) -> dict[float, dict[str, float]]:
    """Each rival's threshold of one false alarm a service-year, by base rate."""
    world = World(rates, seed, bumps=False)
    hours = range(_HISTORY + 5 * 24)
    counts = np.concatenate([world.counts(world.hour(h).rate, 1) for h in hours], axis=1)
    limits: dict[float, dict[str, float]] = {rate: {} for rate in RATES}
    block = alarms.BLOCK_HOURS * 60
    for name, rival in RIVALS.items():
        seen = rival.statistic(counts.astype(np.float64))[:, -5 * 1_440 :]
        peaks = seen.reshape(len(rates), -1, block).max(axis=2).T
        for rate in RATES:
            limits[rate][name] = alarms.threshold(peaks[:, rates == rate], 1.0)
    return limits


def _ratio(cells: Sequence[Report], name: str, average: Any) -> float | None:
    """Geometric mean (or median) of delay over the oracle's, where it misses at most 10 %."""
    logs = [np.log(c[name] / c["oracle"]) for c in cells if c["oracle_missed"] <= 0.1]
    return round(float(np.exp(average(logs))), 3) if logs else None


def table(report: Report) -> list[str]:
    """Say the report in lines of text."""
    lines = ["delay / oracle's, geometric mean, at one false alarm a service-year"]
    for name, ratio in report["delay_ratio_geometric_mean"].items():
        by_rate = "  ".join(
            f"{rate}: {row[name] or '-'}" for rate, row in report["delay_ratio_by_rate"].items()
        )
        lines.append(f"  {name:<24}{ratio!s:>7}   {by_rate}")
    lines.append("false incidents a service-year")
    for row in report["false_incidents_per_service_year"]:
        low, high = row["ci95"]
        lines.append(
            f"  {row['stage']:<24}budget {row['budget']:<6} measured {row['measured']:<8} "
            f"(95 %: {low} to {high}; {row['service_years']} service-years)"
        )
    spent = report["cost"]
    lines.append(
        f"a tick of 10,000 services: {spent['quiet_ms']} ms (p99 {spent['quiet_p99_ms']}), as a "
        f"fifth begins to fail {spent['outage_ms']} ms (p99 {spent['outage_p99_ms']}), while "
        f"{spent['n_failing']} fail {spent['failing_ms']} ms (p99 {spent['failing_p99_ms']}); "
        f"{spent['state_bytes_per_service']} bytes a service"
    )
    if "nab" in report:
        lines.append(f"NAB: {report['nab']}")
    return lines
