"""
An incident to take along: as JSON, and as a report in Markdown with its chart.

Whatever strangers wrote stands in the Markdown as indented code, in which nothing is markup.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from dashboard import charts, words
from dashboard.posts import plain, safe_url
from dashboard.story import Story, title

N_BARS = 48
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$:@-])")


def as_json(told: Story) -> bytes:
    """Return the incident with its series and what people did, as one JSON object."""
    minutes = told.minutes()
    whole = {
        "incident": told.incident,
        "title": title(told),
        "marks": told.marks,
        "minutes": [[one.minute * 60, one.observed, round(one.expected, 3)] for one in minutes],
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2)


def as_markdown(told: Story) -> str:
    """Return a post-incident report; the chart is a Mermaid one, which is text."""
    incident = told.incident
    parts = [
        f"# {_escaped(title(told))}",
        _facts(told),
        "## Reports per minute",
        _chart(told.minutes()),
        "## Affected services",
        _services(told),
        "## Probable cause",
        _cause(told),
        "## Timeline",
        _timeline(told),
        "## What people said",
        _posts(told),
    ]
    if incident.synthetic:
        parts.insert(1, "**Synthetic replay: the posts were generated from a scenario.**")
    return "\n\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    """Return *text* on one line with every sign of Markdown escaped."""
    return _MARKUP.sub(r"\\\1", " ".join(plain(text).split()))


def _code(text: str) -> str:
    """Return *text* as an indented code block, in which nothing is markup."""
    return "\n".join(f"    {line}" for line in plain(text).splitlines()) or "    (no text)"


def _facts(told: Story) -> str:
    incident = told.incident
    ended = incident.resolved_at
    rows = [
        ("Severity", words.SEVERITY[incident.severity].word),
        ("Status", words.STATUS[incident.status].word),
        ("Onset (estimated)", words.moment(incident.onset_at)),
        ("Detected", f"{words.moment(incident.opened_at)} ({_after(told)} after the onset)"),
        ("Resolved", words.moment(ended) if ended else "not yet"),
        ("Lasted", words.span((ended or told.clock) - incident.onset_at)),
        ("People reporting", f"{incident.observed:,} ({words.number(incident.expected)} normal)"),
    ]
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _after(told: Story) -> str:
    return words.span(told.incident.opened_at - told.incident.onset_at)


def _chart(minutes: Sequence[charts.Minute]) -> str:
    size = -(-len(minutes) // N_BARS) or 1
    steps = [minutes[i : i + size] for i in range(0, len(minutes), size)]
    seen = ", ".join(f"{sum(one.observed for one in step) / len(step):.1f}" for step in steps)
    normal = ", ".join(f"{sum(one.expected for one in step) / len(step):.2f}" for step in steps)
    begin = datetime.fromtimestamp(minutes[0].minute * 60, UTC)
    first = words.clock(begin)
    return (
        f"From {first} UTC, {size} min a step; bars are reports a minute, the line is normal.\n\n"
        f'```mermaid\nxychart-beta\n    y-axis "reports per minute"\n    bar [{seen}]\n'
        f"    line [{normal}]\n```"
    )


def _services(told: Story) -> str:
    rows = [
        f"| {_escaped(told.name(one.service))} | {words.STATUS[one.status].word} "
        f"| {words.clock(one.onset_at)} | {one.observed:,} | {words.number(one.expected)} "
        f"| {words.number(one.peak_per_minute)} |"
        for one in sorted(told.incident.affected, key=lambda one: -one.observed)
    ]
    head = (
        "| Service | State | Since | Reports | Normal | Peak a minute |\n|---|---|---|--:|--:|--:|"
    )
    return "\n".join([head, *rows])


def _cause(told: Story) -> str:
    cause = told.incident.cause
    if cause is None:
        return "No shared cause was found."
    region = f" {_escaped(cause.region)}" if cause.region else ""
    named = f"{_escaped(told.name(cause.provider))}{region}: {words.percent(cause.probability)}"
    return "\n".join([named, "", *(f"- {_escaped(reason)}" for reason in cause.reasons)])


def _timeline(told: Story) -> str:
    steps = [
        (step.at, f"{words.STEP[step.step]}. {_escaped(step.detail)}".rstrip())
        for step in told.incident.transitions
    ]
    steps.insert(0, (told.incident.onset_at, "Onset (estimated)"))
    lines = [f"- {words.moment(at)}: {said}" for at, said in steps]
    if told.marks:
        done = (told.marks.acknowledged, told.marks.false_alarm, *told.marks.notes)
        lines += [
            f"- {words.moment(one.at)} (wall clock): {words.DONE[one.what]} by "
            f"{_escaped(one.by)}. {_escaped(one.text)}".rstrip()
            for one in done
            if one
        ]
    return "\n".join(lines)


def _posts(told: Story) -> str:
    parts = []
    for sample in told.incident.samples[:10]:
        link = f", <{sample.url}>" if safe_url(sample.url) else ""
        head = f"{_escaped(told.name(sample.service))}, {_escaped(sample.source)}, "
        parts.append(f"{head}{words.moment(sample.posted_at)}{link}\n\n{_code(sample.text)}")
    return "\n\n".join(parts) or "No sample post is kept."
