"""The catalogue's services by state: failing ones, those that are talked of, quiet ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import streamlit as st

from dashboard import charts, words
from dashboard.filters import Filter
from dashboard.markup import Markup, el, join, mark
from dashboard.site import Site, address
from dashboard.snapshot import RECENT_MINUTES, Snapshot
from detector.incidents import Affected, Severity
from detector.series import Series
from models.catalogue import Service

N_TILES = 25
_WORST_FIRST = (Severity.CRITICAL, Severity.MAJOR, Severity.MINOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """
    One service: *affected* while an open incident holds it, *is_held* while it is held as suspect.

    *series* is its last hour, *last* the last minute of it; None where nothing was ever reported.
    """

    service: Service
    affected: Affected | None
    is_held: bool
    series: Series | None
    last: int

    @property
    def state(self) -> words.Mark:
        """Return how the service is, in a sign and a word."""
        return words.state(self.affected, is_held=self.is_held)

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
    failing, held = snapshot.failing, snapshot.held
    made = [
        Tile(
            service=service,
            affected=failing.get(service.id),
            is_held=service.id in held,
            series=snapshot.series.get(service.id),
            last=snapshot.last_series_minute,
        )
        for service in services.values()
    ]
    return sorted(made, key=_rank)


def _rank(tile: Tile) -> tuple[int, float, str]:
    worst = _WORST_FIRST.index(tile.affected.severity) if tile.affected else len(_WORST_FIRST)
    worst += not (tile.affected or tile.is_held)
    return worst, -tile.n_reports, tile.service.name.casefold()


def show(site: Site, wanted: Filter) -> None:
    """Draw the tiles of what fits, and the names of the quiet ones."""
    snapshot = site.snapshot
    failing = tuple((one.service, one.severity) for one in snapshot.failing.values())
    of = (snapshot.series_at, snapshot.last_series_minute, failing, snapshot.held)
    found = site.reader.drawn.once(("grid", wanted), of, lambda: _found(site, wanted))
    st.html(found.top)
    if not found.any:
        st.text("No service of the catalogue goes by that name.")
    if found.rest:
        st.html(site.reader.drawn.once(("quiet", wanted), found.rest, lambda: _folded(site, found)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The tiles as HTML, whether *any* service fits, and the ids of those that have no tile."""

    top: Markup
    any: bool
    rest: tuple[str, ...]


def _found(site: Site, wanted: Filter) -> Found:
    made = tiles(site.snapshot, site.services)
    found = [tile for tile in made if wanted.takes(tile.service)]
    busy = [one for one in found if one.affected or one.is_held or one.n_reports]
    told = found if wanted.is_set else busy
    shown = {tile.service.id for tile in told[:N_TILES]}
    drawn = el("div", *map(tile_of, told[:N_TILES]), class_="tiles") if told else Markup()
    rest = sorted((tile.service for tile in found), key=_by_industry)
    return Found(
        top=join(el("h2", "Services", class_="section"), _tally(made), drawn),
        any=bool(found),
        rest=tuple(one.id for one in rest if one.id not in shown),
    )


def _folded(site: Site, found: Found) -> Markup:
    """Draw the names by industry, folded by the browser, so that opening them asks nothing."""
    services = [site.services[id] for id in found.rest]
    groups = [
        el("p", el("b", industry), *(join(" ", _named(one)) for one in members))
        for industry, members in groupby(services, key=lambda one: one.industry)
    ]
    label = el("summary", words.plural(len(services), "more service"))
    return el("details", label, *groups, class_="quiet")


def _by_industry(service: Service) -> tuple[str, str]:
    return service.industry, service.name.casefold()


def _named(service: Service) -> Markup:
    return el("a", service.name, href=address("service", id=service.id))


def _tally(made: Sequence[Tile]) -> Markup:
    counts = Counter(tile.state for tile in made)
    said = (*(words.SEVERITY[severity] for severity in _WORST_FIRST), words.HELD, words.NORMAL)
    shown = [
        el("span", mark(one), el("b", words.number(counts[one]), class_="n"))
        for one in said
        if counts[one]
    ]
    return el("p", *shown, class_="tally")


def tile_of(tile: Tile) -> Markup:
    """Draw one service as a tile that leads to its page."""
    tone = tile.state.tone if tile.affected else "muted"
    told = tile.minutes()
    normal = sum(one.expected for one in told)
    note = f"{words.number(tile.n_reports)} in the last hour, {words.number(normal)} normal"
    return el(
        "a",
        el("header", el("b", tile.service.name), mark(tile.state)),
        charts.spark(told, tone),
        el("p", note),
        class_=f"tile {tone}",
        href=address("service", id=tile.service.id),
    )
