"""`python -m dashboard`: check that the page can work, then let Streamlit serve it."""

import gc
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import redis

from dashboard.environment import Environment, EnvironmentProblem, masked
from models.catalogue import Catalogue, CatalogueError

# Where Streamlit looks for the details of the provider at which people sign in.
SECRETS = (Path(".streamlit/secrets.toml"), Path.home() / ".streamlit/secrets.toml")
LIGHT = {
    "primaryColor": "#1f5fbf",
    "backgroundColor": "#f5f6f8",
    "secondaryBackgroundColor": "#ffffff",
    "textColor": "#161b22",
    "borderColor": "#dfe3e8",
}
DARK = {
    "primaryColor": "#2f6fd0",
    "backgroundColor": "#0e1218",
    "secondaryBackgroundColor": "#161c25",
    "textColor": "#e8ecf1",
    "borderColor": "#29313d",
    "linkColor": "#7fb4ff",
}
OPTIONS: dict[str, str | bool] = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": False,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    # A full collection after each run costs 100 ms and more of every refresh.
    "runner.postScriptGC": False,
    "theme.baseRadius": "10px",
    "theme.showWidgetBorder": True,
    **{f"theme.light.{name}": value for name, value in LIGHT.items()},
    **{f"theme.dark.{name}": value for name, value in DARK.items()},
}


def main() -> int:
    """Serve the page until a signal comes; return 2 after one line when it could not work."""
    try:
        environment = Environment.read(os.environ)
        _check_login(environment)
        _check_redis(environment)
        _check_port(environment)
        Catalogue.load(environment.catalogue_files)
    except (EnvironmentProblem, CatalogueError) as error:
        print(f"outcry dashboard: {error}", file=sys.stderr)  # noqa: T201 (the one line of a failed start)
        return 2
    # Only now, so that a start that cannot work says so at once and not after seconds of loading.
    import streamlit

    from dashboard import shell
    from dashboard.pages import PAGES

    app = streamlit.App(
        Path(__file__).with_name("app.py"), routes=shell.routes(page.path for page in PAGES)
    )
    # What is loaded by now stays: the collector need not walk it again and again.
    gc.freeze()
    app.run(config={**OPTIONS, "server.address": environment.host, "server.port": environment.port})
    return 0


def _check_login(environment: Environment) -> None:
    if environment.login and find_spec("authlib") is None:
        raise EnvironmentProblem(
            "dashboard.login needs the package authlib, which is not installed; install "
            "outcry[login], or unset OUTCRY_DASHBOARD__LOGIN"
        )
    if environment.login and not any(path.is_file() for path in SECRETS):
        raise EnvironmentProblem(
            f"dashboard.login needs the provider's details in {SECRETS[0]} or {SECRETS[1]}, and "
            "neither is there; docs/dashboard.md says what they hold"
        )


def _check_redis(environment: Environment) -> None:
    try:
        with environment.client() as client:
            client.ping()
    except redis.RedisError as error:
        raise EnvironmentProblem(
            f"redis at {masked(environment.redis_url)} does not answer ({error}); start it, or set "
            "OUTCRY_REDIS__URL to the one that outcry uses"
        ) from error


def _check_port(environment: Environment) -> None:
    family = socket.AF_INET6 if ":" in environment.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((environment.host, environment.port))
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot listen on {environment.host}:{environment.port} ({error.strerror}); stop what "
            "holds it, or set OUTCRY_DASHBOARD__HOST and OUTCRY_DASHBOARD__PORT"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
