"""
The post-incident report in Markdown; its charts are Mermaid's, which are text.

Whatever strangers wrote stands in it as indented code, in which nothing is markup.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from dashboard import charts, timeline, words
from dashboard.posts import plain, safe_url
from dashboard.reach import country
from dashboard.story import Story, title
from detector.places import Share
from detector.radius import Radius

N_BARS, N_LANES, N_PLACES = 48, 20, 6
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:@-])")
_LABEL = re.compile(r"[^\w .&-]")


def markdown(told: Story, reached: Radius) -> bytes:
    """Return the report, in UTF-8."""
    parts = [
        f"# {_escaped(title(told))}",
        _facts(told),
        "## Reports per minute",
        _chart(told.minutes()),
        "## Affected services",
        _services(told),
        _lanes(told),
        "## Reach",
        _reach(told, reached),
        "## Probable cause",
        _cause(told),
        "## Timeline",
        _timeline(told),
        "## What people said",
        _posts(told),
    ]
    if told.incident.synthetic:
        parts.insert(1, "**Synthetic replay: the posts were generated from a scenario.**")
    return ("\n\n".join(parts) + "\n").encode()


def _escaped(text: str) -> str:
    """Return *text* on one line with every sign of Markdown escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(plain(text).split()))


def _code(text: str) -> str:
    """Return *text* as an indented code block, in which nothing is markup."""
    return "\n".join(f"    {line}" for line in plain(text).splitlines()) or "    (no text)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def _facts(told: Story) -> str:
    incident, ended = told.incident, told.incident.resolved_at
    onset = words.moment(incident.onset_at)
    if told.onset is not None:
        first, last = map(words.clock, told.onset)
        onset += f", between {first} and {last}"
    after = words.span(incident.opened_at - incident.onset_at)
    rows = [
        ("Severity", words.SEVERITY[incident.severity].word),
        ("Status", words.STATUS[incident.status].word),
        ("Onset (estimated)", onset),
        ("Detected", f"{words.moment(incident.opened_at)} ({after} after the onset)"),
        ("Official status", _official(told)),
        ("Resolved", words.moment(ended) if ended else "not yet"),
        ("Lasted", words.span((ended or told.clock) - incident.onset_at)),
        ("People reporting", f"{incident.observed:,} ({words.number(incident.expected)} normal)"),
    ]
    return _table(("", ""), rows)


def _official(told: Story) -> str:
    known = told.official
    if known is None or known.first is None or known.lead is None:
        return "nothing is known"
    first = known.first
    named = f"{_escaped(told.name(first.service))}: {first.state}"
    return f"{named}, {words.moment(first.posted_at)} ({words.lead(known.lead)})"


def _chart(minutes: Sequence[charts.Minute]) -> str:
    size = -(-len(minutes) // N_BARS) or 1
    steps = [minutes[i : i + size] for i in range(0, len(minutes), size)]
    seen = ", ".join(f"{sum(one.observed for one in step) / len(step):.1f}" for step in steps)
    normal = ", ".join(f"{sum(one.expected for one in step) / len(step):.2f}" for step in steps)
    first = words.clock(datetime.fromtimestamp(minutes[0].minute * 60, UTC))
    return (
        f"From {first} UTC, {size} min a step; bars are reports a minute, the line is normal.\n\n"
        f'```mermaid\nxychart-beta\n    y-axis "reports per minute"\n    bar [{seen}]\n'
        f"    line [{normal}]\n```"
    )


def _services(told: Story) -> str:
    rows = [
        (
            _escaped(told.name(one.service)),
            words.STATUS[one.status].word,
            words.clock(one.onset_at),
            words.clock(one.joined_at),
            words.clock(one.resolved_at) if one.resolved_at else "",
            f"{one.observed:,}",
            words.number(one.expected),
            words.number(one.peak_per_minute),
        )
        for one in sorted(told.incident.affected, key=lambda one: (one.joined_at, one.service))
    ]
    columns = ["Service", "State", "Onset", "Joined", "Recovered", "Reports", "Normal", "Peak/min"]
    return _table(columns, rows)


def _lanes(told: Story) -> str:
    """Draw from when to when each service failed."""
    joined = sorted(told.incident.affected, key=lambda one: (one.joined_at, one.service))
    lanes = [
        f"    {_LABEL.sub(' ', told.name(one.service))} :{_second(one.onset_at)}, "
        f"{_second(one.resolved_at or told.clock)}"
        for one in joined[:N_LANES]
    ]
    head = "```mermaid\ngantt\n    dateFormat X\n    axisFormat %H:%M"
    return "\n".join([head, *lanes, "```"])


def _second(at: datetime) -> int:
    return int(at.timestamp())


def _reach(told: Story, reached: Radius) -> str:
    rows = [
        (_escaped(one.name), f"{one.hit} of {one.known}", str(one.failing))
        for one in reached.industries
    ]
    parts = [_table(("Industry", "Hit", "Failing now"), rows)]
    if reached.countries:
        named = "; ".join(map(_share, reached.countries[:N_PLACES]))
        parts.append(
            f"Countries, estimated, with the interval of 95 %: {named}. "
            f"{100 * reached.placed:.0f} % of the reports name a place."
        )
    back = [f"{_escaped(told.name(id))} {words.clock(at)}" for id, at in reached.recovered]
    if back:
        parts.append(f"Back, in this order: {', '.join(back)}.")
    return "\n\n".join(parts)


def _share(one: Share) -> str:
    low, share, high = (f"{100 * part:.0f}" for part in (one.low, one.share, one.high))
    return f"{_escaped(country(one.place))} {share} % ({low} to {high})"


def _cause(told: Story) -> str:
    cause = told.incident.cause
    if cause is None:
        return "No shared cause was found."
    region = f" {_escaped(cause.region)}" if cause.region else ""
    named = f"{_escaped(told.name(cause.provider))}{region}: {words.percent(cause.probability)}"
    return "\n".join([named, "", *(f"- {_escaped(reason)}" for reason in cause.reasons)])


def _timeline(told: Story) -> str:
    lines = [
        f"- {words.moment(one.at)}: {_escaped(one.name)}. {_escaped(one.text)}".rstrip()
        for one in reversed(timeline.entries(told))
    ]
    lines += [
        f"- {words.moment(one.at)} (wall clock): {_escaped(one.name)}. {_escaped(one.text)}"
        for one in reversed(timeline.done(told))
    ]
    return "\n".join(lines)


def _posts(told: Story) -> str:
    parts = []
    for sample in told.incident.samples[:10]:
        link = f", <{sample.url}>" if safe_url(sample.url) else ""
        head = f"{_escaped(told.name(sample.service))}, {_escaped(sample.source)}, "
        parts.append(f"{head}{words.moment(sample.posted_at)}{link}\n\n{_code(sample.text)}")
    return "\n\n".join(parts) or "No sample post is kept."
