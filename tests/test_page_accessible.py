"""Every page for those who use a keyboard or a screen reader, or see little contrast: axe-core."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from dashboard.pages import PAGES
from detector.actions import Actions
from tests.page_browser import SLOW, Visit
from tests.page_story import World, incident, points, suspect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
GRAVE = ("serious", "critical")
MOST_TABS = 80


@pytest.fixture
def story(story: World) -> World:
    clock = datetime.now(UTC).replace(second=0)
    story.receive(clock)
    story.judge(incident(clock), clock=clock, points=points(clock), suspects=(suspect(clock),))
    return story


def test_axe_finds_nothing_grave_on_any_page_in_both_schemes(
    story: World, address: str, visit: Visit
) -> None:
    page, found = visit.page, {}
    for one in PAGES:
        page.emulate_media(color_scheme="light")
        page.goto(address + one.path)
        expect(page.locator(".feed")).to_be_visible(timeout=SLOW)
        expect(page.locator("h1").first).to_be_visible(timeout=SLOW)
        found[one.path, "light"] = _grave(page)
        page.emulate_media(color_scheme="dark")
        expect(page.locator(".stApp")).to_have_css("background-color", "rgb(14, 18, 24)")
        found[one.path, "dark"] = _grave(page, runOnly=["color-contrast"])

    assert {place: grave for place, grave in found.items() if grave} == {}


def _grave(page: Page, **options: object) -> list[tuple[str, list[str]]]:
    rules = Axe().run(page, options=options or None).response["violations"]
    return [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in rules
        if rule["impact"] in GRAVE
    ]


def test_an_incident_is_reached_and_acknowledged_by_keyboard_alone(
    story: World, address: str, visit: Visit
) -> None:
    page = visit.page
    page.goto(address)
    expect(page.locator(".card-head .open")).to_be_visible(timeout=SLOW)

    _tab_to(page, "Open →")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_visible(timeout=SLOW)
    assert page.url == f"{address}incident?id=20251020-zz"
    _tab_to(page, "Acknowledge")
    page.keyboard.press("Enter")

    expect(page.locator(".card-head")).to_contain_text("Acknowledged by", timeout=SLOW)
    assert [one.what for one in Actions(story.redis, story.prefix).audit()] == ["acknowledged"]


def _tab_to(page: Page, name: str) -> None:
    """Press the tabulator until what is called *name* has the focus."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText.trim()").endswith(name):
            return
    raise AssertionError(f"{name!r} cannot be reached in {MOST_TABS} steps")
