"""The incidents as the command line sees them, and who is at the terminal."""

import getpass
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import typer

from detector.actions import Actions, Actor, Role
from detector.incident_store import IncidentStore
from detector.incidents import Incident
from detector.official_store import OfficialStore
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.around import Around
from stream.alerts.headline import headline
from stream.alerts.message import compose, story
from stream.alerts.plain import plain
from stream.api.shapes import evidence_out, incident_out
from stream.destinations import stack
from stream.news import News
from stream.roles import catalogue, connect_redis, page_url
from stream.settings import Settings

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_HERE = ("127.0.0.1", "::1", "localhost", None)
_LINE, _AMBIGUOUS, _REASON, _SUSPECTS = 500, 200, 120, 5


def span(text: str) -> timedelta:
    """Read "30m", "1h" or "2d"; raises `typer.BadParameter`."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if found is None:
        raise typer.BadParameter(f"{text!r}: expected a length such as 30m, 1h or 2d")
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Finds incidents, says them in plain text, and knows who may act."""

    settings: Settings
    store: IncidentStore
    actions: Actions
    news: News
    catalogue: Catalogue

    @classmethod
    def of(cls, settings: Settings) -> "Desk":
        """Return the desk of a running pipeline; raises `SettingsError`."""
        client, prefix = connect_redis(settings), settings.redis.prefix
        news = News(OfficialStore(client, prefix))
        news.refresh()
        return cls(
            settings=settings,
            store=IncidentStore(client, prefix),
            actions=Actions(client, prefix),
            news=news,
            catalogue=catalogue(settings),
        )

    def find(self, which: str) -> Incident:
        """Return the one incident whose id is or begins so; raises `typer.BadParameter`."""
        exact = self.store.get(which)
        if exact is not None:
            return exact
        known = {one.id: one for one in (*self.store.open(), *self.store.recent(500))}
        found = [one for id, one in known.items() if which and id.startswith(which)]
        if len(found) == 1:
            return found[0]
        ids = plain(", ".join(sorted(one.id for one in found)), _AMBIGUOUS)
        hint = f"it may be {ids}" if found else "see `outcry incident list --all`"
        raise typer.BadParameter(f"no single incident is {plain(which, 80)!r}; {hint}")

    def actor(self, name: str | None) -> Actor:
        """
        Return who acts: an operator if listed, or where nobody is and Redis is on this machine.

        The same rule as the page's. Whoever has Redis's password could write past it; the audit is
        for those who work together.
        """
        shown = name or getpass.getuser()
        listed = {one.casefold() for one in self.settings.dashboard.operators}
        is_here = urlsplit(self.settings.redis.url.get_secret_value()).hostname in _HERE
        may = shown.casefold() in listed if listed else is_here
        by = shown if name else f"{shown}@{socket.gethostname()}"
        return Actor(name=by, role=Role.OPERATOR if may else Role.VIEWER, via="cli")

    def line(self, one: Incident) -> str:
        """Say the incident in one line."""
        in_hand = self.actions.marks([one.id])[one.id].acknowledged
        more = f"  [in hand: {plain(in_hand.by, 60)}]" if in_hand else ""
        return f"{plain(one.id, 80)}  {headline(one, self.catalogue)}{more}"

    def suspects(self) -> str | None:
        """Say in one line what is held back as a campaign's, None where nothing is."""
        found = sorted(self.store.suspects(), key=lambda one: (not one.held, -one.posts))
        if not found:
            return None
        told = [
            f"{plain(self._name(one.service), 60)} ({plain(' '.join(one.why[:1]), _REASON)})"
            for one in found[:_SUSPECTS]
        ]
        rest = len(found) - _SUSPECTS
        more = f"; and {rest} more" if rest > 0 else ""
        return f"held back as suspect: {'; '.join(told)}{more}"

    def _name(self, service: str) -> str:
        known = self.catalogue.services.get(service)
        return known.name if known else service

    def lines(self, one: Incident) -> Iterator[str]:
        """Say all of it, in lines."""
        message = compose(one, self.catalogue, page_url(self.settings), self._around(one))
        yield message.headline
        if message.notice:
            yield message.notice
        for fact in (*message.facts, *message.background):
            yield f"{fact.label}: {fact.text}"
            yield from (f"  - {item}" for item in fact.items)
        yield from (f"“{quote.text}” ({quote.origin})" for quote in message.quotes)
        yield "Story:"
        for step in one.transitions:
            text = story(one, step, self.catalogue).splitlines()[0]
            yield f"  {step.at:%Y-%m-%d} {text}"
        for note in self.actions.marks([one.id])[one.id].notes:
            yield f"Note: {plain(note.text, _LINE)} ({plain(note.by, 60)}, {_when(note.at)})"
        if message.url:
            yield message.url

    def as_object(self, one: Incident, *, whole: bool = False) -> dict[str, Any]:
        """Return what the API says of it; *whole*: with its posts and what people did."""
        found: dict[str, Any] = msgspec.to_builtins(incident_out(one, self.catalogue))
        if whole:
            found["evidence"] = [
                msgspec.to_builtins(evidence_out(sample)) for sample in one.samples
            ]
            found["marks"] = msgspec.to_builtins(self.actions.marks([one.id])[one.id])
        return found

    def _around(self, one: Incident) -> Around:
        clock = self.store.judged_until() or one.updated_at
        return Around(
            marks=self.actions.marks([one.id])[one.id],
            stack=stack(self.settings, self.catalogue),
            official=self.news.of(one, clock),
        )


def _when(at: datetime) -> str:
    return wording.day_and_clock(at)
