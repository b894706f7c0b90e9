"""What the page is told from outside: `OUTCRY_…` variables, named like outcry.toml's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT_SECONDS = 2.0  # a page that hangs on a dead Redis shows nothing; one that fails says so


class EnvironmentProblem(Exception):
    """A variable is wrong, or what it names cannot be used: one line that says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """
    Where the state lies, and where and for whom the page is served.

    *redis_url* may hold a password; *budget* is the number of false incidents per service and year
    that are acceptable, *settings* the text of all settings with every secret masked.
    """

    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False)
    prefix: str = "outcry"
    host: str = "127.0.0.1"
    port: int = 8501
    catalogue_files: tuple[Path, ...] = ()
    login: bool = False
    operators: tuple[str, ...] = ()
    budget: str = "1.0"
    settings: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "Environment":
        """Read *variables*, where empty is unset; raises `EnvironmentProblem`."""
        default = cls()
        budget = "OUTCRY_DETECTION__FALSE_INCIDENTS_PER_SERVICE_YEAR"
        return cls(
            redis_url=variables.get("OUTCRY_REDIS__URL") or default.redis_url,
            prefix=variables.get("OUTCRY_REDIS__PREFIX") or default.prefix,
            host=variables.get("OUTCRY_DASHBOARD__HOST") or default.host,
            port=_port(variables.get("OUTCRY_DASHBOARD__PORT") or str(default.port)),
            catalogue_files=tuple(map(Path, _listed(variables, "OUTCRY_CATALOGUE__FILES"))),
            login=variables.get("OUTCRY_DASHBOARD__LOGIN", "").lower() in ("true", "1", "yes"),
            operators=_listed(variables, "OUTCRY_DASHBOARD__OPERATORS"),
            budget=variables.get(budget) or default.budget,
            settings=variables.get("OUTCRY_SHOWN_SETTINGS", ""),
        )

    def client(self) -> "redis.Redis":
        """Return a client that fails within seconds; nothing is sent yet."""
        try:
            return redis.Redis.from_url(
                self.redis_url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError as error:
            raise EnvironmentProblem(
                f"OUTCRY_REDIS__URL is {masked(self.redis_url)!r}, expected an address that starts "
                "with redis://, rediss:// or unix://"
            ) from error


def masked(url: str) -> str:
    """Return *url* with its user and password left out."""
    _, at, rest = url.rpartition("@")
    return f"{urlsplit(url).scheme}://…@{rest}" if at else url


def _listed(variables: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in variables.get(name, "").split(",") if one.strip())


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65_535:
        return int(text)
    raise EnvironmentProblem(
        f"OUTCRY_DASHBOARD__PORT is {text!r}, expected a port number from 1 to 65535"
    )
