"""The catalogue's services by state: failing ones, those that are talked of, quiet ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import charts, words
from dashboard.markup import Markup, el, mark
from dashboard.snapshot import RECENT_MINUTES, Snapshot
from detector.incidents import Affected, Severity, Status
from detector.series import Series
from models.catalogue import Service

N_TILES = 24
_WORST_FIRST = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """
    One service: *affected* while an open incident holds it.

    *series* is its last hour, *last* the last minute of it; None where nothing was ever reported.
    """

    service: Service
    affected: Affected | None
    series: Series | None
    last: int

    @property
    def n_reports(self) -> float:
        """Return how many reports the last hour brought."""
        return sum(self.series.observed) if self.series else 0

    def minutes(self) -> list[charts.Minute]:
        """Return the minutes of the last hour."""
        told = [self.series] if self.series else []
        return charts.minutes(told, self.last - RECENT_MINUTES + 1, self.last)


def tiles(snapshot: Snapshot, services: Mapping[str, Service]) -> list[Tile]:
    """Return a tile for each service: the worst first, then the most talked of, then by name."""
    failing = {
        one.service: one
        for incident in snapshot.open
        for one in incident.affected
        if one.status is not Status.RESOLVED
    }
    last = int((snapshot.clock or snapshot.taken_at).timestamp()) // 60 - 1
    made = [
        Tile(
            service=service,
            affected=failing.get(service.id),
            series=snapshot.series.get(service.id),
            last=last,
        )
        for service in services.values()
    ]
    return sorted(made, key=_rank)


def _rank(tile: Tile) -> tuple[int, float, str]:
    worst = _WORST_FIRST.index(tile.affected.severity) if tile.affected else len(_WORST_FIRST)
    return worst, -tile.n_reports, tile.service.name.casefold()


def matching(made: Sequence[Tile], wanted: str) -> list[Tile]:
    """Return the tiles whose service has *wanted* in its id, a name or its industry."""
    needle = wanted.strip().casefold()
    return [tile for tile in made if any(needle in name for name in _names(tile.service))]


def _names(service: Service) -> list[str]:
    given = (service.id, service.name, service.industry, *service.aliases)
    return [name.casefold() for name in given]


def show(snapshot: Snapshot, services: Mapping[str, Service]) -> None:
    """Draw the search field, the tiles, and the names of the quiet ones."""
    made = tiles(snapshot, services)
    st.html(el("h2", "Services", class_="section"))
    wanted = st.text_input(
        "Search services",
        key="search",
        placeholder="Search by name, alias or industry",
        label_visibility="collapsed",
        max_chars=80,
        icon=":material/search:",
    )
    found = matching(made, wanted) if wanted else made
    told = found if wanted else [tile for tile in found if tile.affected or tile.n_reports]
    if not found:
        st.text("No service of the catalogue goes by that name.")
    st.html(_tally(made))
    if told:
        st.html(el("div", *(_tile(tile) for tile in told[:N_TILES]), class_="tiles"))
    shown = {tile.service.id for tile in told[:N_TILES]}
    rest = [tile for tile in found if tile.service.id not in shown]
    if rest:
        with st.expander(f"{words.plural(len(rest), 'quiet service')}", key="quiet"):
            st.html(el("p", " · ".join(tile.service.name for tile in rest), class_="quiet"))


def _tally(made: Sequence[Tile]) -> Markup:
    counts = [
        (words.SEVERITY[severity], sum(1 for tile in made if _severity(tile) is severity))
        for severity in _WORST_FIRST
    ]
    counts.append((words.NORMAL, sum(1 for tile in made if tile.affected is None)))
    shown = [
        el("span", mark(said), el("b", words.number(n), class_="n")) for said, n in counts if n
    ]
    return el("p", *shown, class_="tally")


def _severity(tile: Tile) -> Severity | None:
    return tile.affected.severity if tile.affected else None


def _tile(tile: Tile) -> Markup:
    state = words.SEVERITY[tile.affected.severity] if tile.affected else words.NORMAL
    tone = state.tone if tile.affected else "muted"
    told = tile.minutes()
    normal = sum(one.expected for one in told)
    note = f"{words.number(tile.n_reports)} in the last hour, {words.number(normal)} normal"
    return el(
        "article",
        el("header", el("b", tile.service.name), mark(state)),
        charts.spark(told, tone),
        el("p", note),
        class_=f"tile {tone}",
    )
