"""`outcry bench …`: measurements on this machine."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.command import load_settings

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def _tell(found: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    for line in (json.dumps(found),) if as_json else lines:
        typer.echo(line)


@bench.command()
def intake(
    context: typer.Context,
    rate: Annotated[float, typer.Option(help="Posts a second; 0: as fast as it goes.", min=0)] = 0,
    seconds: Annotated[float, typer.Option(help="How long the posts come.", min=15)] = 60,
    as_json: Json = False,
) -> None:
    """Measure posts a second from a local Jetstream through Kafka into Redis."""
    settings = load_settings(context, "bench")
    from stream.bench.intake import bench_intake

    found = bench_intake(settings, rate, seconds)
    _tell(found, (f"{name:<24} {value}" for name, value in found.items()), as_json=as_json)


@bench.command()
def alerts(
    context: typer.Context,
    services: Annotated[int, typer.Option(help="How many fail, one after the other.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """Measure from the append of the decisive record to the HTTP request of the alert."""
    settings = load_settings(context, "bench")
    from stream.bench.alerts import bench_alerts

    found = bench_alerts(settings, services)
    _tell(found, (f"{name:<32} {value}" for name, value in found.items()), as_json=as_json)


@bench.command()
def detector(
    nab: Annotated[
        Path | None, typer.Option(help="A folder of the Numenta Anomaly Benchmark.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small run, with wide bounds.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Many more years, which take hours.")
    ] = False,
    years: Annotated[
        float,
        typer.Option(
            min=0,
            help="Count false incidents alone: so many service-years of first days, and as many "
            "of learnt services, over all weeks of a year.",
        ),
    ] = 0,
    seed: Annotated[int | None, typer.Option(help="Another made-up world.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the detector: delay beside the bound and other rules, false incidents, cost."""
    from detector.bench import ages
    from detector.bench.report import FULL, JUDGING_SEED, QUICK, Size, measured, table

    world = JUDGING_SEED if seed is None else seed
    if years:
        found = ages.measured(years, world)
        _tell(found, ages.table(found), as_json=as_json)
        return
    found = measured(FULL if full else QUICK if quick else Size(), world, nab)
    _tell(found, table(found), as_json=as_json)


@bench.command()
def tagger(
    posts: Annotated[int, typer.Option(help="Posts of each measurement.", min=1_000)] = 20_000,
    memory: Annotated[
        int, typer.Option(help="Also tag N posts and tell how memory grew.", min=0)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Measure posts a second and core: matcher, cascade, and the two baselines."""
    from models.bench import bench as measure
    from models.catalogue import Catalogue

    found = measure(Catalogue.load(), posts=posts, memory_posts=memory)
    lines = (f"{name:<28} {value:>12,.1f}" for name, value in found.items())
    _tell(found, lines, as_json=as_json)


@bench.command()
def unknown(
    scenario: Annotated[
        list[str] | None, typer.Argument(help="Scenarios to find the removed services in.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which 30 % of the services are removed.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure how well names outside the catalogue are found, with services taken out of it."""
    from stream.bench.unknown import bench_unknown

    found = bench_unknown(scenario or ["aws-2025-10-20", "quiet-2026-04-14"], seed=seed)
    rows = {"held-out posts": found["held_out"], **found["scenarios"]}
    lines = (
        f"{name:<24} " + ", ".join(f"{what} {value}" for what, value in row.items())
        for name, row in rows.items()
    )
    _tell(found, lines, as_json=as_json)
