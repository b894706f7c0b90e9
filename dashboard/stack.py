"""The page "My stack": the vendors that one depends on, their state, and what they share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import grid, top, words
from dashboard.markup import Markup, el, join, mark
from dashboard.site import Site, address
from models.catalogue import Service

N_SHARED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A provider that several of the stack depend on; *expected* of them fail when it does."""

    provider: str
    dependents: tuple[str, ...]
    expected: float


def concentration(stack: Sequence[str], services: Mapping[str, Service]) -> list[Shared]:
    """
    Rank the providers by how much of *stack* is expected to fail with each, one step deep.

    The expectation is the sum of the edges' strengths, and a provider in the stack counts itself.
    """
    edges: dict[str, dict[str, float]] = {}
    for id in stack:
        for edge in services[id].depends_on:
            held = edges.setdefault(edge.provider, {})
            held[id] = max(edge.strength, held.get(id, 0.0))
    made = [
        Shared(
            provider=provider,
            dependents=tuple(sorted(held)),
            expected=sum(held.values()) + (provider in stack),
        )
        for provider, held in edges.items()
    ]
    return sorted(made, key=lambda one: (-one.expected, one.provider))


def show(site: Site) -> None:
    """Draw the choice, which is kept in the address, and what follows from it."""
    if not top.show(site, brief=True):
        return
    st.html(el("h1", "My stack", class_="section first"))
    chosen = _choose(site)
    if not chosen:
        hint = "Choose the services that you depend on. The choice stays in the page's address."
        st.html(el("div", el("b", "Nothing chosen"), el("p", hint), class_="calm"))
        return
    st.html(join(_verdict(site, chosen), _tiles(site, chosen)))
    st.html(join(el("h2", "Concentration risk", class_="section"), _risk(site, chosen)))


def _choose(site: Site) -> list[str]:
    asked = [id for id in st.query_params.get("services", "").split(",") if id in site.services]
    st.multiselect(
        "The services that I depend on",
        list(site.services),
        default=asked,
        key="stack",
        format_func=site.name,
        on_change=_chosen,
        max_selections=100,
    )
    return list(st.session_state["stack"])


def _chosen() -> None:
    st.query_params["services"] = ",".join(st.session_state["stack"])


def _tiles(site: Site, chosen: Sequence[str]) -> Markup:
    wanted = set(chosen)
    made = [one for one in grid.tiles(site.snapshot, site.services) if one.service.id in wanted]
    return el("div", *(grid.tile_of(tile) for tile in made), class_="tiles")


def _verdict(site: Site, chosen: Sequence[str]) -> Markup:
    failing = {
        one.service
        for incident in site.snapshot.open
        for one in incident.affected
        if one.service in chosen
    }
    if not failing:
        said = f"None of your {words.plural(len(chosen), 'service')} is reported as failing."
        return el("p", mark(words.NORMAL), said, class_="verdict")
    names = ", ".join(sorted(site.name(id) for id in failing))
    state = words.Mark("▲", f"{len(failing)} of {len(chosen)} failing", "critical")
    return el("p", mark(state), names, class_="verdict")


def _risk(site: Site, chosen: Sequence[str]) -> Markup:
    ranked = concentration(chosen, site.services)
    if not ranked:
        return el("p", "The catalogue knows no provider that these depend on.", class_="soft")
    rows = [_shared(site, one, len(chosen)) for one in ranked[:N_SHARED]]
    note = (
        "How many of your services are expected to fail when the provider does, by the strength of "
        "the catalogue's ties. What the catalogue does not know is not counted."
    )
    return el(
        "div", el("ul", *rows, class_="bars risk"), el("p", note, class_="more"), class_="panel"
    )


def _shared(site: Site, one: Shared, n: int) -> Markup:
    share = min(1.0, one.expected / n)
    names = ", ".join(site.name(id) for id in one.dependents[:6])
    more = f" and {len(one.dependents) - 6} more" if len(one.dependents) > 6 else ""
    return el(
        "li",
        el("a", site.name(one.provider), class_="name", href=address("service", id=one.provider)),
        el("span", el("i", style=f"width:{100 * share:.0f}%"), class_="bar"),
        el("span", f"{words.number(one.expected)} of {n}", class_="n"),
        el("small", names + more),
    )
