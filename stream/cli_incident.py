"""`outcry incident …`: see incidents and act on them, as on the page."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.command import load_settings

if TYPE_CHECKING:
    from detector.actions import Actions, Actor
    from stream.incident_desk import Desk

incident = typer.Typer(
    no_args_is_help=True, help="See incidents, acknowledge, mute, call false, note."
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="An incident's id, or how only that one begins.")]
As = Annotated[
    str | None, typer.Option("--as", help="Who you are, for the audit. Default: your login.")
]


@incident.command("list")
def list_all(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=500)] = 50,
    as_json: Json = False,
) -> None:
    """List the incidents that are open, worst first, and what is held back as suspect."""
    desk = _desk(context)
    found = (desk.store.recent(limit) if everything else desk.store.open())[:limit]
    if as_json:
        typer.echo(json.dumps([desk.as_object(one) for one in found]))
    for one in [] if as_json else found:
        typer.echo(desk.line(one))
    if not found and not as_json:
        typer.echo("no incident" if everything else "no open incident")
    if not as_json and (suspects := desk.suspects()):
        typer.echo(suspects)


@incident.command()
def show(context: typer.Context, which: Which, as_json: Json = False) -> None:
    """Show one incident: its state, what people say, its story, who did what."""
    desk = _desk(context)
    one = desk.find(which)
    if as_json:
        typer.echo(json.dumps(desk.as_object(one, whole=True)))
        return
    for line in desk.lines(one):
        typer.echo(line)


@incident.command()
def ack(
    context: typer.Context,
    which: Which,
    undo: Annotated[bool, typer.Option("--undo", help="Give it out of your hands.")] = False,
    name: As = None,
) -> None:
    """Say that you have it in hand."""

    def act(actions: "Actions", id: str, by: "Actor", now: datetime) -> str:
        (actions.release if undo else actions.acknowledge)(id, by, now)
        return "released" if undo else "acknowledged"

    _act(context, which, name, act)


@incident.command()
def mute(
    context: typer.Context,
    which: Which,
    length: Annotated[str, typer.Option("--for", help="As 30m, 1h or 2d; at most 30d.")] = "1h",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    name: As = None,
) -> None:
    """Send no alerts about it for a while."""
    from stream.incident_desk import span

    lasting = span(length)

    def act(actions: "Actions", id: str, by: "Actor", now: datetime) -> str:
        held = actions.silence(by, now, now + lasting, incident=id, reason=reason)
        return f"muted until {held.until:%Y-%m-%d %H:%M} UTC"

    _act(context, which, name, act)


@incident.command("false-alarm")
def false_alarm(
    context: typer.Context,
    which: Which,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="It is real after all.")] = False,
    name: As = None,
) -> None:
    """Say that nothing fails, or not for you: no more is told of it."""

    def act(actions: "Actions", id: str, by: "Actor", now: datetime) -> str:
        if undo:
            actions.call_real(id, by, now)
            return "called real"
        actions.call_false(id, by, now, reason)
        return "called a false alarm"

    _act(context, which, name, act)


@incident.command()
def note(
    context: typer.Context,
    which: Which,
    text: Annotated[str, typer.Argument(help="The note, for everybody to read.")],
    name: As = None,
) -> None:
    """Add a note to it."""

    def act(actions: "Actions", id: str, by: "Actor", now: datetime) -> str:
        actions.note(id, by, now, text)
        return "noted"

    _act(context, which, name, act)


def _act(
    context: typer.Context,
    which: str,
    name: str | None,
    act: "Callable[[Actions, str, Actor, datetime], str]",
) -> None:
    """Do it as who is at this terminal; exit code 1 where he may not."""
    from detector.actions import ActionError, Forbidden

    desk = _desk(context)
    one = desk.find(which)
    try:
        done = act(desk.actions, one.id, desk.actor(name), datetime.now(UTC))
    except (ActionError, Forbidden) as error:
        typer.echo(f"outcry: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{one.id}: {done}")


def _desk(context: typer.Context) -> "Desk":
    settings: Any = load_settings(context, "incident")
    from stream.incident_desk import Desk
    from stream.roles import attached

    return Desk.of(attached(settings, to_replay=True))
