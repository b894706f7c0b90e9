"""`outcry catalogue …`: the services, who depends on whom, and what is missing."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.catalogue import Catalogue, CatalogueError
from stream.catalogue_entry import Entry, add_line
from stream.command import load_settings, refuse

catalogue = typer.Typer(
    no_args_is_help=True, help="Check, show and extend the catalogue of services and edges."
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@catalogue.command()
def check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None, typer.Argument(help="Own files, beside those that are set.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check the catalogue and own files; exit code 1 with a line for each mistake."""
    settings = load_settings(context, "catalogue")
    try:
        known = Catalogue.load((*settings.catalogue.files, *(files or ())))
    except CatalogueError as error:
        for line in [json.dumps({"problems": error.problems})] if as_json else error.problems:
            typer.echo(line)
        raise typer.Exit(1) from error
    services = known.services.values()
    facts = {
        "services": len(known.services),
        "providers": len(known.providers),
        "edges": sum(len(service.depends_on) for service in services),
        "industries": len({service.industry for service in services}),
    }
    typer.echo(json.dumps(facts) if as_json else _facts(facts))


@catalogue.command()
def show(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Show one service by id or name: on whom it depends, who depends on it, and the evidence."""
    known = _load(context)
    service = known.find(name)
    if service is None:
        refuse(f"no service {name!r}; add it: {add_line(name)}", code=1)
    dependents = [
        {"service": id, "strength": edge.strength, "region": edge.region, "evidence": edge.evidence}
        for id, edge in known.dependents(service.id)
    ]
    if as_json:
        typer.echo(json.dumps({**asdict(service), "dependents": dependents}))
        return
    typer.echo(f"{service.name} ({service.id}), {service.industry}")
    for kind in ("aliases", "ambiguous", "misspellings", "handles", "hashtags", "context"):
        if names := getattr(service, kind):
            typer.echo(f"  {kind}: {', '.join(names)}")
    for kind in ("products", "regions"):
        if parts := getattr(service, kind):
            typer.echo(f"  {kind}: {', '.join(parts)}")
    if service.owner:
        typer.echo(f"  owned by {service.owner}")
    for edge in service.depends_on:
        place = f"{edge.provider} {edge.region or ''}".strip()
        typer.echo(f"  depends on {place}, {edge.strength:.2f}: {edge.evidence or 'no evidence'}")
    for one in dependents:
        typer.echo(f"  carries {one['service']}, {one['strength']:.2f}: {one['evidence']}")


@catalogue.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name as people write it.")],
    to: Annotated[Path, typer.Option(help="Own catalogue file to append to.")] = Path(
        "catalogue.toml"
    ),
    industry: Annotated[str, typer.Option(help="Its industry.")] = "other",
    alias: Annotated[list[str] | None, typer.Option(help="Another name of it.")] = None,
    handle: Annotated[list[str] | None, typer.Option(help="An account of it, with @.")] = None,
    provider: Annotated[
        list[str] | None, typer.Option(help="PROVIDER or PROVIDER=STRENGTH that it depends on.")
    ] = None,
) -> None:
    """Append a service to an own file, if the whole catalogue stays right with it."""
    settings = load_settings(context, "catalogue")
    files = {path.resolve(): None for path in (*settings.catalogue.files, to) if path.exists()}
    if there := Catalogue.load(files).find(name):
        refuse(
            f"{name!r} is in the catalogue already, as {there.name} ({there.id}); "
            f"to change it write [services.{there.id}] into {to}"
        )
    entry = Entry(name, industry, tuple(alias or ()), tuple(handle or ()), tuple(provider or ()))
    before = to.read_text(encoding="utf-8") if to.exists() else ""
    after = f"{before}{chr(10) if before else ''}{entry.as_toml()}"
    to.write_text(after, encoding="utf-8")
    try:
        Catalogue.load({path.resolve(): None for path in (*settings.catalogue.files, to)})
    except CatalogueError as error:
        to.write_text(before, encoding="utf-8") if before else to.unlink()
        refuse("; ".join(error.problems).replace(f"{to.resolve()}: ", ""))
    typer.echo(f"added {entry.id} to {to}")
    if to.resolve() not in {Path(path).resolve() for path in settings.catalogue.files}:
        typer.echo(f'name it in outcry.toml: [catalogue] files = ["{to}"]')


@catalogue.command()
def unknown(context: typer.Context, as_json: Json = False) -> None:
    """List names outside the catalogue that surged beside words of outage in the last day."""
    from detector.unknown_store import UnknownNames
    from stream.roles import attached, connect_redis

    settings = attached(load_settings(context, "catalogue"), to_replay=True)
    known = Catalogue.load(settings.catalogue.files)
    found = UnknownNames(connect_redis(settings), settings.redis.prefix).surges(known)
    if as_json:
        rows = [{**asdict(one), "add": add_line(one.shown)} for one in found]
        typer.echo(json.dumps(rows, default=str))
        return
    for one in found:
        since = f"{one.since_at:%m-%d %H:%M} to {one.last_at:%H:%M} UTC"
        counted = f"{one.authors} authors, {one.expected:.1f} expected, {since}"
        typer.echo(f"{one.shown:<24} {counted:<56} {add_line(one.shown)}")
    if not found:
        typer.echo("no name outside the catalogue surged in the last day")


@catalogue.command()
def suggest(context: typer.Context, as_json: Json = False) -> None:
    """Propose edges that closed incidents support or contradict; nothing is applied."""
    from detector.incident_store import IncidentStore
    from detector.suggest import suggestions
    from stream.roles import attached, connect_redis

    settings = attached(load_settings(context, "catalogue"), to_replay=True)
    known = Catalogue.load(settings.catalogue.files)
    store = IncidentStore(connect_redis(settings), settings.redis.prefix)
    found = suggestions(known, store.recent(1_000))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        change = "new" if one.old is None else f"now {one.old}"
        seen = "failed at the same time as" if one.is_beside else "seen in"
        typer.echo(f"# {one.service} → {one.provider}: {change}, {seen} {len(one.incidents)}")
        typer.echo(one.as_toml() + "\n")
    if not found:
        typer.echo("nothing to propose: no closed incident has a cause that is sure enough")


def _load(context: typer.Context) -> Catalogue:
    return Catalogue.load(load_settings(context, "catalogue").catalogue.files)


def _facts(facts: dict[str, int]) -> str:
    return "ok: " + ", ".join(f"{n} {name}" for name, n in facts.items())
