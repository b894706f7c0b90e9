"""All measurements of the detector as one object, and as a table for people."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from detector.baseline import Floats
from detector.bench import ages, alarms, causes, cost
from detector.bench.ages import BUDGETS, DAY, MONTH, WEEK, Peaks, Report
from detector.bench.delays import RATES
from detector.bench.pieces import FULL, LEARNT, LEARNT_MENTIONS, QUICK, Size, at_rate
from detector.bench.rivals import RIVALS

__all__ = ["FULL", "QUICK", "Size", "measured", "table"]

JUDGING_SEED = 40_510  # tuning used seeds below 3,000
OURS = (
    "ours",
    "ours, with mentions",
    "ours, computed threshold",
    "ours, told the steady rate",
    "size unknown",
)


def measured(
    size: Size, seed: int = JUDGING_SEED, nab: Path | None = None, processes: int = 2
) -> Report:
    """Run everything: about a minute (`QUICK`), minutes, or hours (`FULL`) on two cores."""
    spent = cost.measured()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        rates = [pool.submit(at_rate, rate, size, seed + 100 * i) for i, rate in enumerate(RATES)]
        early = [
            pool.submit(ages.young, size.young // 2, size.young_days, seed + 50 + i)
            for i in range(2)
        ]
        learnt = [future.result() for future in rates]
        stages = [future.result() for future in early]
    cells = [row for _, rows in learnt for row in rows]
    result: Report = {
        "seed": seed,
        "delay_ratio_median": _ratio(cells, "ours", np.median),
        "delay_ratio_geometric_mean": _by_name(cells),
        "delay_ratio_by_rate": {
            str(rate): _by_name([c for c in cells if c["rate"] == rate]) for rate in RATES
        },
        "trade_off": _trade_off([peaks for peaks, _ in learnt]),
        "cells": cells,
        "false_incidents_per_service_year": [
            ages.row(age, _joined(parts, age), budget)
            for age, parts in (
                (DAY, stages),
                (WEEK, stages),
                (MONTH, stages),
                (LEARNT, [peaks for peaks, _ in learnt]),
                (LEARNT_MENTIONS, [peaks for peaks, _ in learnt]),
            )
            for budget in BUDGETS
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
        from detector.bench.nab_scores import scores

        result["nab"] = scores(nab, processes)
    return result


def _joined(parts: Iterable[Peaks], age: str) -> Floats:
    return np.concatenate([part[age] for part in parts], axis=1)


def _trade_off(parts: Sequence[Peaks]) -> list[Report]:
    """False incidents a service-year that learnt services have at a threshold, in nats."""
    peaks = _joined(parts, LEARNT)
    return [
        {"nats": nats, "false_incidents_per_service_year": round(alarms.rate(peaks, nats)[0], 2)}
        for nats in range(6, 17)
    ]


def _by_name(cells: Sequence[Report]) -> dict[str, float | None]:
    return {name: _ratio(cells, name, np.mean) for name in (*OURS, *RIVALS)}


def _ratio(cells: Sequence[Report], name: str, average: Callable[..., Any]) -> float | None:
    """Geometric mean (or median) of delay over the oracle's, where it misses at most 10 %."""
    logs = [np.log(c[name] / c["oracle"]) for c in cells if c["oracle_missed"] <= 0.1]
    return round(float(np.exp(average(logs))), 3) if logs else None


def table(report: Report) -> list[str]:
    """Say the report in lines of text."""
    lines = [
        "delay / oracle's at one false alarm a service-year: "
        f"{report['delay_ratio_median']} in the median; geometric mean, of all and by base rate"
    ]
    for name, ratio in report["delay_ratio_geometric_mean"].items():
        by_rate = "  ".join(
            f"{rate}: {row[name] or '-'}" for rate, row in report["delay_ratio_by_rate"].items()
        )
        lines.append(f"  {name:<28}{ratio!s:>7}   {by_rate}")
    lines += ages.table(report)
    spent = report["cost"]
    lines.append(
        f"a tick of 10,000 services: {spent['quiet_ms']} ms (p99 {spent['quiet_p99_ms']}), as a "
        f"fifth begins to fail {spent['outage_ms']} ms (p99 {spent['outage_p99_ms']}), while "
        f"{spent['n_failing']} fail {spent['failing_ms']} ms (p99 {spent['failing_p99_ms']}); "
        f"{spent['state_bytes_per_service']} bytes a service"
    )
    if "nab" in report:
        lines.append("Numenta Anomaly Benchmark, 0 to 100")
        lines.extend(f"  {name}: {found}" for name, found in report["nab"].items())
    return lines
