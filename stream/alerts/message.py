"""
An incident as the message that somebody reads at 3 am: what, since when, how sure, how big, who.

Pure, and the same for every channel; how it looks is theirs. Everything untrusted in it has gone
through `plain` and is bounded, so that no incident, however large, exceeds Slack's limits.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit

from detector.actions import NO_MARKS, Marks
from detector.incidents import Affected, Cause, Incident, Sample, Status, Step, Transition
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.headline import (
    headline,
    last_step,
    merged_into,
    provider_name,
    service_name,
    worst_first,
)
from stream.alerts.plain import plain

_LABELS = {
    Step.OPENED: "Raised",
    Step.CONFIRMED: "Confirmed",
    Step.SERVICE_JOINED: "Joined",
    Step.CAUSE_CHANGED: "Probable cause",
    Step.SEVERITY_CHANGED: "Severity",
    Step.RECOVERING: "Recovering",
    Step.SECOND_WAVE: "Second wave",
    Step.RESOLVED: "Resolved",
}
# What the message says elsewhere already, so that "Latest" need not.
_SAID = {Step.OPENED, Step.CONFIRMED, Step.CAUSE_CHANGED, Step.RESOLVED}
_SYNTHETIC = "SYNTHETIC: made-up posts of a replay. This is not a live outage."
_ID, _REGION, _NAME, _POST, _SENTENCE = 150, 24, 60, 240, 220  # characters
_SERVICES, _QUOTES, _REASONS, _BREAKDOWN = 8, 3, 4, 5  # how many at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One labelled line; *at* is for channels that can show it in the reader's own time."""

    label: str
    text: str
    at: datetime | None = None
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What somebody posted, as plain text, and where it comes from."""

    text: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The parts of a message in the order in which they are read."""

    headline: str
    notice: str | None
    facts: tuple[Fact, ...]
    quotes: tuple[Quote, ...]
    background: tuple[Fact, ...]
    url: str | None

    def summary(self) -> str:
        """Say the headline and the facts in plain lines, for notifications and screen readers."""
        lines = [self.headline, *(f"{fact.label}: {fact.text}" for fact in self.facts)]
        return "\n".join(lines)


def compose(
    incident: Incident,
    catalogue: Catalogue,
    page_url: str | None = None,
    marks: Marks = NO_MARKS,
) -> Message:
    """Return the message for *incident* as it stands; *page_url* is the dashboard's address."""
    return Message(
        headline=headline(incident, catalogue),
        notice=_SYNTHETIC if incident.synthetic else None,
        facts=(
            _since(incident),
            Fact(label="How sure", text=_certainty(incident)),
            Fact(label="How big", text=size(incident)),
            *_affected(incident, catalogue),
            *_handled(marks),
        ),
        quotes=tuple(_quote(sample, catalogue) for sample in _telling(incident.samples)),
        background=(
            *_cause(incident, catalogue),
            *_breakdown("Symptoms", (one.symptoms for one in incident.affected)),
            *_breakdown("Regions", (one.regions for one in incident.affected)),
            *_latest(incident, catalogue),
        ),
        url=link(page_url, incident.id),
    )


def story(incident: Incident, transition: Transition, catalogue: Catalogue) -> str:
    """Say one step of the incident in a line or two; *incident* is as it was at that step."""
    label, text = _LABELS[transition.step], plain(transition.detail, _SENTENCE)
    if transition.step is Step.RESOLVED and (into := merged_into(incident)):
        return f"{wording.clock(transition.at)} · {into}"
    if transition.step is Step.CAUSE_CHANGED and incident.cause is not None:
        text = _blame(incident.cause, catalogue)
    line = f"{wording.clock(transition.at)} · {label}" + (f": {text}" if text else "")
    n_affected = len(incident.affected)
    extent = f"; {n_affected} services affected" if n_affected > 1 else ""
    return f"{line}\n{size(incident)}{extent}"


def size(incident: Incident) -> str:
    """Say how many reports there are against how many are normal, over which time."""
    span = wording.duration((incident.resolved_at or incident.updated_at) - incident.onset_at)
    text = f"{wording.plural(incident.observed, 'report')} in {span}"
    text += f", normally {wording.usual(incident.expected)}"
    ratio = wording.times(incident.observed, incident.expected)
    return f"{text} ({ratio} normal)" if ratio else text


def link(page_url: str | None, incident_id: str) -> str | None:
    """Return the address of the incident's page; None without a page or with an absurd id."""
    if not page_url or len(incident_id) > _ID:
        return None
    parts = urlsplit(page_url)
    query = f"{parts.query}&" if parts.query else ""
    query += f"incident={quote(incident_id, safe='', errors='replace')}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


def _since(incident: Incident) -> Fact:
    noticed = incident.opened_at - incident.onset_at
    text = f"{wording.day_and_clock(incident.onset_at)}, noticed {wording.duration(noticed)} later"
    if over := incident.resolved_at:
        same_day = over.astimezone(UTC).date() == incident.onset_at.astimezone(UTC).date()
        text += f"; over at {wording.clock(over) if same_day else wording.day_and_clock(over)}"
    return Fact(label="Since", text=text, at=incident.onset_at)


def _certainty(incident: Incident) -> str:
    confirmed = last_step(incident, Step.CONFIRMED)
    when = f" at {wording.clock(confirmed.at)}" if confirmed else ""
    match incident.status:
        case Status.EMERGING:
            return "Early. Far more reports than chance explains, but not confirmed yet."
        case Status.ONGOING:
            return f"Confirmed{when}: reports stay far above normal."
        case Status.RECOVERING:
            begin = f"Was confirmed{when}" if confirmed else "Never confirmed"
            return f"{begin}. Reports are falling towards normal, but it is not over yet."
        case Status.RESOLVED:
            if merged_into(incident):
                return "The other incident has its services now, and tells how it goes on."
            if confirmed:
                return f"Was confirmed{when}. Reports are back to normal."
            return "Never confirmed: it may have been a false alarm."


def _affected(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
    if not incident.affected or (len(incident.affected) == 1 and incident.cause is None):
        return ()  # the headline has said it
    ranked = worst_first(incident.affected)
    over = incident.status is Status.RESOLVED
    text = ", ".join(_tally(one, catalogue, over) for one in ranked[:_SERVICES])
    if (n_more := len(ranked) - _SERVICES) > 0:
        text += f" + {n_more} more"
    n_well = sum(one.status is Status.RESOLVED for one in ranked)
    if n_well and not over:
        text += f" ({n_well} of {len(ranked)} work again)"
    return (Fact(label="Affected", text=text),)


def _handled(marks: Marks) -> Iterator[Fact]:
    """Say what people made of it; their names are as untrusted as posts."""
    if one := marks.acknowledged:
        yield Fact(label="In hand", text=f"{plain(one.by, _NAME)}, since {wording.clock(one.at)}")
    if one := marks.false_alarm:
        why = f": {plain(one.text, _SENTENCE)}" if one.text else ""
        yield Fact(label="False alarm", text=f"called so by {plain(one.by, _NAME)}{why}")


def _tally(one: Affected, catalogue: Catalogue, over: bool) -> str:
    again = ", works again" if one.status is Status.RESOLVED and not over else ""
    return f"{service_name(one.service, catalogue)} ({one.observed:,}{again})"


def _telling(samples: Iterable[Sample]) -> list[Sample]:
    """Choose the posts to quote: the surest first, no copies, services in turn."""
    chosen: list[Sample] = []
    seen: Counter[str] = Counter()
    distinct = {plain(one.text, _POST).casefold(): one for one in samples if plain(one.text, _POST)}
    left = sorted(distinct.values(), key=lambda one: (-one.score, one.posted_at, one.report_id))
    while left and len(chosen) < _QUOTES:
        best = min(left, key=lambda one: seen[one.service])
        left.remove(best)
        seen[best.service] += 1
        chosen.append(best)
    return chosen


def _quote(sample: Sample, catalogue: Catalogue) -> Quote:
    origin = [service_name(sample.service, catalogue), plain(sample.source, _REGION)]
    origin.append(wording.clock(sample.posted_at))
    if sample.synthetic:
        origin.append("synthetic")
    return Quote(text=plain(sample.text, _POST), origin=", ".join(origin))


def _cause(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
    if incident.cause is None:
        unknown = Fact(label="Cause", text="no shared cause found so far")
        return (unknown,) if len(incident.affected) > 1 else ()
    reasons = [plain(reason, _SENTENCE) for reason in incident.cause.reasons[:_REASONS]]
    items = tuple(reason for reason in reasons if reason)
    return (Fact(label="Cause", text=_blame(incident.cause, catalogue), items=items),)


def _blame(cause: Cause, catalogue: Catalogue) -> str:
    sure = wording.percent(cause.probability)
    word = wording.likelihood(cause.probability)
    return f"{word} {provider_name(cause, catalogue)}, {sure} sure"


def _breakdown(label: str, counts: Iterable[tuple[tuple[str, int], ...]]) -> tuple[Fact, ...]:
    total: Counter[str] = Counter()
    for pairs in counts:
        for key, n in pairs:
            total[plain(key, _REGION)] += n
    ranked = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:_BREAKDOWN]
    text = ", ".join(f"{key} {n:,}" for key, n in ranked if key and n > 0)
    return (Fact(label=label, text=text),) if text else ()


def _latest(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
    last = incident.transitions[-1] if incident.transitions else None
    if last is None or last.step in _SAID:
        return ()
    return (Fact(label="Latest", text=story(incident, last, catalogue).split("\n")[0]),)
