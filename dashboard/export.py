"""An incident, or all of them, to take along: JSON, CSV, and a report in Markdown."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from dashboard import document
from dashboard.posts import plain
from dashboard.story import Story, title
from detector.radius import Radius

# How a cell begins that a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(told: Story, reached: Radius) -> bytes:
    """Return the incident with its minutes, its reach, and what was done and said of it."""
    minutes = told.minutes()
    whole = {
        "incident": told.incident,
        "title": title(told),
        "onset_between": told.onset,
        "radius": reached,
        "official": told.events,
        "marks": told.marks,
        "minutes": [[one.minute * 60, one.observed, round(one.expected, 3)] for one in minutes],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def as_csv(told: Story, reached: Radius) -> bytes:
    """Return the minutes as a table: all services together, what is normal, and each service."""
    hit = [one.service for one in told.incident.affected]
    each = [told.minutes([service]) for service in hit]
    rows = [
        (
            datetime.fromtimestamp(whole.minute * 60, UTC).isoformat(),
            whole.observed,
            round(whole.expected, 3),
            *(one[i].observed for one in each),
        )
        for i, whole in enumerate(told.minutes())
    ]
    return table(("minute", "reports", "normal", *map(told.name, hit)), rows)


def history(told: Iterable[Story]) -> bytes:
    """Return incidents as a table, a row for each."""
    head = (
        *("id", "title", "severity", "status", "onset", "opened", "resolved", "services"),
        *("reports", "normal", "cause", "official", "lead_seconds", "false_alarm", "synthetic"),
    )
    return table(head, map(_row, told))


def _row(told: Story) -> tuple[object, ...]:
    one, known = told.incident, told.official
    lead = known.lead if known else None
    return (
        one.id,
        title(told),
        one.severity,
        one.status,
        one.onset_at.isoformat(),
        one.opened_at.isoformat(),
        one.resolved_at.isoformat() if one.resolved_at else "",
        len(one.affected),
        one.observed,
        one.expected,
        told.name(one.cause.provider) if one.cause else "",
        known.state if known else "",
        lead.total_seconds() if lead is not None else "",
        bool(told.marks and told.marks.false_alarm),
        one.synthetic,
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return CSV in UTF-8 in which no text can be taken for a formula."""
    written = io.StringIO()
    writer = csv.writer(written)
    for row in (head, *rows):
        writer.writerow([_cell(one) for one in row])
    return written.getvalue().encode()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    shown = " ".join(plain(value).split())
    return f"'{shown}" if value.startswith(_FORMULA) or shown.startswith(_FORMULA) else shown


Maker = Callable[[Story, Radius], bytes]
# What the page offers: label, ending of the file's name, media type, and what makes it.
KINDS: tuple[tuple[str, str, str, Maker], ...] = (
    ("Post-incident report (Markdown)", "md", "text/markdown", document.markdown),
    ("Everything (JSON)", "json", "application/json", as_json),
    ("Minutes (CSV)", "csv", "text/csv", as_csv),
)
