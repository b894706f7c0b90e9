"""One thing to tell on one channel, from whatever it comes."""

from dataclasses import dataclass

from detector.incident_store import OutboxEntry
from detector.incidents import Incident, Transition
from stream.alerts.remark import Remark


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    One thing to decide on.

    *newest* is the latest snapshot that waits behind it, *late* says whether it was postponed.
    *merging* are the incidents whose services it is about to take over.
    """

    entry_id: str
    incident: Incident
    transition: Transition
    newest: Incident
    superseded: bool = False
    late: bool = False
    remark: Remark | None = None
    merging: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """What a call about it is noted under."""
        return f"{self.incident.id} {self.remark.id}" if self.remark else self.incident.id


def fresh(entry: OutboxEntry, last: OutboxEntry, merging: tuple[str, ...] = ()) -> Case:
    """Return the case of an outbox entry; *last* is the last one that waits of its incident."""
    return Case(
        entry_id=entry.id,
        incident=entry.incident,
        transition=entry.transition,
        newest=last.incident,
        superseded=last.id != entry.id,
        merging=merging,
    )


def late(entry_id: str, incident: Incident, remark: Remark | None = None) -> Case:
    """Return the case of what was put off, or of a remark, on *incident* as it stands."""
    return Case(
        entry_id=entry_id,
        incident=incident,
        transition=incident.transitions[-1],
        newest=incident,
        late=True,
        remark=remark,
    )
