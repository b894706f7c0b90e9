"""The script that Streamlit runs: settings, the shared reader, the page that refreshes itself."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st

from dashboard import now
from dashboard.environment import Environment
from dashboard.snapshot import Reader
from detector.counts import Counts
from detector.incident_store import IncidentStore
from models.catalogue import Catalogue, Service

REFRESH_SECONDS = 2.0


@st.cache_resource(show_spinner=False)
def services(files: tuple[Path, ...]) -> Mapping[str, Service]:
    """Return the catalogue's services, read once."""
    return Catalogue.load(files).services


@st.cache_resource(show_spinner=False)
def reader(environment: Environment) -> Reader:
    """Return the one reader that all sessions share."""
    client = environment.client()
    return Reader(
        IncidentStore(client, environment.prefix),
        Counts(client, environment.prefix),
        tuple(services(environment.catalogue_files)),
    )


@st.fragment(run_every=REFRESH_SECONDS)
def page(environment: Environment) -> None:
    """Draw the page; Streamlit calls it again by itself and keeps scroll, focus and selection."""
    now.show(reader(environment), services(environment.catalogue_files), datetime.now(UTC))


st.set_page_config(page_title="Outcry", page_icon="📣", layout="wide")
st.html(Path(__file__).with_name("page.css"))
page(Environment.read(os.environ))
