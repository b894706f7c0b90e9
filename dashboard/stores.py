"""Everything in Redis that the page reads or, where people act, writes."""

from dataclasses import dataclass

import redis

from detector.actions import Actions
from detector.counts import Counts
from detector.feeds import Feeds
from detector.inbox import Inbox
from detector.incident_store import IncidentStore
from detector.official_store import OfficialStore
from detector.unknown_store import UnknownNames


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """The stores of one installation; their methods raise redis-py's errors."""

    incidents: IncidentStore
    counts: Counts
    actions: Actions
    inbox: Inbox
    feeds: Feeds
    official: OfficialStore
    unknown: UnknownNames

    @classmethod
    def of(cls, client: redis.Redis, prefix: str) -> "Stores":
        """Return the stores of one installation."""
        return cls(
            incidents=IncidentStore(client, prefix),
            counts=Counts(client, prefix),
            actions=Actions(client, prefix),
            inbox=Inbox(client, prefix),
            feeds=Feeds(client, prefix),
            official=OfficialStore(client, prefix),
            unknown=UnknownNames(client, prefix),
        )
