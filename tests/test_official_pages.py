"""Which pages there are, for whom they speak, and what changed on one between two visits."""

import pytest

from detector.official import OfficialState
from models.catalogue import Catalogue
from models.service import Service
from stream.official.notice import Notice, changed, instant
from stream.official.pages import pages, speaks_of
from tests.official_pages import NOON


@pytest.mark.parametrize(
    "text",
    ["2026-07-04T12:00:00Z", "Sat, 04 Jul 2026 12:00:00 Z", "Sat, 04 Jul 2026 14:00:00 +0200",
     1783166400, "1783166400", "2026-07-04T12:00:00"],
)  # fmt: skip
def test_times_of_all_forms(text: object) -> None:
    assert instant(text, "f") == NOON


def notice(id: str, state: OfficialState = OfficialState.OUTAGE) -> Notice:
    return Notice(id=id, title=id, state=state, posted_at=NOON)


def test_what_vanishes_is_over_only_where_a_page_lists_what_goes_on() -> None:
    before = {"a": notice("a"), "b": notice("b")}

    assert changed(before, [notice("a"), notice("b")], NOON, current_only=True) == ()
    (gone,) = changed(before, [notice("a")], NOON, current_only=True)
    assert (gone.id, gone.state, gone.resolved_at) == ("b", OfficialState.OPERATIONAL, NOON)
    assert changed(before, [notice("a")], NOON, current_only=False) == ()


def test_a_page_of_several_services_speaks_of_those_that_it_names() -> None:
    services = [
        Service(id="gmail", name="Gmail", industry="work"),
        Service(id="meet", name="Google Meet", industry="work"),
    ]
    one = Notice(
        id="i", title="Trouble", state=OfficialState.OUTAGE, posted_at=NOON, about=("Gmail",)
    )

    assert speaks_of(one, services) == ("gmail",)
    assert speaks_of(notice("i"), services) == ("gmail", "meet")
    assert speaks_of(notice("i"), services[:1]) == ("gmail",)


def test_the_catalogue_leads_to_pages() -> None:
    catalogue = Catalogue.load()

    assert len(pages(catalogue)) > 60
    told = {one.id for page in pages(catalogue) if not page.guessed for one in page.services}
    assert told > {"railway", "gitlab", "docker-hub", "roblox", "heroku", "apple", "icloud"}
    (guessed,) = pages(catalogue, ["duolingo"])
    assert guessed.guessed
    (page,) = pages(catalogue, ["aws"])
    assert page.address == "https://health.aws.amazon.com/public/currentevents"
    with pytest.raises(ValueError, match="'atlantis' is no id"):
        pages(catalogue, ["atlantis"])
