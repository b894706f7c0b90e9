"""`outcry catalogue …` and `outcry risk`: the graph of who depends on whom."""

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from models.catalogue import Catalogue, CatalogueError
from stream.command import load_settings

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
        typer.echo(f"outcry: no service {name!r}; add it: outcry catalogue add {name!r}", err=True)
        raise typer.Exit(1)
    dependents = [
        {"service": id, "strength": edge.strength, "region": edge.region, "evidence": edge.evidence}
        for id, edge in known.dependents(service.id)
    ]
    if as_json:
        typer.echo(json.dumps({**asdict(service), "dependents": dependents}))
        return
    typer.echo(f"{service.name} ({service.id}), {service.industry}")
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
    provider: Annotated[
        list[str] | None, typer.Option(help="PROVIDER or PROVIDER=STRENGTH that it depends on.")
    ] = None,
) -> None:
    """Append a service to an own file, if the whole catalogue stays right with it."""
    settings = load_settings(context, "catalogue")
    before = to.read_text(encoding="utf-8") if to.exists() else ""
    id = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())
    if not id:
        raise typer.BadParameter(f"{name!r}: expected a name with a Latin letter or a digit")
    if id in tomllib.loads(before).get("services", {}):
        raise typer.BadParameter(f"{to} has a service {id!r} already")
    entry = [f"[services.{id}]", f"name = {json.dumps(name, ensure_ascii=False)}"]
    entry.append(f"industry = {json.dumps(industry)}")
    if alias:
        entry.append(f"aliases = {json.dumps(alias, ensure_ascii=False)}")
    if provider:
        entry.append(f"depends_on = [{', '.join(map(_edge, provider))}]")
    to.write_text(f"{before}{chr(10) if before else ''}{chr(10).join(entry)}\n", encoding="utf-8")
    try:
        Catalogue.load({path.resolve(): None for path in (*settings.catalogue.files, to)})
    except CatalogueError as error:
        to.write_text(before, encoding="utf-8") if before else to.unlink()
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"added {id} to {to}")
    if to.resolve() not in {Path(path).resolve() for path in settings.catalogue.files}:
        typer.echo(f'name it in outcry.toml: [catalogue] files = ["{to}"]')


@catalogue.command()
def suggest(context: typer.Context, as_json: Json = False) -> None:
    """Propose edges that closed incidents support or contradict; nothing is applied."""
    from detector.incident_store import IncidentStore
    from detector.suggest import suggestions
    from stream.roles import attached, connect_redis

    settings = attached(load_settings(context, "catalogue"))
    known = Catalogue.load(settings.catalogue.files)
    store = IncidentStore(connect_redis(settings), settings.redis.prefix)
    found = suggestions(known, store.recent(1_000))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
        return
    for one in found:
        change = "new" if one.old is None else f"now {one.old}"
        typer.echo(f"# {one.service} → {one.provider}: {change}, seen in {len(one.incidents)}")
        typer.echo(one.as_toml() + "\n")
    if not found:
        typer.echo("nothing to propose: no closed incident has a cause that is sure enough")


def risk(
    context: typer.Context,
    vendors: Annotated[
        list[str] | None, typer.Argument(help="Names or ids of the vendors you depend on.")
    ] = None,
    stack: Annotated[
        Path | None, typer.Option(help='TOML with vendors = ["slack", "stripe", …].')
    ] = None,
    as_json: Json = False,
) -> None:
    """Show which provider and region carries how much of your stack, and what past outages hit."""
    from detector.risk import concentration, hits
    from stream.sources.scenario import known_scenarios, load_scenario

    known = _load(context)
    mine = _vendors(known, [*(vendors or ()), *_listed(stack)])
    carried = concentration(known, mine)
    scenarios = {name: load_scenario(name) for name in known_scenarios()}
    outages = {
        name: (one.script.provider, sorted({truth.service for truth in one.truth}))
        for name, one in scenarios.items()
        if one.script.kind == "shared"
    }
    past = hits(known, mine, outages)
    if as_json:
        rows = {"concentration": [asdict(c) for c in carried], "outages": [asdict(h) for h in past]}
        typer.echo(json.dumps({"vendors": mine, **rows}))
        return
    for row in carried[:12]:
        place = f"{row.provider} {row.region or ''}".strip()
        names = ", ".join(f"{vendor} {strength:.2f}" for vendor, strength in row.vendors)
        typer.echo(f"{place:<24} {row.share:>4.0%} of your stack, {row.expected:.1f} fail: {names}")
    typer.echo("")
    for hit in past:
        more = f"; at risk: {', '.join(hit.at_risk)}" if hit.at_risk else ""
        typer.echo(f"{hit.scenario:<24} hit: {', '.join(hit.hit) or 'none'}{more}")


def _load(context: typer.Context) -> Catalogue:
    return Catalogue.load(load_settings(context, "catalogue").catalogue.files)


def _listed(stack: Path | None) -> list[str]:
    if stack is None:
        return []
    try:
        listed = tomllib.loads(stack.read_text(encoding="utf-8")).get("vendors")
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise typer.BadParameter(f"{stack}: {error}") from error
    if not (isinstance(listed, list) and all(isinstance(one, str) for one in listed)):
        raise typer.BadParameter(f'{stack}: expected vendors = ["slack", "stripe"]')
    return listed


def _vendors(known: Catalogue, names: list[str]) -> list[str]:
    found = {name: known.find(name) for name in names}
    if not names:
        raise typer.BadParameter("give vendors, or --stack FILE with a list of them")
    if unknown := sorted(name for name, service in found.items() if service is None):
        raise typer.BadParameter(f"not in the catalogue: {', '.join(unknown)}")
    return sorted({service.id for service in found.values() if service})


def _edge(text: str) -> str:
    provider, _, strength = text.partition("=")
    number = strength or "0.5"
    return f'{{ provider = "{provider}", strength = {number}, evidence = "own knowledge" }}'


def _facts(facts: dict[str, int]) -> str:
    return "ok: " + ", ".join(f"{n} {name}" for name, n in facts.items())
