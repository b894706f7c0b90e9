"""`outcry source bluesky` and the like: the sources that run until they are told to stop."""

from collections.abc import Callable

import typer

from stream.command import load_settings, stopped_by_signals

KINDS = ("bluesky", "mastodon", "hackernews", "reddit", "x", "http")


def run(context: typer.Context, kind: str) -> None:
    """Run the live source *kind*."""
    settings = load_settings(context, f"source-{kind}")
    from stream import live
    from stream.cli_source import prepared
    from stream.sources.live import Refused

    live.check_configured(kind, settings)
    settings, key = prepared(settings)
    stop = stopped_by_signals()
    try:
        if kind in live.SERVED:
            from stream.intake import serve

            serve(settings, key, stop)
        else:
            live.run(kind, settings, key, stop)
    except Refused as refused:
        typer.echo(f"outcry: {kind}: {refused}", err=True)
        raise typer.Exit(2) from refused


def register(app: typer.Typer) -> None:
    """Add a command for each live source."""
    for kind, says in (
        ("bluesky", "Read Bluesky's public firehose; needs no key."),
        ("mastodon", "Read the stream of a Mastodon instance; needs a token."),
        ("hackernews", "Read new stories and comments of Hacker News; needs no key."),
        ("reddit", "Read some subreddits; needs an approved application."),
        ("x", "Read X's filtered stream; needs a token, and each post costs money."),
        ("http", "Take reports over HTTP: JSON, batches, NDJSON."),
    ):
        app.command(kind, help=says)(_command(kind))


def _command(kind: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        run(context, kind)

    return command
