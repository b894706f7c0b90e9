"""What is taken along of incidents, and that nothing in it runs."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import document, export
from dashboard.story import Story
from detector.radius import radius
from models.catalogue import Catalogue
from tests.page_story import ATTACKS, CLOCK, SERVICES, incident

TOLD = Story(incident=incident(), series={}, names=SERVICES, clock=CLOCK)
REACHED = radius(TOLD.incident, Catalogue.load(()))
FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\u200e=1", " =1")


def test_json_holds_the_incident() -> None:
    kept = json.loads(export.as_json(TOLD, REACHED))

    assert kept["incident"]["observed"] == 4398
    assert kept["title"] == "Zed Cloud us-east-1"
    assert kept["radius"]["industries"][0]["hit"] == 2


def test_a_report_has_charts_and_what_strangers_wrote_is_code_in_it() -> None:
    made = document.markdown(TOLD, REACHED).decode()

    assert "xychart-beta" in made
    assert "gantt" in made
    assert "**Zed Cloud**" not in made
    for line in made.splitlines():
        if "owned" in line or "tracker" in line or "HYPERLINK" in line:
            assert line.startswith("    ")


def test_every_kind_of_export_can_be_made() -> None:
    assert all(make(TOLD, REACHED) for _, _, _, make in export.KINDS)


@given(st.text() | st.sampled_from((*FORMULAS, *ATTACKS)))
def test_no_cell_of_a_table_is_a_formula(text: str) -> None:
    (_, row) = csv.reader(io.StringIO(export.table(("name", "n"), [(text, -1)]).decode()))

    assert not row[0].lstrip().startswith(("=", "+", "-", "@"))
    assert row[1] == "-1"


@pytest.mark.parametrize("name", FORMULAS)
def test_a_service_that_is_named_like_a_formula_is_text(name: str) -> None:
    named = replace(TOLD, names={**SERVICES, "zz-cloud": name})

    made = export.history([named]).decode()

    assert "," + name not in made
