"""The settings of alerts: which channels there are, and who is told of what, and when."""

import json
from datetime import time
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import NoDecode

from detector.incidents import Severity
from stream.section import Section, WebAddress, Words

_DESTINATION = r"^(slack(:[#A-Za-z0-9._-]{1,81})?|webhook|pagerduty|alertmanager|apprise|terminal)$"
Destination = Annotated[str, Field(pattern=_DESTINATION)]


def _tables(value: object) -> object:
    # In the environment a list of tables is written as JSON.
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"expected a list of tables in JSON: {error}") from error


class RouteSection(Section):
    """Where incidents go that match all that is given; nothing given matches every incident."""

    to: tuple[Destination, ...]
    services: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    severity: Severity = Severity.MINOR
    stack: bool = False


class MaintenanceSection(Section):
    """A time in which services may fail without anybody being told; no service: all of them."""

    begins_at: AwareDatetime
    ends_at: AwareDatetime
    services: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ends(self) -> "MaintenanceSection":
        if not self.begins_at < self.ends_at:
            raise ValueError(f"maintenance ends at {self.ends_at}, not after it begins")
        return self


def _hours(value: str) -> str:
    begin, _, end = value.partition("-")
    try:
        time.fromisoformat(begin), time.fromisoformat(end)
    except ValueError as error:
        raise ValueError(f'quiet_hours {value!r}: expected "22:00-07:00"') from error
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"time_zone {value!r} is unknown; expected one as Europe/Paris") from error
    return value


class Slack(Section):
    """A bot token with a channel, or a webhook address."""

    bot_token: SecretStr | None = None
    bot_token_file: Path | None = None
    channel: str | None = None
    channel_file: Path | None = None
    webhook_url: SecretStr | None = None
    webhook_url_file: Path | None = None
    app_token: SecretStr | None = None
    app_token_file: Path | None = None
    operators: Words = ()
    charts: bool = True
    api_url: WebAddress = "https://slack.com/api/"

    @model_validator(mode="after")
    def _is_usable(self) -> "Slack":
        if self.bot_token and not self.channel:
            raise ValueError("bot_token is set without channel; expected both")
        if self.bot_token and self.webhook_url:
            raise ValueError("bot_token and webhook_url are both set; expected one of them")
        if self.webhook_url and not self.webhook_url.get_secret_value().startswith("http"):
            raise ValueError("webhook_url must start with https://")
        if self.app_token and not (self.bot_token and self.operators):
            raise ValueError("app_token is set; expected bot_token and operators, too")
        return self


class Webhook(Section):
    """Any HTTP server: each step as JSON, signed with *secret*."""

    url: SecretStr | None = None
    url_file: Path | None = None
    secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _is_usable(self) -> "Webhook":
        if self.url and not self.url.get_secret_value().startswith(("http://", "https://")):
            raise ValueError("url must start with https://")
        if self.url and not self.secret:
            raise ValueError("url is set without secret; expected both")
        return self


class PagerDuty(Section):
    """A service's integration key for Events API v2."""

    routing_key: SecretStr | None = None
    routing_key_file: Path | None = None
    url: WebAddress = "https://events.pagerduty.com/v2/enqueue"


class Alertmanager(Section):
    """The address of a Prometheus Alertmanager."""

    url: WebAddress | None = None


class Apprise(Section):
    """Addresses in Apprise's form, with commas between; they hold secrets."""

    urls: SecretStr | None = None
    urls_file: Path | None = None


Routes = Annotated[tuple[RouteSection, ...], NoDecode, BeforeValidator(_tables)]
Windows = Annotated[tuple[MaintenanceSection, ...], NoDecode, BeforeValidator(_tables)]


class Alerts(Section):
    """Who is told of what, and when, and the address of the page that a message links to."""

    page_url: WebAddress | None = None
    severity: Severity = Severity.MINOR
    confirmed_only: bool = False
    only_my_stack: bool = False
    storm_limit: Annotated[int, Field(ge=1, le=1_000)] = 10
    together_minutes: Annotated[float, Field(ge=0, le=60)] = 10.0
    quiet_hours: Annotated[str, AfterValidator(_hours)] | None = None
    quiet_severity: Severity = Severity.CRITICAL
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    routes: Routes = ()
    maintenance: Windows = ()
    slack: Slack = Slack()
    webhook: Webhook = Webhook()
    pagerduty: PagerDuty = PagerDuty()
    alertmanager: Alertmanager = Alertmanager()
    apprise: Apprise = Apprise()


def plain_tables(rows: Any) -> list[dict[str, Any]]:
    """Return a list of tables as JSON values, without what is not given."""
    return [one.model_dump(mode="json", exclude_defaults=True) for one in rows]
