"""The services that an incident hits, how they joined, and which symptoms people name."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from dashboard import charts, words
from dashboard.markup import Markup, el, join, mark
from dashboard.posts import token
from dashboard.site import address
from dashboard.story import Story
from detector.incidents import Affected, Incident

N_SERVICES, N_FOLDED, N_LISTED, N_SYMPTOMS = 12, 60, 7, 5


def symptoms(incident: Incident) -> Markup:
    """Draw how many reports name which symptom."""
    counted = _summed(one.symptoms for one in incident.affected)
    if not counted:
        return Markup()
    top = counted[0][1]
    rows = [
        el(
            "li",
            el("span", name, class_="name"),
            el("span", el("i", style=f"width:{100 * n / top:.0f}%"), class_="bar"),
            el("span", words.number(n), class_="n"),
        )
        for name, n in counted
    ]
    return el("section", el("h2", "Symptoms", class_="small"), el("ul", *rows, class_="bars"))


def _summed(parts: Iterable[tuple[tuple[str, int], ...]]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for pairs in parts:
        for name, n in pairs:
            total[token(name, "other")] = total.get(token(name, "other"), 0) + n
    named = [(name, n) for name, n in total.items() if n > 0]
    return sorted(named, key=lambda pair: (-pair[1], pair[0]))[:N_SYMPTOMS]


def services(story: Story) -> Markup:
    """Draw the services as a table in the order of joining, each with its course."""
    joined = sorted(story.incident.affected, key=lambda one: (one.joined_at, one.service))
    shown = _table(story, joined[:N_SERVICES], "Affected services")
    folded = joined[N_SERVICES : N_SERVICES + N_FOLDED]
    if not folded:
        return shown
    label = el("summary", f"{len(joined) - N_SERVICES} more, which joined later")
    rest = _rest(story, joined[N_SERVICES + N_FOLDED :])
    later = _table(story, folded, "Affected services that joined later")
    return join(shown, el("details", label, later, rest, class_="later"))


def _table(story: Story, joined: Sequence[Affected], name: str) -> Markup:
    titles = ("Service", "State", "Onset", "Joined", "Reports", "Times", "Peak / min")
    heads = [
        el("th", title, scope="col", class_="n" if i > 1 else None)
        for i, title in enumerate(titles)
    ]
    course = el("th", "Reports per minute; the bar is from onset to recovery", scope="col")
    head = el("thead", el("tr", *heads, course))
    rows = [_service(story, one) for one in joined]
    return _scrolled(el("table", head, el("tbody", *rows), class_="services"), name)


def _scrolled(table: Markup, name: str) -> Markup:
    # What can be scrolled has to be reachable by keyboard, and then needs a name.
    return el("div", table, class_="scroll", tabindex="0", role="region", aria_label=name)


def listed(story: Story) -> Markup:
    """Draw the services as a short list, the cause first, then by reports; for the card."""
    cause = story.incident.cause
    affected = sorted(
        story.incident.affected,
        key=lambda one: (
            cause is None or one.service != cause.provider,
            -one.observed,
            one.service,
        ),
    )
    rows = [_listed(story, one) for one in affected[:N_LISTED]]
    return join(
        el("h3", "Affected services"),
        el("ul", *rows, class_="hit"),
        _rest(story, affected[N_LISTED:]),
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
        el("td", words.clock(one.joined_at), class_="n"),
        el("td", words.number(one.observed), class_="n strong"),
        el("td", words.times(one.observed, one.expected), class_="n"),
        el("td", words.number(one.peak_per_minute), class_="n"),
        el("td", _course(story, one), class_="picture"),
    )


def _course(story: Story, one: Affected) -> Markup:
    """Draw a service's minutes, and below them when it was in trouble."""
    told = story.minutes([one.service])
    begin, length = told[0].minute, max(1, len(told))

    def place(at: datetime) -> float:
        return max(0.0, min(100.0, 100 * (at.timestamp() / 60 - begin) / length))

    left, right = place(one.onset_at), place(one.resolved_at or story.clock)
    tone = words.SEVERITY[one.severity].tone
    ended = f"back at {words.clock(one.resolved_at)}" if one.resolved_at else "not back yet"
    return el(
        "div",
        charts.spark(told, tone),
        el(
            "span",
            el("i", style=f"left:{left:.1f}%;width:{max(0.6, right - left):.1f}%"),
            el("b", style=f"left:{place(one.joined_at):.1f}%"),
            class_=f"lane {tone}",
            role="img",
            aria_label=f"from {words.clock(one.onset_at)}, joined {words.clock(one.joined_at)}, "
            + ended,
        ),
    )
