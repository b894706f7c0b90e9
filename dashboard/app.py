"""The script that Streamlit runs: settings, the shared reader, who looks, and the pages."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from dashboard.actor import anonymous, signed_in
from dashboard.environment import Environment
from dashboard.pages import PAGES, Page
from dashboard.reader import Reader
from dashboard.site import Site
from dashboard.stores import Stores
from detector.actions import Actor
from models.catalogue import Catalogue

REFRESH_SECONDS = 2.0


@st.cache_resource(show_spinner=False)
def catalogue(files: tuple[Path, ...]) -> Catalogue:
    """Return the catalogue, read once."""
    return Catalogue.load(files)


@st.cache_resource(show_spinner=False)
def reader(environment: Environment) -> Reader:
    """Return the one reader that all sessions share."""
    stores = Stores.of(environment.client(), environment.prefix)
    return Reader(stores, catalogue(environment.catalogue_files))


def actor(environment: Environment) -> Actor:
    """Return who looks at the page."""
    if environment.login:
        return signed_in(st.user.to_dict(), environment.operators)
    return anonymous(environment.host, st.context.headers)


def site(environment: Environment) -> Site:
    """Return what the pages are given, as of now."""
    read, at = reader(environment), datetime.now(UTC)
    who = actor(environment)
    return Site(
        catalogue=catalogue(environment.catalogue_files),
        reader=read,
        environment=environment,
        actor=who,
        # Who signed in is one person wherever he comes from; this machine has no address.
        address=who.name if environment.login else st.context.ip_address or "this machine",
        view=read.view(at),
        now=at,
    )


def runner(page: Page, environment: Environment) -> Callable[[], None]:
    """Return what Streamlit calls for *page*: again and again by itself when it is live."""

    def draw() -> None:
        page.show(site(environment))

    return st.fragment(draw, run_every=REFRESH_SECONDS) if page.live else draw


def main() -> None:
    """Draw the page that the address names; ask who it is where that is wanted."""
    st.set_page_config(page_title="Outcry", page_icon="📣", layout="wide")
    st.html(Path(__file__).with_name("page.css"))
    environment = Environment.read(os.environ)
    if environment.login and not st.user.get("is_logged_in", False):
        st.html("<div class='calm'><h1>Outcry</h1><p>Sign in to see the page.</p></div>")
        with st.container(key="sign-in", horizontal_alignment="center"):
            st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")
        return
    by_path = {
        page.path: st.Page(
            runner(page, environment),
            title=page.title,
            icon=f":material/{page.icon}:",
            url_path=page.path or None,
            default=not page.path,
        )
        for page in PAGES
    }
    chosen = st.navigation(list(by_path.values()), position="top")
    # Messages that were sent before there was a page for each incident lead here.
    if wanted := st.query_params.get("incident"):
        st.switch_page(by_path["incident"], query_params={"id": wanted})
    chosen.run()
    if environment.login:
        with st.container(horizontal=True, key="who", vertical_alignment="center"):
            st.text(f"Signed in as {actor(environment).name}")
            st.button("Sign out", on_click=st.logout, icon=":material/logout:")


main()
