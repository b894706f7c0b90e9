"""
False incidents by age: services that nobody has ever seen, and a year in the life of learnt ones.

A budget of 0.25 a service-year is told from another only by dozens of service-years. Those of the
first day are cheap, as many services live it at once; of a year one day a week is lived in full,
another weekday each time, and the others hour by hour, which the baseline learns from alike.
"""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from detector import surge
from detector.baseline import Floats
from detector.bench import alarms
from detector.bench.delays import RATES
from detector.bench.life import aged, newborn
from detector.bench.world import World
from detector.seasons import WEEK_HOURS

Report = dict[str, Any]
Peaks = dict[str, Floats]

DAY, WEEK, MONTH, YEAR = "day 1", "week 1", "month 1", "learnt, over a year"
BUDGETS = (0.25, 1.0, 12.0)
WARM_UP = 6 * WEEK_HOURS
_WEEKS = 52
_TAIL = 12.0  # x the budget, where there are enough false alarms to count
_AT_ONCE = 2_500, 400  # services of a piece: on their first day, and over a year
_DAYS_A_YEAR = 365.25


def young(services: int, days: int, seed: int) -> Peaks:
    """Peaks of services that nobody has ever seen: *days* of their first week and second month."""
    world = _world(services, seed)
    day = alarms.lived(newborn(world), world, 24)
    week = alarms.lived(day.life, world, days * 24)
    later = aged(week.life, world, 13 * 24)
    month = alarms.lived(later, world, days * 24)
    return {DAY: day.peaks, WEEK: week.peaks, MONTH: month.peaks[1:]}


def first_day(services: int, seed: int) -> Peaks:
    """Peaks of the first day of services that nobody has ever seen."""
    world = _world(services, seed)
    return {DAY: alarms.lived(newborn(world), world, 24).peaks}


def year(services: int, seed: int, weeks: int = _WEEKS) -> Peaks:
    """Peaks of learnt services on one day of each of *weeks*, without its first four hours."""
    world = _world(services, seed, weeks=WARM_UP // WEEK_HOURS + weeks)
    life = aged(newborn(world), world, WARM_UP)
    peaks = []
    for week in range(weeks):
        life = aged(life, world, week % 7 * 24)
        day = alarms.lived(life, world, 24)
        peaks.append(day.peaks[1:])
        life = aged(day.life, world, (6 - week % 7) * 24)
    return {YEAR: np.concatenate(peaks)}


def measured(years: float, seed: int, processes: int = 2) -> Report:
    """False incidents of *years* service-years of first days, and as many of learnt services."""
    born, known = (round(years * _DAYS_A_YEAR / days) for days in (1, _WEEKS * 20 / 24))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        days = [
            pool.submit(first_day, n, seed + 1_000 + i)
            for i, n in enumerate(pieces(born, _AT_ONCE[0]))
        ]
        years_of = [
            pool.submit(year, n, seed + 2_000 + i) for i, n in enumerate(pieces(known, _AT_ONCE[1]))
        ]
        found = {
            age: np.concatenate([future.result()[age] for future in futures], axis=1)
            for age, futures in ((DAY, days), (YEAR, years_of))
        }
    return {
        "seed": seed,
        "false_incidents_per_service_year": [
            row(age, peaks, budget) for age, peaks in found.items() for budget in BUDGETS
        ],
    }


def row(age: str, peaks: Floats, budget: float) -> Report:
    """
    False incidents at the computed threshold of *budget*.

    *by_tail* counts those of twelve times the budget and divides, as the tail falls by e a nat.
    """
    rate, interval = alarms.rate(peaks, surge.threshold(budget))
    tail, tail_interval = alarms.rate(peaks, surge.threshold(budget * _TAIL))
    return {
        "age": age,
        "budget": budget,
        "measured": round(rate, 3),
        "ci95": [round(end, 3) for end in interval],
        "by_tail": round(tail / _TAIL, 3),
        "by_tail_ci95": [round(end / _TAIL, 3) for end in tail_interval],
        "service_years": round(alarms.years(peaks), 2),
    }


def table(report: Report) -> list[str]:
    """Say in lines of text how many false incidents there were."""
    lines = ["false incidents a service-year (in brackets: by twelve times the budget)"]
    for one in report["false_incidents_per_service_year"]:
        low, high = one["ci95"]
        lines.append(
            f"  {one['age']:<24}budget {one['budget']:<6}{one['measured']:<8} ({one['by_tail']}; "
            f"95 %: {low} to {high}; {one['service_years']} service-years)"
        )
    return lines


def _world(services: int, seed: int, weeks: int = 54) -> World:
    """Services of all rates, log-uniform."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.uniform(np.log(RATES[0]), np.log(RATES[-1]), services))
    return World(rates, seed, bumps=False, weeks=weeks)


def pieces(services: int, most: int) -> list[int]:
    """Part *services* in pieces of *most* and a rest."""
    whole, rest = divmod(max(services, 1), most)
    return [most] * whole + [rest] * bool(rest)
