"""From a report and its tags to what is counted: one statement a service that it names. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from detector.batch import Accepted, Statement, What
from detector.bucket import SPOKEN
from detector.incidents import Sample
from models.tags import Kind, Role, Symptom, Tag
from stream.report import Report

# Below this length people agree by chance ("is whatsapp down?"); above it they copy.
COPY_LENGTH = 40
MOST_NAMED = 4  # a longer list of services says nothing of any two of them
_NOT_TEXT = re.compile(r"https?://\S+|@\w+|[\W\d_]+")


def accept(report: Report, tags: Iterable[Tag], written_at: datetime | None) -> Accepted:
    """
    Return *report* as an entry of its batch.

    *written_at* is the timestamp of the Kafka record. Event time is never later than it or than
    received_at: one post with a wrong clock must not move the watermark into the future.
    """
    tags = (_named(report),) if report.service is not None else tuple(tags)
    print_ = fingerprint(report.text) if tags else ""
    statements = tuple(_statement(report, tag, print_) for tag in tags)
    return Accepted(
        event_at=min(at for at in (report.posted_at, report.received_at, written_at) if at),
        source=report.source,
        report_id=report.id,
        author=report.author,
        is_repost=report.repost_of is not None,
        statements=statements + tuple(_beside(statements)),
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


def fingerprint(text: str) -> str:
    """
    Return 16 hex digits that are equal for copies of a long text, or "" for a short one.

    Case, accents, digits, punctuation, links and handles do not make a difference.
    """
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = _NOT_TEXT.sub("", plain)
    if len(letters) < COPY_LENGTH:
        return ""
    return hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


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


def _statement(report: Report, tag: Tag, print_: str) -> Statement:
    what = _what(tag)
    return Statement(
        service=tag.service,
        what=what,
        fingerprint=print_,
        symptom=tag.symptom or "",
        region=tag.region or report.country or _spoken(report.lang),
        sample=_sample(report, tag) if what == "affected" else None,
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
