"""What is officially known at a time of the event clock, for those who tell of incidents."""

from collections.abc import Sequence
from datetime import datetime

from detector.incidents import Incident
from detector.official import Official, OfficialEvent, PageState, belongs, official
from detector.official_store import OfficialStore


class News:
    """
    Reads *store* anew when something was written to it.

    What was posted after the event clock is left out: in a replay that is the future.
    """

    def __init__(self, store: OfficialStore):
        self._store = store
        self._version: bytes | None = None
        self._pages: dict[str, PageState] = {}
        self._events: tuple[OfficialEvent, ...] = ()

    def refresh(self) -> bool:
        """Say whether anything is new since the last call."""
        version = self._store.version()
        if version == self._version:
            return False
        self._version = version
        self._pages, self._events = self._store.pages(), self._store.latest()
        return True

    @property
    def nothing_read(self) -> bool:
        """Whether no page was ever read."""
        return not (self._pages or self._events)

    def of(self, incident: Incident, clock: datetime) -> Official | None:
        """Return how *incident* stands officially; None where no page was ever read."""
        if self.nothing_read:
            return None
        return official(incident, self.events(incident, clock), self._pages)

    def events(self, incident: Incident, clock: datetime) -> Sequence[OfficialEvent]:
        """Return what was posted about *incident* until *clock*."""
        return [one for one in self._events if one.posted_at <= clock and belongs(one, incident)]
