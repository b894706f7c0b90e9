"""What every command starts with: its logs, its settings and the signals that end it."""

import signal
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from stream.settings import Settings


def load_settings(context: typer.Context, process: str, **flags: Any) -> "Settings":
    """Set logging up for *process* and load the settings with *flags* over them."""
    from stream import logs
    from stream.configuration import load

    found = context.find_root().obj
    logs.configure(process, verbose=found["verbose"])
    return load(found["config"], flags)


def stopped_by_signals() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and SIGHUP set, in place of their usual effect."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop


def refuse(problem: str, *, code: int = 2) -> NoReturn:
    """End the command with one line that says the *problem*."""
    typer.echo(f"outcry: {problem}", err=True)
    raise typer.Exit(code)
