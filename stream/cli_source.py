"""`outcry source …`: what feeds posts into Kafka."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli_live import register
from stream.command import load_settings, stopped_by_signals

if TYPE_CHECKING:
    from stream.settings import Settings
    from stream.sources.file import Progress
    from stream.sources.lines import Sent

PROGRESS_SECONDS = 0.5

source = typer.Typer(
    no_args_is_help=True,
    help="Send posts to Kafka: of a live source, a file, a replay, a recorded stream.",
)
register(source)

Json = Annotated[bool, typer.Option("--json", help="Print the counts as one JSON object.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 when a line was bad.")]
Lines = Annotated[bool, typer.Option("--progress-lines", hidden=True)]


class At(StrEnum):
    """Which time a post gets as its event time."""

    NOW = "now"
    POSTED = "posted"


@source.command()
def file(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A .jsonl or .jsonl.gz file, one post a line.")],
    at: Annotated[At, typer.Option(help="Event time: of sending, or the file's own.")] = At.NOW,
    name: Annotated[str, typer.Option(help="The source's name in the reports.")] = "file",
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Send the posts of a file, once."""
    from stream.sources.file import send_file

    _run(context, send_file, path, strict, as_json, at=at.value, source=name)


@source.command("jetstream-frames")
def jetstream_frames(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="Recorded Jetstream frames, one JSON a line.")],
    at: Annotated[At, typer.Option(help="Event time: of sending, or recorded.")] = At.POSTED,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Send the posts among recorded frames of Bluesky's Jetstream."""
    from stream.sources.jetstream import send_frames

    _run(context, send_frames, path, strict, as_json, at=at.value)


@source.command()
def replay(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="A file of posts, or a scenario by its name.")],
    speed: Annotated[
        float, typer.Option(help="N seconds in one; 0: as fast as possible.", min=0.0)
    ] = 1.0,
    strict: Strict = False,
    as_json: Json = False,
    progress_lines: Lines = False,
) -> None:
    """Send recorded or made-up posts again, at their own event times."""
    from stream.sources.replay import send_replay

    topic = load_settings(context, "source").official.topic
    options = {"speed": speed, "official_topic": topic}
    _run(context, send_replay, what, strict, as_json, lines=progress_lines, **options)


@source.command()
def form(context: typer.Context) -> None:
    """Send what people report on the page; `outcry up` does so by itself."""
    settings, key, stop = _prepare(context)
    from stream.roles import forward

    forward(settings, key)(stop)


def _run(
    context: typer.Context,
    send: "Callable[..., Sent]",
    what: object,
    strict: bool,
    as_json: bool,
    *,
    lines: bool = False,
    **options: object,
) -> None:
    """Send *what* once, and say what came of it; with *lines* `outcry up` is told how far it is."""
    settings, key, stop = _prepare(context)
    with _progress(lines=lines) as progress:
        sent = send(
            what,
            settings.kafka.bootstrap_servers,
            settings.kafka.topic,
            author_key=key,
            progress=progress,
            stop=stop,
            client=settings.kafka.security(),
            **options,
        )
    if not lines:
        _report(sent, strict=strict, as_json=as_json)


def _prepare(context: typer.Context) -> "tuple[Settings, bytes, threading.Event]":
    settings, key = prepared(load_settings(context, "source"))
    return settings, key, stopped_by_signals()


def prepared(settings: "Settings") -> "tuple[Settings, bytes]":
    """Find the servers, make the topics that are missing, and return the key of authors."""
    from stream.author_key import author_key
    from stream.roles import attached
    from stream.topics import ensure_topics

    key = author_key(settings)
    settings = attached(settings)
    kafka = settings.kafka
    topics = (kafka.topic, kafka.dead_letter_topic)
    ensure_topics(kafka.bootstrap_servers, topics, kafka.partitions, client=kafka.security())
    return settings, key


@contextmanager
def _progress(*, lines: bool) -> "Iterator[Progress | None]":
    """Yield what is called with each step forward: a line for `outcry up`, a bar for a person."""
    last = 0.0

    def due() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < PROGRESS_SECONDS:
            return False
        last = now
        return True

    def tell(event_at: datetime, n_sent: int) -> None:
        if due():
            print(json.dumps({"event_at": f"{event_at:%H:%M}", "n_sent": n_sent}))  # noqa: T201

    if lines or not sys.stderr.isatty():
        yield tell if lines else None
        return
    from stream.screen import Screen

    with Screen(machine=True) as screen:

        def show(event_at: datetime, n_sent: int) -> None:
            if due():
                screen.progress(f"{n_sent} posts, at {event_at:%Y-%m-%d %H:%M} UTC", None)

        yield show


def _report(sent: "Sent", *, strict: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(sent)))
    else:
        stopped = ", stopped before the end" if sent.stopped else ""
        typer.echo(f"{sent.n_sent} sent, {sent.n_skipped} no posts, {sent.n_bad} bad{stopped}")
        for line in sent.bad:
            typer.echo(f"  {line}", err=True)
    if strict and sent.n_bad:
        raise typer.Exit(1)
