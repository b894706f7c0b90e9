"""
An incident as the message that somebody reads at 3 am: what, since when, how sure, how big, who.

Pure, and the same for every channel; how it looks is theirs. Everything untrusted in it has gone
through `plain` and is bounded, so that no incident, however large, exceeds Slack's limits.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

from detector.incidents import Incident, Sample, Step, Transition
from models.catalogue import Catalogue
from stream.alerts import facts, wording
from stream.alerts.around import NOTHING_AROUND, Around
from stream.alerts.channel import Alert
from stream.alerts.facts import Fact
from stream.alerts.headline import headline, merged_into, service_name
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
_ID, _REGION, _POST, _SENTENCE = 150, 24, 240, 220  # characters
_QUOTES = 3  # at most


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
    around: Around = NOTHING_AROUND,
) -> Message:
    """Return the message for *incident* as it stands; *page_url* is the dashboard's address."""
    return Message(
        headline=headline(incident, catalogue, around.parent),
        notice=_SYNTHETIC if incident.synthetic else None,
        facts=(
            facts.since(incident),
            Fact(label="How sure", text=facts.certainty(incident)),
            Fact(label="How big", text=facts.size(incident)),
            *facts.affected(incident, catalogue),
            *facts.mine(incident, around.stack, catalogue),
            *facts.beside(around.beside, catalogue),
            *facts.official(incident, around.official, catalogue),
            *facts.handled(around.marks),
            *facts.chart(around.charted),
        ),
        quotes=tuple(_quote(sample, catalogue) for sample in _telling(incident.samples)),
        background=(
            *facts.cause(incident, catalogue),
            *facts.breakdown("Symptoms", (one.symptoms for one in incident.affected)),
            *facts.breakdown("Regions", (one.regions for one in incident.affected)),
            *_latest(incident, catalogue),
        ),
        url=link(page_url, (around.parent or incident).id),
    )


def story(incident: Incident, transition: Transition, catalogue: Catalogue) -> str:
    """Say one step of the incident in a line or two; *incident* is as it was at that step."""
    label, text = _LABELS[transition.step], plain(transition.detail, _SENTENCE)
    if transition.step is Step.RESOLVED and (into := merged_into(incident)):
        return f"{wording.clock(transition.at)} · merged into {into}"
    if transition.step is Step.CAUSE_CHANGED and incident.cause is not None:
        text = facts.blame(incident.cause, catalogue)
    line = f"{wording.clock(transition.at)} · {label}" + (f": {text}" if text else "")
    n_affected = len(incident.affected)
    extent = f"; {n_affected} services affected" if n_affected > 1 else ""
    return f"{line}\n{facts.size(incident)}{extent}"


def line_of(alert: Alert, catalogue: Catalogue) -> str:
    """Return what *alert* adds to the thread: its remark, or its step."""
    if alert.remark is not None:
        return alert.remark.line
    return story(alert.incident, alert.transition, catalogue)


def link(page_url: str | None, incident_id: str) -> str | None:
    """Return the address of the incident's page; None without a page or with an absurd id."""
    if not page_url or len(incident_id) > _ID:
        return None
    parts = urlsplit(page_url)
    query = f"{parts.query}&" if parts.query else ""
    query += f"incident={quote(incident_id, safe='', errors='replace')}"
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, ""))


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


def _latest(incident: Incident, catalogue: Catalogue) -> tuple[Fact, ...]:
    last = incident.transitions[-1] if incident.transitions else None
    if last is None or last.step in _SAID:
        return ()
    return (Fact(label="Latest", text=story(incident, last, catalogue).split("\n")[0]),)
