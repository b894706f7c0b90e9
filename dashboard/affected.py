"""The services that an incident hits, and what their reports name: symptoms and regions."""

from collections.abc import Iterable, Sequence

from dashboard import charts, words, world
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import token
from dashboard.site import address
from dashboard.story import Story
from detector.incidents import Affected, Incident

N_SERVICES, N_LISTED, N_BARS, N_REGIONS = 15, 7, 5, 60


def symptoms(incident: Incident) -> Markup:
    """Draw how many reports name which symptom."""
    counted = _summed(one.symptoms for one in incident.affected)
    return el("div", _bars("Symptoms", counted), class_="breakdowns")


def regions(incident: Incident) -> Markup:
    """Draw where reports come from, or speak of: countries on a map, and all as bars."""
    counted = _summed((one.regions for one in incident.affected), N_REGIONS)
    if not counted:
        return Markup()
    bars = el("div", _bars("", counted[:N_BARS]), class_="breakdowns")
    return el(
        "section", el("h3", "Regions named"), el("div", world.drawn(counted), bars, class_="where")
    )


def _summed(
    parts: Iterable[tuple[tuple[str, int], ...]], limit: int = N_BARS
) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for pairs in parts:
        for name, n in pairs:
            total[token(name, "other")] = total.get(token(name, "other"), 0) + n
    named = [(name, n) for name, n in total.items() if n > 0]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:limit]


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
    named = el("h3", heading) if heading else Markup()
    return el("section", named, el("ul", *rows, class_="bars"))


def services(story: Story) -> Markup:
    """Draw the services as a table: the cause first, then by reports."""
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
    affected = _ordered(story)
    rows = [_service(story, one) for one in affected[:N_SERVICES]]
    table = el(
        "table",
        el("thead", el("tr", *(el("th", name, scope="col") for name in head))),
        el("tbody", *rows),
    )
    shown = el("div", table, class_="scroll")
    return join(el("h3", "Affected services"), shown, _rest(story, affected[N_SERVICES:]))


def listed(story: Story) -> Markup:
    """Draw the services as a short list, for the card."""
    affected = _ordered(story)
    rows = [_listed(story, one) for one in affected[:N_LISTED]]
    return join(
        el("h3", "Affected services"),
        el("ul", *rows, class_="hit"),
        _rest(story, affected[N_LISTED:]),
    )


def _ordered(story: Story) -> list[Affected]:
    cause = story.incident.cause
    return sorted(
        story.incident.affected,
        key=lambda one: (
            cause is None or one.service != cause.provider,
            -one.observed,
            one.service,
        ),
    )


def _rest(story: Story, rest: Sequence[Affected]) -> Markup:
    names = [el("a", story.name(one.service), href=_link(one)) for one in rest]
    parted = [part for name in names for part in (Markup(", "), name)][1:]
    return el("p", f"and {len(rest)} more: ", *parted, class_="more") if rest else Markup()


def _link(one: Affected) -> str:
    return address("service", id=one.service)


def _listed(story: Story, one: Affected) -> Markup:
    severity = words.SEVERITY[one.severity]
    return el(
        "li",
        el("a", story.name(one.service), href=_link(one)),
        mark(words.STATUS[one.status]),
        el("span", words.number(one.observed), class_="n strong"),
        el("span", words.times(one.observed, one.expected), class_="n soft"),
        charts.spark(story.minutes([one.service]), severity.tone),
    )


def _service(story: Story, one: Affected) -> Markup:
    severity = words.SEVERITY[one.severity]
    return el(
        "tr",
        el("th", el("a", story.name(one.service), href=_link(one)), scope="row"),
        el("td", mark(words.STATUS[one.status]), " ", mark(severity)),
        el("td", words.clock(one.onset_at), class_="n"),
        el("td", words.number(one.observed), class_="n strong"),
        el("td", words.number(one.expected), class_="n"),
        el("td", words.times(one.observed, one.expected), class_="n"),
        el("td", words.number(one.peak_per_minute), class_="n"),
        el("td", charts.spark(story.minutes([one.service]), severity.tone), class_="picture"),
    )
