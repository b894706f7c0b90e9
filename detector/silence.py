"""A silence: for a while nobody is told of what it covers; it always ends."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from detector.incidents import Incident


class Silence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """
    No alerts until *until* for what matches: one incident, or all of a service or an industry.

    Exactly one of the three is set.
    """

    id: str
    by: str
    since: datetime
    until: datetime
    incident: str | None = None
    service: str | None = None
    industry: str | None = None
    reason: str = ""

    def covers(self, incident: Incident, industries: Mapping[str, str]) -> bool:
        """Whether nothing is to be told of *incident*: all its services are silenced by this."""
        if self.incident is not None:
            return self.incident == incident.id
        services = [one.service for one in incident.affected]
        if self.service is not None:
            return bool(services) and all(service == self.service for service in services)
        return bool(services) and all(industries.get(one) == self.industry for one in services)
