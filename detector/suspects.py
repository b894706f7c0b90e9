"""
What is held back: bursts of reports that are rather a campaign's than a crowd's. Values, and pure.

A suspect is shown and raises nothing. It is judged anew in every bucket: as soon as more speaks for
a crowd, it becomes an incident.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np

from detector.crowd import Crowd, Rows, alike, usual_newcomers
from detector.evidence import Hint
from detector.incidents import Sample

_FEW = 5  # posts a head from which few authors make the noise: a campaign's, not a crowd's


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """
    A service whose reports are held back, or are mostly repetitions that do not count.

    *held* tells the two apart: only what is held would have been raised. *posts*, *people*,
    *newcomers* (not heard of before that day) and *alike* (people with one text) are of the present
    burst; *usual_newcomers* is the usual share. *why* is in plain words.
    """

    service: str
    since_at: datetime
    held: bool
    posts: int
    people: int
    newcomers: int
    alike: int
    usual_newcomers: float
    why: tuple[str, ...]
    samples: tuple[Sample, ...] = ()


def suspected(
    before: Sequence[Suspect],
    crowd: Crowd,
    services: Sequence[str],
    held: Rows,
    repeated: Rows,
    hints: Sequence[Hint],
    now: datetime,
) -> tuple[Suspect, ...]:
    """Describe the rows that are *held*, and those of which most posts are *repeated*."""
    rows = np.union1d(held, repeated).astype(np.intp)
    if not len(rows):
        return ()
    since = {one.service: one.since_at for one in before}
    samples = {hint.service: hint.samples for hint in hints}
    behind = set(held.tolist())
    texts = alike(crowd, rows)
    return tuple(
        _described(crowd, row, services[row], row in behind, float(most), since, samples, now)
        for row, most in zip(rows.tolist(), texts, strict=True)
    )


def encode(suspects: Sequence[Suspect]) -> bytes:
    """Encode for the store."""
    return msgspec.json.encode(suspects)


def decode(data: bytes) -> tuple[Suspect, ...]:
    """Decode what `encode` made."""
    return msgspec.json.decode(data, type=tuple[Suspect, ...]) if data else ()


def _described(
    crowd: Crowd,
    row: int,
    service: str,
    held: bool,
    most: float,
    since: Mapping[str, datetime],
    samples: Mapping[str, tuple[Sample, ...]],
    now: datetime,
) -> Suspect:
    people, new = float(crowd.people[row]), float(crowd.newcomers[row])
    posts = max(float(crowd.posts[row]), float(crowd.repeated[row] + crowd.counted[row]))
    usual = usual_newcomers(crowd)
    return Suspect(
        service=service,
        since_at=since.get(service, now),
        held=held,
        posts=round(posts),
        people=round(people),
        newcomers=round(new),
        alike=round(most),
        usual_newcomers=round(usual, 3),
        why=tuple(_why(posts, people, new, most, usual, float(crowd.repeated[row]))),
        samples=samples.get(service, ()),
    )


def _why(
    posts: float, people: float, new: float, most: float, usual: float, repeated: float
) -> list[str]:
    why = []
    if people >= 2 and most >= people / 3:
        why.append(f"{most:.0f} of {people:.0f} people post the same text, or nearly")
    if people >= 2 and new / people > (1 + usual) / 2:
        why.append(f"{new / people:.0%} of them were never heard of before, usually {usual:.0%}")
    if people >= 1 and posts >= _FEW * people:
        whose = f"{people:.0f} people" if round(people) > 1 else "one person"
        why.append(f"few authors: {posts:.0f} posts by {whose}")
    if repeated >= 2 * people:
        why.append(f"{repeated:.0f} of {posts:.0f} posts repeat what was said before")
    return why or ["few people, who say the same"]
