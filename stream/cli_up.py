"""`outcry up`."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.command import load_settings, stopped_by_signals


def up(
    context: typer.Context,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="What to read: bluesky, mastodon, hackernews, reddit, x, http or file:PATH; "
            "may be given several times."
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(help="Replay a file of posts (.jsonl, .jsonl.gz) or a scenario by its name."),
    ] = None,
    speed: Annotated[
        float, typer.Option(help="Replay N seconds in one; 0: as fast as possible.", min=0.0)
    ] = 0.0,
    until_done: Annotated[
        bool, typer.Option("--until-done", help="End when the replay is read, judged and told.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    workers: Annotated[int | None, typer.Option(help="Number of ingest workers.")] = None,
    dashboard: Annotated[bool, typer.Option(help="Serve the page.")] = True,
    port: Annotated[int | None, typer.Option(help="Port of the page.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the embedded servers keep their data and logs are.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Do not start a replay from a clean slate.")
    ] = False,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser, where there is one.")
    ] = False,
) -> None:
    """
    Run everything on this machine: broker, Redis, ingest, watch, page and sources.

    The embedded broker and Redis are started unless kafka.bootstrap_servers and redis.url are set.
    Ctrl-C stops all of it.
    """
    if until_done and not replay:
        raise typer.BadParameter("--until-done needs --replay: only a replay is ever done")
    from stream.finish import ReplayStalled
    from stream.supervisor import ChildFailed
    from stream.up import Options
    from stream.up import up as run

    flags: dict[str, dict[str, Any]] = {}
    for section, name, value in (
        ("ingest", "workers", workers),
        ("up", "data_dir", data_dir),
        ("dashboard", "port", port),
    ):
        if value is not None:
            flags[section] = {name: value}
    settings = load_settings(context, "up", **flags)
    options = Options(
        sources=tuple(source or ()),
        replay=replay,
        speed=speed,
        until_done=until_done,
        machine=as_json,
        dashboard=dashboard,
        keep=keep,
        open_page=open_page,
    )
    try:
        found = run(settings, options, stopped_by_signals())
    except (ChildFailed, ReplayStalled) as error:
        print(f"outcry: {error}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(getattr(error, "code", 1)) from error
    if as_json and found is not None:
        typer.echo(json.dumps(found))
    if until_done and found is None:
        raise typer.Exit(1)
