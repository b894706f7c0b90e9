"""The services that an incident hits, and what their reports name: symptoms and regions."""

from collections.abc import Iterable, Sequence

from dashboard import charts, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import token
from dashboard.story import Story
from detector.incidents import Affected, Incident

N_SERVICES, N_BARS = 8, 4


def breakdowns(incident: Incident) -> Markup:
    """Draw how many reports name which symptom and which region."""
    symptoms = _summed(one.symptoms for one in incident.affected)
    regions = _summed(one.regions for one in incident.affected)
    return el(
        "div", _bars("Symptoms", symptoms), _bars("Regions named", regions), class_="breakdowns"
    )


def _summed(parts: Iterable[tuple[tuple[str, int], ...]]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for pairs in parts:
        for name, n in pairs:
            total[token(name, "other")] = total.get(token(name, "other"), 0) + n
    return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:N_BARS]


def _bars(heading: str, counted: Sequence[tuple[str, int]]) -> Markup:
    if not counted:
        return Markup()
    top = counted[0][1] or 1
    rows = [
        el(
            "li",
            el("span", name, class_="name"),
            el("span", el("i", style=f"width:{100 * n / top:.0f}%"), class_="bar"),
            el("span", words.number(n), class_="n"),
        )
        for name, n in counted
    ]
    return el("section", el("h3", heading), el("ul", *rows, class_="bars"))


def services(story: Story) -> Markup:
    """Draw the services as a table: the cause first, then by reports."""
    cause = story.incident.cause
    affected = sorted(
        story.incident.affected,
        key=lambda one: (
            cause is None or one.service != cause.provider,
            -one.observed,
            one.service,
        ),
    )
    head = (
        "Service",
        "State",
        "Since",
        "Reports",
        "Normal",
        "Times",
        "Peak / min",
        "Reports per minute",
    )
    rows = [_service(story, one) for one in affected[:N_SERVICES]]
    rest = affected[N_SERVICES:]
    names = ", ".join(story.name(one.service) for one in rest)
    more = el("p", f"and {len(rest)} more: {names}", class_="more") if rest else Markup()
    table = el(
        "table",
        el("thead", el("tr", *(el("th", name, scope="col") for name in head))),
        el("tbody", *rows),
    )
    return join(el("h3", "Affected services"), el("div", table, class_="scroll"), more)


def _service(story: Story, one: Affected) -> Markup:
    severity = words.SEVERITY[one.severity]
    return el(
        "tr",
        el("th", story.name(one.service), scope="row"),
        el("td", mark(words.STATUS[one.status]), " ", mark(severity)),
        el("td", words.clock(one.onset_at), class_="n"),
        el("td", words.number(one.observed), class_="n strong"),
        el("td", words.number(one.expected), class_="n"),
        el("td", words.times(one.observed, one.expected), class_="n"),
        el("td", words.number(one.peak_per_minute), class_="n"),
        el("td", charts.spark(story.minutes([one.service]), severity.tone), class_="picture"),
    )
