"""Something to tell about an incident that is none of its steps."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a remark is about."""

    OFFICIAL = "official"
    BESIDE = "beside"
    ACKNOWLEDGED = "acknowledged"
    CHART = "chart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    One line about what happened at *at*; told once for each incident, by its *id*.

    *line* is plain text, already safe to show. What is *loud* is shown outside of the thread, too.
    """

    id: str
    kind: Kind
    line: str
    at: datetime
    loud: bool = False
