"""What every page is given: the catalogue, the stores, who is looking, and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from dashboard.environment import Environment
from dashboard.reader import Reader
from dashboard.snapshot import Snapshot, View
from detector.actions import Actor, Role
from models.catalogue import Catalogue, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One run of a page: *now* is wall clock, *view* what was read last, *address* a visitor's."""

    catalogue: Catalogue
    reader: Reader
    environment: Environment
    actor: Actor
    address: str
    view: View
    now: datetime

    @property
    def services(self) -> Mapping[str, Service]:
        """Return the catalogue's services by id."""
        return self.catalogue.services

    @property
    def snapshot(self) -> Snapshot:
        """Return what was read last; only pages that follow the head of the page may ask."""
        assert self.view.snapshot is not None
        return self.view.snapshot

    @property
    def clock(self) -> datetime:
        """Return what "now" means in event time."""
        return self.snapshot.clock or self.snapshot.taken_at

    @property
    def may_act(self) -> bool:
        """Whether who is looking is an operator."""
        return self.actor.role is Role.OPERATOR

    def name(self, service: str) -> str:
        """Return the catalogue's name of *service*, else its id."""
        found = self.services.get(service)
        return found.name if found else service


def address(page: str, **query: str) -> str:
    """Return the relative address of *page* with *query*, the same from every page."""
    return f"./{page}?{urlencode(query)}" if query else f"./{page}"
