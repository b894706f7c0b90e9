"""`outcry alert test` and `outcry api`."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from stream.command import load_settings, stopped_by_signals

alert = typer.Typer(no_args_is_help=True, help="Try the channels that alerts go to.")


@alert.callback()
def _group() -> None:
    """Keep `test` a command of its own while it is the only one."""


@alert.command("test")
def try_all(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send a made-up incident to each channel in use, and its end; say what happened."""
    settings = load_settings(context, "alert")
    from stream.alerts.sample import Tried, try_channel
    from stream.destinations import channel, names
    from stream.roles import catalogue, page_url

    services, now = catalogue(settings), datetime.now(UTC)
    found: dict[str, Tried] = {}
    for name in names(settings.alerts):
        if name == "terminal" and as_json:
            found[name] = Tried(ok=True, detail="prints to standard output")
            continue
        made = channel(name, settings, services, page_url(settings))
        found[name] = try_channel(made, services, now)
    for name, tried in found.items():
        if not as_json:
            typer.echo(f"{'ok ' if tried.ok else 'BAD'}  {name:<14} {tried.detail}")
    if as_json:
        rows = {name: {"ok": one.ok, "detail": one.detail} for name, one in found.items()}
        typer.echo(json.dumps(rows))
    if not all(one.ok for one in found.values()):
        raise typer.Exit(1)


def api(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port of the API.")] = None,
) -> None:
    """Serve the API: JSON, events, RSS, Atom, badges, Prometheus metrics. Read-only."""
    flags = {"api": {"port": port}} if port else {}
    settings = load_settings(context, "api", **flags)
    from stream import roles

    run = roles.api(roles.attached(settings))
    run(stopped_by_signals())
