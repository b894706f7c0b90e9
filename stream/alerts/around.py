"""What is known around an incident when it is told."""

from dataclasses import dataclass

from detector.actions import NO_MARKS, Marks
from detector.incidents import Incident
from detector.official import Official
from stream.alerts.stack import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """
    What is known around an incident when it is told.

    *official* is None where no status page is read at all; *beside* are incidents that wait for a
    message of their own, as they may be of the same failure; *parent* is the one that it was
    merged into. *charted* says that its thread holds a picture of its course.
    """

    marks: Marks = NO_MARKS
    stack: Stack | None = None
    official: Official | None = None
    beside: tuple[Incident, ...] = ()
    parent: Incident | None = None
    charted: bool = False


NOTHING_AROUND = Around()
