"""`outcry backtest`: stored reports or counts through the detector and its rivals."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.command import load_settings

_COLUMNS = {
    "recall": "recall",
    "precision": "precision",
    "delay_median_minutes": "delay",
    "delay_p90_minutes": "p90",
    "false_incidents_per_service_year": "false/year",
    "time_to_resolve_median_minutes": "resolve",
}


def backtest(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Argument(help="JSON lines of reports, or of counts.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="JSON lines {service, start, end} of true outages.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Write an SVG here.")] = None,
    scenarios: Annotated[
        str | None,
        typer.Option(help='Instead of DATA: "all", or names of scenarios with commas between.'),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Runs of each scenario with 30 % of the edges deleted.", min=0)
    ] = 20,
    weeks: Annotated[
        int, typer.Option(help="Ordinary weeks before each scenario; 0 for none.", min=0, max=52)
    ] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """
    Replay DATA and compare the detector with other rules, in the same run on the same counts.

    With --scenarios: replay made-up outages and compare causes and cleared services with them.
    """
    settings = load_settings(context, "backtest")
    if scenarios is not None:
        _scenarios(settings, scenarios, seeds, weeks, as_json)
        return
    if data is None:
        raise typer.BadParameter("give DATA, or --scenarios all")
    from stream import backtest as test
    from stream.roles import catalogue

    try:
        outages = test.read_truth(truth) if truth else []
        names = catalogue(settings)
        run = _run(settings, data, names)
        test.check_truth(run, outages, names)
    except test.BacktestError as error:
        raise typer.BadParameter(str(error)) from error
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}") from error
    found = test.scored(run, outages)
    if picture:
        from stream.picture import drawn

        picture.write_text(drawn(run, outages), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(found))
        return
    for line in _table(found):
        typer.echo(line)


def _scenarios(settings: Any, names: str, seeds: int, weeks: int, as_json: bool) -> None:
    from stream.scenario_backtest import JUDGING
    from stream.scenario_pool import results
    from stream.scenario_report import as_object, lines
    from stream.sources.scenario import ScenarioError, known_scenarios

    chosen = known_scenarios() if names == "all" else tuple(names.split(","))
    found = []
    begun = time.monotonic()
    try:
        judging, files = range(JUDGING, JUDGING + seeds), settings.catalogue.files
        for one in results(chosen, files, settings.model.path, judging, weeks):
            found.append(one)
            if sys.stderr.isatty():
                took = f"{time.monotonic() - begun:.0f} s"
                done = f"{len(found)}/{len(chosen)} {one.scenario.script.id}"
                typer.echo(f"{done}, {took}", err=True)
    except ScenarioError as error:
        raise typer.BadParameter(str(error)) from error
    report = as_object(sorted(found, key=lambda one: one.scenario.script.id), weeks)
    for line in [json.dumps(report)] if as_json else lines(report):
        typer.echo(line)


def _run(settings: Any, data: Path, names: Any) -> Any:
    from detector.tick import Policy
    from models.tagger import Tagger
    from stream import backtest as test

    policy = Policy(
        false_incidents_per_service_year=settings.detection.false_incidents_per_service_year
    )
    if test.holds_counts(data):
        buckets = list(test.read_counts(data))
        return test.replayed(
            buckets, test.widened(names, {s for b in buckets for s in b.affected}), policy
        )
    tagger = Tagger.load(names, settings.model.path)
    return test.replayed(test.read_reports(data, tagger), names, policy)


def _table(found: dict[str, dict[str, Any]]) -> list[str]:
    head = f"{'':<22}{'incidents':>10}" + "".join(f"{name:>12}" for name in _COLUMNS.values())
    rows = [
        f"{name:<22}{row['incidents']:>10}"
        + "".join(f"{'-' if row[key] is None else row[key]:>12}" for key in _COLUMNS)
        for name, row in found.items()
    ]
    return [head, *rows]
