"""The buttons by which an operator acts on an incident or a service; all is in the audit."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

import redis
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.site import Site
from detector.actions import ActionError, Actor, Forbidden, Marks
from detector.incidents import Incident
from detector.silence import Silence

LENGTHS = {
    "1 hour": timedelta(hours=1),
    "4 hours": timedelta(hours=4),
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
}
PLACE_PIXELS = 150  # the longest label of those that take turns
NO_ROLE = "Only operators can act; this page lets you look."


def incident(site: Site, told: Incident, marks: Marks) -> None:
    """Draw the buttons of an incident."""
    if not site.may_act:
        st.caption(NO_ROLE)
        return
    actions = site.reader.stores.actions
    with st.container(horizontal=True, key="desk", gap="small"):
        with _place("acknowledge"):
            if marks.acknowledged is None:
                _mark(site, "Acknowledge", "pan_tool", actions.acknowledge, told.id)
            else:
                _mark(site, "Release", "undo", actions.release, told.id)
        with _place("false"):
            if marks.false_alarm is None:
                _mark(site, "False alarm", "block", actions.call_false, told.id)
            else:
                _mark(site, "Not false", "undo", actions.call_real, told.id)
        _note(site, told.id)
        _mute(site, _silence_of(site, incident=told.id), incident=told.id)


def service(site: Site, id: str) -> None:
    """Draw the buttons of a service."""
    if not site.may_act:
        st.caption(NO_ROLE)
        return
    with st.container(horizontal=True, key="desk", gap="small"):
        _mute(site, _silence_of(site, service=id), service=id)


def _place(name: str) -> DeltaGenerator:
    """Return a place for two buttons that take turns: nothing moves away from under a pointer."""
    return st.container(key=f"place-{name}", width=PLACE_PIXELS)


def _mark(
    site: Site, label: str, icon: str, act: Callable[[str, Actor, datetime], None], incident: str
) -> None:
    _button(site, label, icon, lambda: act(incident, site.actor, site.now), width="stretch")


def _silence_of(
    site: Site, incident: str | None = None, service: str | None = None
) -> Silence | None:
    held = (
        one
        for one in site.snapshot.silences
        if (one.incident, one.service) == (incident, service) and one.industry is None
    )
    return next(held, None)


def _mute(site: Site, held: Silence | None, **about: str) -> None:
    actions = site.reader.stores.actions
    if held is not None:
        _button(
            site,
            f"Unmute (until {held.until:%-d %b %H:%M})",
            "notifications",
            lambda: actions.unsilence(held.id, site.actor, site.now),
        )
        return
    with st.popover("Mute", icon=":material/notifications_off:", key="mute"):
        length = st.radio("No alerts for", list(LENGTHS), key="mute-length", horizontal=True)
        reason = st.text_input("Why (optional)", key="mute-reason", max_chars=200)
        until = site.now + LENGTHS[length]
        _button(
            site,
            "Mute now",
            "notifications_off",
            lambda: actions.silence(site.actor, site.now, until, reason=reason, **about),
        )


def _note(site: Site, id: str) -> None:
    with (
        st.popover("Note", icon=":material/edit_note:", key="note"),
        st.form("note-form", clear_on_submit=True, border=False),
    ):
        text = st.text_area("A note for everybody", max_chars=500, key="note-text")
        if st.form_submit_button("Add the note"):
            do(site, lambda: site.reader.stores.actions.note(id, site.actor, site.now, text))
            st.rerun(scope="app")


def _button(
    site: Site,
    label: str,
    icon: str,
    act: Callable[[], object],
    width: Literal["content", "stretch"] = "content",
) -> None:
    st.button(
        label,
        key=f"do-{label.split(' (')[0]}",
        icon=f":material/{icon}:",
        width=width,
        on_click=do,
        args=(site, act),
    )


def do(site: Site, act: Callable[[], object]) -> None:
    """Call *act*; what goes wrong is said by `problem` on the next run."""
    try:
        act()
    except (Forbidden, ActionError) as error:
        st.session_state["problem"] = str(error)
    except redis.RedisError:
        st.session_state["problem"] = "The store does not answer; nothing was changed."
    site.reader.forget()


def problem() -> None:
    """Say once what went wrong with the last action, in a place of its own."""
    with st.container(key="problem"):
        if said := st.session_state.pop("problem", None):
            st.warning("That did not work.")
            st.text(said)
