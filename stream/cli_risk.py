"""`outcry risk`: where a stack of vendors would break, and what past outages would have hit."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.catalogue import Catalogue
from stream.catalogue_entry import add_line
from stream.command import load_settings, refuse

if TYPE_CHECKING:
    from detector.risk import Concentration, Hit

_SHOWN = 12  # providers


def risk(
    context: typer.Context,
    vendors: Annotated[
        list[str] | None, typer.Argument(help="Names or ids of the vendors you depend on.")
    ] = None,
    stack: Annotated[
        Path | None,
        typer.Option(help='TOML with vendors = ["slack", "stripe", …]; else the [stack] set.'),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show which provider and region carries how much of your stack, and what past outages hit."""
    from detector.risk import concentration, hits

    settings = load_settings(context, "catalogue")
    known = Catalogue.load(settings.catalogue.files)
    given = [*(vendors or ()), *_listed(stack)]
    mine, strangers = _found(known, given or settings.stack.vendors)
    carried, past = concentration(known, mine), hits(known, mine, _outages())
    if as_json:
        rows = {"concentration": [asdict(c) for c in carried], "outages": [asdict(h) for h in past]}
        typer.echo(json.dumps({"vendors": mine, "unknown": strangers, **rows}))
        return
    for line in (*_carried(carried, len(mine)), "", *_past(past)):
        typer.echo(line)
    for name in strangers:
        typer.echo(f"outcry: {name!r} is not in the catalogue; {add_line(name)}", err=True)


def _carried(rows: "Sequence[Concentration]", n: int) -> list[str]:
    """One line for each provider or region, what a failure takes down on average first."""
    if not rows:
        return ["no provider is known that any of your vendors depends on"]
    lines = [f"{'if this fails':<26}{'depend on it':<16}{'fail on average':<18}which, how likely"]
    for row in rows[:_SHOWN]:
        place = f"{row.provider} {row.region or ''}".strip()
        share = f"{len(row.vendors)} of {n} ({row.share:.0%})"
        names = ", ".join(f"{vendor} {strength:.0%}" for vendor, strength in row.vendors)
        lines.append(f"{place:<26}{share:<16}{row.expected:<18.1f}{names}")
    return lines


def _past(rows: "Sequence[Hit]") -> list[str]:
    if not rows:
        return ["none of the known outages would have hit your stack"]
    lines = []
    for row in rows:
        more = f"; at risk: {', '.join(row.at_risk)}" if row.at_risk else ""
        lines.append(f"{row.scenario:<26}hit: {', '.join(row.hit) or 'none'}{more}")
    return lines


def _outages() -> dict[str, tuple[str | None, list[str]]]:
    """The shipped scenarios of a shared cause: provider, and what failed."""
    from stream.sources.scenario import known_scenarios, load_scenario

    scenarios = {name: load_scenario(name) for name in known_scenarios()}
    return {
        name: (one.script.provider, sorted({truth.service for truth in one.truth}))
        for name, one in scenarios.items()
        if one.script.kind == "shared"
    }


def _listed(stack: Path | None) -> list[str]:
    if stack is None:
        return []
    try:
        table = tomllib.loads(stack.read_text(encoding="utf-8"))
    except OSError as error:
        refuse(f"{stack}: {error.strerror}")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        refuse(f"{stack}: no valid TOML: {error}")
    inner = table.get("stack")
    listed = (inner if isinstance(inner, dict) else table).get("vendors")
    if not (isinstance(listed, list) and all(isinstance(one, str) for one in listed)):
        refuse(f'{stack}: expected vendors = ["slack", "stripe"]')
    if not listed:
        refuse(f"{stack}: the list of vendors is empty; expected one at least")
    return listed


def _found(known: Catalogue, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the ids of those that the catalogue has, and the names of the others."""
    if not names:
        refuse("no vendors; give some, --stack FILE, or [stack] vendors in outcry.toml")
    found = {name: known.find(name) for name in names}
    mine = sorted({service.id for service in found.values() if service})
    strangers = sorted(name for name, service in found.items() if service is None)
    if not mine:
        refuse(f"not in the catalogue: {', '.join(strangers)}; {add_line(strangers[0])}")
    return mine, strangers
