"""What `outcry backtest --scenarios` prints: each scenario, totals, and a reliability table."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from detector.incidents import Cause, Incident
from stream.scenario_backtest import NO_CAUSE, Result
from stream.scenario_run import Named

_BINS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 1.0001)
_MISSED = Named(provider=None, region=None, probability=0.0, right=False)


def as_object(results: Sequence[Result], weeks: int) -> dict[str, Any]:
    """Return the whole report as one JSON-ready object; *weeks* had passed before each scenario."""
    return {
        "weeks_before": weeks,
        "scenarios": {one.scenario.script.id: _scenario(one) for one in results},
        "totals": _totals(results),
        "reliability": list(reliability(results)),
        "synthetic": True,
    }


def reliability(results: Iterable[Result]) -> Iterator[dict[str, Any]]:
    """Yield by range of probability how often the cause that was named in time was right."""
    named = [run for one in results for run in _runs(one) if run.provider]
    for low, high in pairwise(_BINS):
        inside = [run for run in named if low <= run.probability < high]
        yield {
            "from": low,
            "to": min(high, 1.0),
            "n": len(inside),
            "mean_probability": _mean([run.probability for run in inside]),
            "right_share": _mean([float(run.right) for run in inside]),
        }


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Yield the report as a table for people."""
    head = f"{'scenario':<26}{'alerts':>7}{'edits':>7}{'alone':>7}"
    yield f"{head}  {'cause in time':<24}{'seeds':>8}  bystanders"
    for name, one in report["scenarios"].items():
        cause = one["cause_in_time"]
        told = f"{cause['provider']} {cause['probability']:.2f}" if cause else "-"
        cleared = ", ".join(f"{s} {how}" for s, how in one["bystanders"].items())
        yield (
            f"{name:<26}{one['alerts_sent']:>7}{one['edits']:>7}{one['alerts_alone']:>7}  "
            f"{told:<24}{one['seeds_right']:>4}/{one['seeds']:<3}  {cleared}"
        )
    yield ""
    yield "probability  runs  mean  right"
    for row in report["reliability"]:
        mean, right = row["mean_probability"], row["right_share"]
        shown = f"{mean:.2f}  {right:.2f}" if row["n"] else "-"
        yield f"{row['from']:.2f}-{row['to']:.2f}   {row['n']:>5}  {shown}"
    yield ""
    yield " ".join(f"{key}={value}" for key, value in report["totals"].items())
    yield f"The detector had seen {report['weeks_before']} ordinary weeks before each scenario."
    yield "All posts are made up: they compare versions of the code, no more."


def _scenario(one: Result) -> dict[str, Any]:
    script = one.scenario.script
    planted = {truth.service for truth in one.scenario.truth}
    found = {a.service for i in one.incidents for a in i.affected}
    return {
        "kind": script.kind,
        "truth": {
            "provider": script.provider,
            "region": script.region,
            "services": sorted(planted),
        },
        "incidents": [
            {**_incident(i), "alerts_sent": int(i.id in one.messages)} for i in one.incidents
        ],
        "found": sorted(found & planted),
        "missed": sorted(planted - found),
        "not_planted": sorted(found - planted),
        "alerts_sent": len(one.messages),
        "edits": one.n_edits,
        "alerts_alone": one.n_alone,
        "cause_in_time": _named(one.in_time),
        "seeds": len(one.seeded),
        "seeds_right": sum(_is_right(one, run.in_time, run.false_causes) for run in one.seeded),
        "false_causes": [
            {"provider": cause.provider, "probability": cause.probability}
            for cause in one.false_causes
        ],
        "bystanders": dict(one.bystanders),
    }


def _incident(incident: Incident) -> dict[str, Any]:
    cause = incident.cause
    return {
        "id": incident.id,
        "opened_at": incident.opened_at.isoformat(),
        "resolved_at": incident.resolved_at.isoformat() if incident.resolved_at else None,
        "cause": {
            "provider": cause.provider,
            "region": cause.region,
            "probability": cause.probability,
        }
        if cause
        else None,
        "affected": sorted(one.service for one in incident.affected),
        "cleared": sorted(one.service for one in incident.cleared),
    }


def _named(named: Named | None) -> dict[str, Any] | None:
    if named is None or named.provider is None:
        return None
    return {
        "provider": named.provider,
        "region": named.region,
        "probability": named.probability,
        "right": named.right,
    }


def _is_right(one: Result, named: Named | None, false_causes: Sequence[Cause]) -> bool:
    """Whether a run named the truth in time or, where nothing is shared, never named anybody."""
    if one.scenario.script.provider is None:
        return not false_causes
    return named is not None and named.right


def _totals(results: Sequence[Result]) -> dict[str, Any]:
    runs = [run for one in results for run in _runs(one)]
    found = [state for one in results for state in one.bystanders.values()]
    none = [one for one in results if one.scenario.script.kind in NO_CAUSE]
    quiet = [one.false_causes for one in none]
    quiet += [run.false_causes for one in none for run in one.seeded]
    return {
        "cause_right_share": _mean([float(run.right) for run in runs]),
        "cause_runs": len(runs),
        "false_causes": sum(bool(causes) for causes in quiet),
        "no_cause_runs": len(quiet),
        "bystanders_cleared_share": _mean([float(state != "blamed") for state in found]),
        "alerts": sum(len(one.messages) for one in results),
        "alerts_alone": sum(one.n_alone for one in results),
        "seeds": max((len(one.seeded) for one in results), default=0),
    }


def _runs(one: Result) -> tuple[Named, ...]:
    if one.scenario.script.provider is None:
        return ()
    return (one.in_time or _MISSED, *(run.in_time or _MISSED for run in one.seeded))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
