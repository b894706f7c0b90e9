"""Builds the channels and the rules of each from the settings."""

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import time, timedelta
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from detector.actions import Actions
from detector.incident_store import IncidentStore
from detector.official_store import OfficialStore
from models.catalogue import Catalogue
from stream.alert_settings import Alerts, RouteSection
from stream.alerts.channel import Channel
from stream.alerts.rules import Maintenance, QuietHours, Route, Rules
from stream.alerts.stack import Stack
from stream.courier import Courier
from stream.news import News
from stream.settings import Settings, SettingsError


def names(alerts: Alerts) -> tuple[str, ...]:
    """
    Return the names of the channels in use, under which they keep their progress.

    These are the ones that the routes name, else all that are configured, else the terminal.
    Raises `SettingsError` for a route to a channel that is not configured.
    """
    configured = _configured(alerts)
    if not alerts.routes:
        return configured or ("terminal",)
    wanted = tuple(dict.fromkeys(one for route in alerts.routes for one in route.to))
    for one in wanted:
        if not (one == "terminal" or one.partition(":")[0] in configured):
            raise SettingsError(
                f"alerts.routes names {one!r}, which is not configured; configure it under "
                f"[alerts.{one.partition(':')[0]}] or remove it"
            )
        if ":" in one and not alerts.slack.bot_token:
            raise SettingsError(
                f"alerts.routes names {one!r}, but a webhook has one channel; set a bot_token"
            )
    return wanted


def channel(name: str, settings: Settings, services: Catalogue, page: str) -> Channel:
    """Return the channel *name*, one of `names`."""
    alerts = settings.alerts
    kind, _, argument = name.partition(":")
    if kind == "slack":
        return _slack(name, argument, alerts, services, page)
    if kind == "webhook":
        from stream.alerts.webhook import Webhook

        assert alerts.webhook.url is not None
        assert alerts.webhook.secret is not None
        url, secret = alerts.webhook.url, alerts.webhook.secret
        return Webhook(url.get_secret_value(), secret.get_secret_value(), services, page)
    if kind == "pagerduty":
        from stream.alerts.pagerduty import PagerDuty

        assert alerts.pagerduty.routing_key is not None
        key = alerts.pagerduty.routing_key.get_secret_value()
        return PagerDuty(key, services, page, url=alerts.pagerduty.url)
    if kind == "alertmanager":
        from stream.alerts.alertmanager import Alertmanager

        assert alerts.alertmanager.url is not None
        return Alertmanager(alerts.alertmanager.url, services, page)
    if kind == "apprise":
        from stream.alerts.others import Others

        assert alerts.apprise.urls is not None
        return Others(alerts.apprise.urls.get_secret_value().split(","), services, page)
    from rich.console import Console

    from stream.alerts.terminal import Terminal

    return Terminal(services, page, Console(file=sys.stdout))


def couriers(
    settings: Settings,
    services: Catalogue,
    page: str,
    store: IncidentStore,
    actions: Actions,
    official: OfficialStore,
) -> list[Courier]:
    """Return a courier for each channel in use."""
    mine = stack(settings, services)
    return [
        Courier(
            store,
            channel(name, settings, services, page),
            rules=rules(name, settings.alerts, mine),
            catalogue=services,
            actions=actions,
            news=News(official),
            stack=mine,
        )
        for name in names(settings.alerts)
    ]


def listeners(settings: Settings, actions: Actions) -> list[Callable[[threading.Event], None]]:
    """Return what has to run beside the couriers: who hears the clicks on Slack's buttons."""
    slack = settings.alerts.slack
    if slack.app_token is None:
        return []
    from stream.alerts.slack_socket import Buttons

    token = slack.app_token.get_secret_value()
    return [Buttons(token, slack.operators, actions, base_url=slack.api_url).run]


def stack(settings: Settings, services: Catalogue) -> Stack | None:
    """Return what the user depends on, None where nothing is named; raises `SettingsError`."""
    if not settings.stack.vendors:
        return None
    try:
        return Stack.of(settings.stack.vendors, services)
    except ValueError as error:
        raise SettingsError(f"stack.vendors: {error}") from error


def rules(name: str, alerts: Alerts, mine: Stack | None = None) -> Rules:
    """
    Return what holds for the channel *name*; only routes and the stack keep things from the
    terminal.

    Raises `SettingsError` where alerts are limited to a stack that is not named.
    """
    limited = alerts.only_my_stack or any(route.stack for route in alerts.routes)
    if limited and mine is None:
        raise SettingsError("alerts are limited to your stack, but stack.vendors names none")
    # A program gets each step at once, and sorts out itself what belongs together.
    together = timedelta(minutes=0 if name == "webhook" else alerts.together_minutes)
    if name == "terminal" and not alerts.routes:
        return Rules(together=together, routes=(_only(Route(), alerts, mine),))
    chosen = [route for route in alerts.routes if name in route.to]
    windows = (
        Maintenance(begins_at=one.begins_at, ends_at=one.ends_at, services=frozenset(one.services))
        for one in alerts.maintenance
    )
    return Rules(
        routes=tuple(_only(_route(one, mine), alerts, mine) for one in chosen)
        or (_only(Route(severity=alerts.severity), alerts, mine),),
        confirmed_only=alerts.confirmed_only,
        quiet=_quiet(alerts),
        maintenance=tuple(windows),
        storm_limit=alerts.storm_limit,
        together=together,
    )


def _configured(alerts: Alerts) -> tuple[str, ...]:
    found = {
        "slack": alerts.slack.bot_token or alerts.slack.webhook_url,
        "webhook": alerts.webhook.url,
        "pagerduty": alerts.pagerduty.routing_key,
        "alertmanager": alerts.alertmanager.url,
        "apprise": alerts.apprise.urls,
    }
    return tuple(name for name, value in found.items() if value)


def _slack(name: str, argument: str, alerts: Alerts, services: Catalogue, page: str) -> Channel:
    slack = alerts.slack
    if slack.bot_token and slack.channel:
        from stream.alerts.slack import SlackBot

        token, where = slack.bot_token.get_secret_value(), argument or slack.channel
        return SlackBot(
            token,
            where,
            services,
            page,
            name=name,
            buttons=slack.app_token is not None,
            charts=slack.charts and find_spec("PIL") is not None,
            base_url=slack.api_url,
        )
    from stream.alerts.slack_webhook import SlackWebhook

    assert slack.webhook_url is not None
    return SlackWebhook(slack.webhook_url.get_secret_value(), services, page)


def _only(route: Route, alerts: Alerts, mine: Stack | None) -> Route:
    return replace(route, stack=mine) if alerts.only_my_stack else route


def _route(section: RouteSection, mine: Stack | None) -> Route:
    return Route(
        services=frozenset(section.services),
        industries=frozenset(section.industries),
        regions=frozenset(section.regions),
        severity=section.severity,
        stack=mine if section.stack else None,
    )


def _quiet(alerts: Alerts) -> QuietHours | None:
    if alerts.quiet_hours is None:
        return None
    begin, _, end = alerts.quiet_hours.partition("-")
    return QuietHours(
        begin=time.fromisoformat(begin),
        end=time.fromisoformat(end),
        zone=ZoneInfo(alerts.time_zone),
        severity=alerts.quiet_severity,
    )
