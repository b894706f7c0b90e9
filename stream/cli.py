"""
The command line. Everything heavy is imported where it is used, so that help comes at once.

Exit codes: 0 done; 1 something that was checked is not right, or a part failed for good; 2 a wrong
option, setting or environment, told in one line. A traceback is a bug.
"""

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli_alert import alert, api
from stream.cli_backtest import backtest
from stream.cli_bench import bench
from stream.cli_catalogue import catalogue
from stream.cli_incident import incident
from stream.cli_official import official
from stream.cli_risk import risk
from stream.cli_source import source
from stream.cli_up import up
from stream.command import load_settings, stopped_by_signals

if TYPE_CHECKING:
    from stream.check import Check

app = typer.Typer(
    name="outcry",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    help="Hears an outage in what people post, minutes before the status page admits it.",
    epilog="Settings: flags, then OUTCRY_… variables, then outcry.toml; see `outcry config`.",
)
app.command()(up)
app.add_typer(source, name="source")
app.add_typer(alert, name="alert")
app.add_typer(incident, name="incident")
app.command()(api)
app.add_typer(bench, name="bench")
app.command()(backtest)
app.add_typer(catalogue, name="catalogue")
app.command()(risk)
app.command()(official)
# The model's commands parse their own options, so that `python -m models.train` takes the same.
FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True}

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="The settings file.", show_default="./outcry.toml", metavar="FILE"),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log details too.")] = False,
) -> None:
    context.obj = {"config": config, "verbose": verbose}


def main() -> None:
    """Run the command line; problems of the surroundings end in one line and exit code 2."""
    from stream.problems import one_line

    try:
        app()
    except Exception as error:
        line = one_line(error)
        if line is None:
            raise
        print(f"outcry: {line}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


@app.command()
def ingest(
    context: typer.Context,
    worker: Annotated[str, typer.Option(help="A name for the logs.")] = "1",
) -> None:
    """Run one ingest worker: Kafka to counts. Run more of them for more load."""
    settings = load_settings(context, f"ingest-{worker}")
    from stream import roles

    run = roles.ingest(roles.attached(settings))
    run(stopped_by_signals())


@app.command()
def watch(context: typer.Context) -> None:
    """Run the watcher: counts to incidents, and alerts. A second one stands by."""
    settings = load_settings(context, "watch")
    from stream import roles

    run = roles.watch(roles.attached(settings))
    run(stopped_by_signals())


@app.command()
def dashboard(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(help="Port of the page.")] = None,
) -> None:
    """Serve the page."""
    flags = {"dashboard": {"port": port}} if port else {}
    settings = load_settings(context, "dashboard", **flags)
    from stream.configuration import page_environment
    from stream.roles import attached
    from stream.up import check_page

    check_page(settings)
    env = page_environment(attached(settings))
    os.execve(sys.executable, [sys.executable, "-m", "dashboard"], env)  # noqa: S606  our own


@app.command()
def check(context: typer.Context, as_json: Json = False) -> None:
    """Check settings, catalogue, model, Kafka, Redis and Slack; exit code 1 if one is wrong."""
    settings = load_settings(context, "check")
    from stream.check import check_all

    _tell(check_all(settings), as_json=as_json)


def _tell(found: "list[Check]", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({one.name: {"ok": one.ok, "detail": one.detail} for one in found}))
    else:
        for one in found:
            typer.echo(f"{'ok ' if one.ok else 'BAD'}  {one.name:<12} {one.detail}")
    if not all(one.ok for one in found):
        raise typer.Exit(1)


@app.command()
def doctor(
    context: typer.Context,
    pages: Annotated[bool, typer.Option(help="Also try each official status page.")] = True,
    as_json: Json = False,
) -> None:
    """Check sources, pages, clocks and Slack's scopes as well; exit code 1 if one is wrong."""
    settings = load_settings(context, "doctor")
    from stream.doctor import diagnose

    _tell(diagnose(settings, pages=pages), as_json=as_json)


@app.command()
def config(context: typer.Context, as_json: Json = False) -> None:
    """Print the settings in effect, secrets masked."""
    settings = load_settings(context, "config")
    from stream.configuration import as_toml, effective

    typer.echo(json.dumps(effective(settings)) if as_json else as_toml(settings))


@app.command(context_settings=FORWARDED, add_help_option=False)
def train(context: typer.Context) -> None:
    """Train the tagger from the shipped corpus and any extra posts."""
    _forward("models.train", context)


@app.command(context_settings=FORWARDED, add_help_option=False)
def evaluate(context: typer.Context) -> None:
    """Measure the tagger on labelled posts."""
    _forward("models.evaluate", context)


def _forward(module: str, context: typer.Context) -> None:
    command = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    command.command()(import_module(module).main)
    command(context.args, prog_name=context.command_path)
