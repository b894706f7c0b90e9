"""
`outcry up`: everything on one machine, each part in a process of its own.

Starts the embedded broker and Redis unless others are configured, then ingest, watch, the dashboard
and the sources, and keeps them running until it is told to stop or a replay is done.
"""

import os
import socket
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from stream.author_key import author_key
from stream.cli_live import KINDS as LIVE
from stream.configuration import change
from stream.data_dir import Held, Running, hold
from stream.finish import Finish
from stream.parts import Parts
from stream.screen import Screen
from stream.settings import Settings, SettingsError

POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `outcry up` was asked for; *speed* is event seconds per second, 0 for no limit."""

    sources: tuple[str, ...] = ()
    replay: str | None = None
    speed: float = 0.0
    until_done: bool = False
    machine: bool = False
    dashboard: bool = True
    keep: bool = False
    open_page: bool = False


def up(settings: Settings, options: Options, stop: threading.Event) -> dict[str, Any] | None:
    """
    Run until *stop* is set, or with *options.until_done* until the replay is done.

    Returns what the replay led to (`stream.outcome.summary`), None when it was stopped before.
    Raises `SettingsError`, `EmbeddedError`, `BrokerUnreachable`, and `ChildFailed` when a child is
    gone for good. Call it from the main thread.
    """
    for source in options.sources:
        check_source(source, settings)
    if live := [source for source in options.sources if source.partition(":")[0] in LIVE]:
        settings = for_live(settings, live, options.sources)
    if options.dashboard:
        check_page(settings)
    if options.replay:
        check_replay(options.replay)
    if options.replay:
        settings = for_replay(settings, options.replay)
    with ExitStack() as stack:
        held = stack.enter_context(hold(settings.up.data_dir))
        if options.replay and not options.keep:
            held.empty()
        screen = stack.enter_context(Screen(machine=options.machine))
        parts = Parts(settings, held.path, screen)
        stack.callback(parts.stop)
        found = _run(parts, options, held, screen, stop)
    # Only now is everything taken down that the children said.
    told = {**parts.alerts, "total": parts.alerts.total()}
    return found and {**found, "alerts": told, "failed": parts.supervisor.failed()}


def for_replay(settings: Settings, replay: str) -> Settings:
    """
    Return *settings* with all state moved aside: a replay never meets live data.

    Event time goes back in a replay, so a topic, a consumer group and Redis keys of its own are no
    matter of taste. Authors are hashed with the key of the directory above.
    """
    name = "replay-" + Path(replay).name.split(".", 1)[0].lower()
    kafka, key = settings.kafka, author_key(settings).decode()
    return change(
        settings,
        up={"data_dir": settings.up.data_dir / name},
        privacy={"author_key": SecretStr(key)},
        kafka={
            "topic": f"{kafka.topic}.{name}",
            "dead_letter_topic": f"{kafka.dead_letter_topic}.{name}",
            "group_id": f"{kafka.group_id}.{name}",
        },
        redis={"prefix": f"{settings.redis.prefix}.{name}"},
        official={"topic": f"{settings.official.topic}.{name}"},
        # A replay's heartbeats are in event time and its source's own.
        ingest={"idle_heartbeat_seconds": 0},
    )


def check_source(source: str, settings: Settings) -> None:
    """Raise `SettingsError` when *source* is none, or lacks a setting that it needs."""
    kind, _, argument = source.partition(":")
    if kind in LIVE and not argument:
        from stream.live import check_configured

        check_configured(kind, settings)
    elif kind != "file" or not argument:
        known = ", ".join(LIVE)
        raise SettingsError(f"{source!r} is no source; expected file:PATH or one of {known}")


def for_live(settings: Settings, live: Sequence[str], sources: Sequence[str]) -> Settings:
    """
    Return *settings* for sources that say themselves that they live.

    Heartbeats of the workers would let the watermark run on while all sources are cut off, and what
    is read again afterwards would come too late to count.
    """
    if set(live) != set(sources) or "http" in live:
        return settings
    return change(settings, ingest={"idle_heartbeat_seconds": 0})


def _run(
    parts: Parts, options: Options, held: Held, screen: Screen, stop: threading.Event
) -> dict[str, Any] | None:
    parts.start_servers()
    page = f"http://{parts.settings.dashboard.host}:{parts.settings.dashboard.port}"
    held.say(
        Running(
            pid=os.getpid(),
            kafka=",".join(parts.settings.kafka.bootstrap_servers),
            redis=parts.settings.redis.url.get_secret_value(),
            prefix=parts.settings.redis.prefix,
            page=page if options.dashboard else "",
        )
    )
    parts.start_loops()
    if options.dashboard:
        parts.start_dashboard()
        _await_page(parts, page, stop)
        screen.show(f"page: {page}")
        if options.open_page and _has_desktop():
            webbrowser.open(page)
    if options.replay:
        parts.start_replay(options.replay, options.speed, lambda line: _progress(screen, line))
    for source in options.sources:
        kind, _, argument = source.partition(":")
        parts.start_source(kind, argument, once=kind not in LIVE)
    if options.replay and tells_officially(options.replay):
        parts.start_official(ask=False)
    elif parts.settings.official.enabled and not options.replay:
        parts.start_official()
    return _keep_running(parts, options, screen, stop)


def _keep_running(
    parts: Parts, options: Options, screen: Screen, stop: threading.Event
) -> dict[str, Any] | None:
    finish: Finish | None = None
    found: dict[str, Any] | None = None
    while not stop.wait(POLL_SECONDS):
        parts.poll(time.monotonic())
        if options.replay is None or found is not None or not parts.supervisor.done("replay"):
            continue
        finish = finish or Finish(parts.settings)
        found = finish.poll(time.monotonic())
        if found is not None and options.until_done:
            break
        if found is not None:
            screen.no_progress()
            screen.show("the replay is done; Ctrl-C stops the page and all the rest")
    return found


def _await_page(parts: Parts, page: str, stop: threading.Event) -> None:
    while not stop.wait(POLL_SECONDS):
        parts.poll(time.monotonic())
        try:
            with urllib.request.urlopen(f"{page}/_stcore/health", timeout=1):  # noqa: S310  our own
                return
        except OSError:
            continue


def tells_officially(replay: str) -> bool:
    """Whether what is replayed tells what companies said: some scenarios do, recordings do not."""
    from stream.sources.replay import is_recording
    from stream.sources.scenario import load_scenario

    return not is_recording(replay) and bool(load_scenario(replay).script.official)


def check_replay(replay: str) -> None:
    """Raise `FileError` or `ScenarioError` when there is no such file or scenario."""
    from stream.sources.lines import lines
    from stream.sources.replay import is_recording
    from stream.sources.scenario import load_scenario

    if is_recording(replay):
        next(lines(Path(replay)), None)
    else:
        load_scenario(replay)


def _has_desktop() -> bool:
    # Without one, webbrowser would start a text browser in this terminal.
    return sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _progress(screen: Screen, line: str) -> None:
    try:
        told = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return
    screen.progress(f"replay at {told['event_at']}, {told['n_sent']} posts", told.get("share"))


def check_page(settings: Settings) -> None:
    """Raise `SettingsError` when the page cannot be served where the settings say."""
    host, port = settings.dashboard.host, settings.dashboard.port
    if find_spec("streamlit") is None:
        raise SettingsError(
            "streamlit is not installed, which the page needs; install outcry[dashboard], "
            "or use --no-dashboard"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"dashboard.port = {port} on {host} cannot be had ({error.strerror}); "
                "choose another by --port, or use --no-dashboard"
            ) from error
