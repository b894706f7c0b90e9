"""What one page says: the values that every parser gives, and how two readings differ. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from detector.official import FAILING, OfficialState

MAX_TITLE = 300


class UnknownPage(ValueError):
    """What came is not a status page of the expected form: its state is unknown, never fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """
    One incident on a page.

    *about* are the products, components or codes that the page names with it; by them and the
    title a page of several services is divided among them.
    """

    id: str
    title: str
    state: OfficialState
    posted_at: datetime
    resolved_at: datetime | None = None
    url: str = ""
    about: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


def changed(
    before: Mapping[str, Notice], now: Sequence[Notice], at: datetime, *, current_only: bool
) -> tuple[Notice, ...]:
    """
    Return the notices of *now* that are new or different.

    Where a page lists what is *current_only*, what has vanished from it was resolved at *at*.
    """
    fresh = [notice for notice in now if before.get(notice.id) != notice]
    if current_only:
        there = {notice.id for notice in now}
        fresh += [
            replace(notice, state=OfficialState.OPERATIONAL, resolved_at=at)
            for id, notice in before.items()
            if id not in there and notice.state in FAILING
        ]
    return tuple(fresh)


def instant(value: object, field: str) -> datetime:
    """Read a time as pages write it: ISO 8601, RFC 822 or unix seconds; `UnknownPage` if not."""
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and value.isdecimal()):
            return datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, str):
            return _from_text(value.strip())
    except (ValueError, OverflowError, OSError) as error:
        raise UnknownPage(f"field {field}: {value!r} is no time") from error
    raise UnknownPage(f"field {field}: {value!r}, expected a time")


def _from_text(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        # Azure ends its dates in "Z", which is not of RFC 822.
        at = parsedate_to_datetime(text.removesuffix("Z") + "GMT" if text.endswith("Z") else text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
