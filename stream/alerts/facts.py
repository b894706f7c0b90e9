"""The labelled lines of a message: since when, how sure, how big, what, why, where."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from detector.actions import Marks
from detector.incidents import Affected, Cause, Incident, Status, Step
from detector.official import Official
from models.catalogue import Catalogue
from stream.alerts import statements, wording
from stream.alerts.headline import (
    last_step,
    merged_into,
    provider_name,
    service_name,
    worst_first,
)
from stream.alerts.plain import plain
from stream.alerts.stack import Stack

_REGION, _NAME, _SENTENCE = 24, 60, 220  # characters
_SERVICES, _REASONS, _BREAKDOWN, _BESIDE = 8, 4, 5, 5  # how many at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One labelled line; *at* is for channels that can show it in the reader's own time."""

    label: str
    text: str
    at: datetime | None = None
    items: tuple[str, ...] = ()


def size(incident: Incident) -> str:
    """Say how many reports there are against how many are normal, over which time."""
    span = wording.duration((incident.resolved_at or incident.updated_at) - incident.onset_at)
    text = f"{wording.plural(incident.observed, 'report')} in {span}"
    text += f", normally {wording.usual(incident.expected)}"
    ratio = wording.times(incident.observed, incident.expected)
    return f"{text} ({ratio} normal)" if ratio else text


def since(incident: Incident) -> Fact:
    noticed = incident.opened_at - incident.onset_at
    text = f"{wording.day_and_clock(incident.onset_at)}, noticed {wording.duration(noticed)} later"
    if over := incident.resolved_at:
        same_day = over.astimezone(UTC).date() == incident.onset_at.astimezone(UTC).date()
        text += f"; over at {wording.clock(over) if same_day else wording.day_and_clock(over)}"
    return Fact(label="Since", text=text, at=incident.onset_at)


def certainty(incident: Incident) -> str:
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


def affected(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
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


def handled(marks: Marks) -> Iterator[Fact]:
    """Say what people made of it; their names are as untrusted as posts."""
    if one := marks.acknowledged:
        yield Fact(label="In hand", text=f"{plain(one.by, _NAME)}, since {wording.clock(one.at)}")
    if one := marks.false_alarm:
        why = f": {plain(one.text, _SENTENCE)}" if one.text else ""
        yield Fact(label="False alarm", text=f"called so by {plain(one.by, _NAME)}{why}")


def _tally(one: Affected, catalogue: Catalogue, over: bool) -> str:
    again = ", works again" if one.status is Status.RESOLVED and not over else ""
    return f"{service_name(one.service, catalogue)} ({one.observed:,}{again})"


def cause(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
    if incident.cause is None:
        unknown = Fact(label="Cause", text="no shared cause found so far")
        return (unknown,) if len(incident.affected) > 1 else ()
    reasons = [plain(reason, _SENTENCE) for reason in incident.cause.reasons[:_REASONS]]
    items = tuple(reason for reason in reasons if reason)
    return (Fact(label="Cause", text=blame(incident.cause, catalogue), items=items),)


def blame(cause: Cause, catalogue: Catalogue) -> str:
    sure = wording.percent(cause.probability)
    word = wording.likelihood(cause.probability)
    return f"{word} {provider_name(cause, catalogue)}, {sure} sure"


def breakdown(label: str, counts: Iterable[tuple[tuple[str, int], ...]]) -> tuple[Fact, ...]:
    total: Counter[str] = Counter()
    for pairs in counts:
        for key, n in pairs:
            total[plain(key, _REGION)] += n
    ranked = sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:_BREAKDOWN]
    text = ", ".join(f"{key} {n:,}" for key, n in ranked if key and n > 0)
    return (Fact(label=label, text=text),) if text else ()


def official(incident: Incident, known: Official | None, catalogue: Catalogue) -> tuple[Fact, ...]:
    """Say what the companies say; nothing where no page is read, or another incident tells it."""
    if known is None or merged_into(incident):
        return ()
    return (Fact(label="Official", text=statements.standing(known, incident, catalogue)),)


def mine(incident: Incident, stack: Stack | None, catalogue: Catalogue) -> tuple[Fact, ...]:
    """Say which of the reader's vendors fail, and which depend on what fails."""
    if stack is None or not stack.vendors or merged_into(incident):
        return ()
    parts = []
    for verb, ids in (("hit", stack.hit(incident)), ("at risk", stack.at_risk(incident))):
        names = sorted(service_name(one, catalogue) for one in ids)
        if names:
            parts.append(f"{wording.listed(names, _SERVICES)} {verb}")
    return (Fact(label="Your stack", text="; ".join(parts) or "not hit"),)


def chart(charted: bool) -> tuple[Fact, ...]:
    """Say where the picture of its course is."""
    return (Fact(label="Chart", text="in the thread"),) if charted else ()


def beside(waiting: Sequence[Incident], catalogue: Catalogue) -> tuple[Fact, ...]:
    """Name the incidents that may be of the same failure and have no message of their own yet."""
    names = [
        f"{service_name(one.affected[0].service, catalogue)} ({one.observed:,})"
        for one in waiting[:_BESIDE]
        if one.affected
    ]
    if (n_more := len(waiting) - _BESIDE) > 0:
        names.append(f"{n_more} more")
    return (Fact(label="Perhaps the same", text=", ".join(names)),) if names else ()
