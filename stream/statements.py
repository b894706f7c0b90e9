"""From a report and its tags to what is counted: one statement a service that it names. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from detector.batch import Accepted, Entry, Statement, What
from detector.bucket import SPOKEN
from detector.incidents import Sample
from detector.unknown_store import Mention
from models.tags import Kind, Role, Symptom, Tag
from models.unknown import Unknown
from stream.prints import fingerprint, kin, letters
from stream.report import Report

MOST_NAMED = 4  # a longer list of services says nothing of any two of them


class _Prints(NamedTuple):
    copy: str
    kin: str


def accept(report: Report, tags: Iterable[Tag], written_at: datetime | None) -> Accepted:
    """
    Return *report* as an entry of its batch.

    *written_at* is the timestamp of the Kafka record. Event time is never later than it or than
    received_at: one post with a wrong clock must not move the watermark into the future.
    """
    tags = (_named(report),) if report.service is not None else tuple(tags)
    plain = letters(report.text) if tags else ""
    prints = _Prints(copy=fingerprint(plain), kin=kin(plain) if any(map(_fails, tags)) else "")
    statements = tuple(_statement(report, tag, prints) for tag in tags)
    return Accepted(
        event_at=min(at for at in (report.posted_at, report.received_at, written_at) if at),
        source=report.source,
        report_id=report.id,
        author=report.author,
        is_repost=report.repost_of is not None,
        statements=statements + tuple(_beside(statements)),
    )


def unnamed(entries: Sequence[Entry], texts: Sequence[str], unknown: Unknown) -> Iterator[Mention]:
    """Yield the names outside the catalogue in those *texts* that say nothing of a service."""
    for entry, text in zip(entries, texts, strict=True):
        if isinstance(entry, Accepted) and not entry.statements and not entry.is_repost:
            for name in unknown.names(text):
                yield Mention(
                    event_at=entry.event_at, author=entry.author, key=name.key, shown=name.shown
                )


def _beside(statements: Sequence[Statement]) -> Iterator[Statement]:
    """
    Say which other services are named in a report of failure: who blames a bystander names both.
    """
    named = sorted({statement.service for statement in statements})
    if len(named) > MOST_NAMED:
        return
    for statement in statements:
        if statement.what == "affected":
            for other in named:
                if other != statement.service:
                    yield Statement(service=statement.service, what=f"with:{other}")


def _named(report: Report) -> Tag:
    assert report.service is not None
    symptom = Symptom(report.symptom) if report.symptom else None
    return Tag(service=report.service, role=Role.AFFECTED, symptom=symptom)


def _what(tag: Tag) -> What:
    if tag.role is Role.MENTIONED:
        return "mentioned"
    if tag.role is Role.CAUSE:
        return "blamed"
    return "affected" if tag.kind is Kind.DOWN else "recovered"


def _fails(tag: Tag) -> bool:
    return _what(tag) == "affected"


def _statement(report: Report, tag: Tag, prints: _Prints) -> Statement:
    what = _what(tag)
    return Statement(
        service=tag.service,
        what=what,
        fingerprint=prints.copy,
        symptom=tag.symptom or "",
        region=tag.region or report.country or _spoken(report.lang),
        sample=_sample(report, tag) if what == "affected" else None,
        kin=prints.kin if what == "affected" else "",
    )


def _spoken(language: str | None) -> str:
    """Return the mark of a *language* tag, "~pt" or "~pt-BR": all that hints at where it is."""
    main, *rest = (language or "").split("-")
    country = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), "")
    return SPOKEN + "-".join(filter(None, (main.lower(), country))) if main else ""


def _sample(report: Report, tag: Tag) -> Sample:
    return Sample(
        report_id=report.id,
        service=tag.service,
        text=report.text,
        source=report.source,
        posted_at=report.posted_at.astimezone(UTC),
        score=round(tag.score, 3),
        lang=report.lang,
        url=report.url,
        synthetic=report.synthetic,
    )
