"""The served page in headless Chromium: what a person sees of a real Redis, without reloading."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, expect

from detector.actions import Actions
from detector.counts import Counts
from detector.inbox import Inbox
from detector.incident_store import IncidentStore
from detector.incidents import Severity
from tests.page_browser import SLOW, Visit
from tests.page_story import ATTACKS, World, incident, points, suspect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def _minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def test_the_page_shows_what_is_in_redis(story: World, address: str, visit: Visit) -> None:
    clock = _minute()
    story.receive(clock, n_invalid=2)
    story.judge(incident(clock), clock=clock, points=points(clock))
    kept = IncidentStore(story.redis, story.prefix).open()[0]
    health = Counts(story.redis, story.prefix).health()

    page = visit.page
    page.goto(address)

    card = page.locator("[class*='st-key-card-']")
    expect(card.locator("h2")).to_have_text("Zed Cloud us-east-1", timeout=SLOW)
    expect(card.locator(".figures")).to_contain_text(f"{kept.observed:,}")
    for one in kept.affected:
        expect(card.locator(".hit")).to_contain_text(f"{one.observed:,}")
    expect(page.locator(".feed")).to_contain_text(f"{health.n_invalid:,}invalid")
    expect(card.locator("[data-testid='stVegaLiteChart'] .marks")).to_be_visible(timeout=SLOW)


def test_the_page_follows_redis_without_a_reload(story: World, address: str, visit: Visit) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(clock=clock)
    page = visit.page
    page.goto(address)
    expect(page.locator("h1")).to_contain_text("All normal", timeout=SLOW)
    page.evaluate("window.sameDocument = true")

    story.judge(incident(clock, observed=123_456), clock=clock)

    expect(page.locator("h1")).to_contain_text("Zed Cloud us-east-1", timeout=SLOW)
    expect(page.locator(".figures")).to_contain_text("123,456")
    assert page.evaluate("window.sameDocument") is True


def test_what_was_typed_and_opened_survives_a_refresh(
    story: World, address: str, visit: Visit
) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(incident(clock), clock=clock, points=points(clock))
    page = visit.page
    page.set_viewport_size({"width": 1_000, "height": 400})  # there is far more below than 100
    page.goto(address)
    page.get_by_placeholder("Search by name").fill("zed pay")
    page.keyboard.press("Enter")
    expect(page.locator(".tile")).to_have_count(1, timeout=SLOW)
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 100)")

    story.judge(incident(clock, observed=654_321), clock=clock)

    expect(page.locator(".figures")).to_contain_text("654,321", timeout=SLOW)
    expect(page.get_by_placeholder("Search by name")).to_have_value("zed pay")
    expect(page.locator(".tile")).to_have_count(1)
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 100


@pytest.mark.parametrize("page_of", ["incident", "service?id=zz-pay"])
def test_an_open_popover_stays_with_what_is_typed_when_all_around_it_changes(
    story: World, address: str, visit: Visit, page_of: str
) -> None:
    clock, page = _minute(), visit.page
    story.receive(clock)
    story.judge(incident(clock), clock=clock)
    page.goto(f"{address}{page_of}")
    page.get_by_role("button", name="Mute").click()
    why = page.get_by_label("Why (optional)")
    why.press_sequentially("half a thought")

    worse = tuple(replace(one, severity=Severity.MAJOR) for one in incident(clock).affected)
    now = incident(clock, severity=Severity.MAJOR, affected=worse, synthetic=True)
    story.judge(now, clock=clock, suspects=(suspect(clock),))

    expect(page.locator(".replay")).to_be_visible(timeout=SLOW)
    expect(page.locator(".card-head.major")).to_be_visible(timeout=SLOW)
    expect(why).to_have_value("half a thought")
    expect(why).to_be_focused()


def test_hostile_posts_run_nothing_and_fetch_nothing(
    story: World, address: str, visit: Visit
) -> None:
    clock = _minute()
    story.receive(clock)
    held = (suspect(clock, ATTACKS[0]),)
    story.judge(incident(clock), clock=clock, points=points(clock), suspects=held)
    page = visit.page
    page.goto(address)
    expect(page.locator(".st-key-suspects")).to_contain_text(ATTACKS[0], timeout=SLOW)
    page.goto(f"{address}incident")
    expect(page.get_by_text("<script>window.owned = 1</script>")).to_be_visible(timeout=SLOW)
    expect(page.get_by_text("![p](http://tracker.example/p.png)")).to_be_visible()
    expect(page.locator("[data-testid='stVegaLiteChart'] .marks").first).to_be_visible(timeout=SLOW)

    assert page.evaluate("window.owned") is None
    assert page.locator("img[src*=tracker], img[src=x]").count() == 0
    assert visit.errors == []
    assert visit.foreign(address) == []


def test_a_card_opens_its_incident_under_an_address_that_stays(
    story: World, address: str, visit: Visit
) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(
        incident(clock),
        incident(clock, id="other", opened_at=clock - timedelta(hours=1)),
        clock=clock,
    )
    page = visit.page
    page.goto(f"{address}?incident=other")

    expect(page.get_by_text("Why it was raised")).to_be_visible(timeout=SLOW)
    assert page.url == f"{address}incident?id=other"
    page.get_by_role("link", name="Now").click()
    expect(page.locator("[class*='st-key-card-']")).to_have_count(2, timeout=SLOW)
    page.locator(".card-head .open").first.click()
    expect(page.get_by_text("Why it was raised")).to_be_visible(timeout=SLOW)
    assert page.url == f"{address}incident?id=20251020-zz"


def test_an_incident_is_acknowledged_muted_and_noted(
    story: World, address: str, visit: Visit
) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(incident(clock), clock=clock)
    page = visit.page
    page.goto(f"{address}incident")

    page.get_by_role("button", name="Acknowledge").click(timeout=SLOW)
    expect(page.locator(".card-head")).to_contain_text("Acknowledged by this machine", timeout=SLOW)
    # Or else somebody quick hits what has moved to where he saw the button.
    expect(page.locator(".st-key-place-acknowledge")).to_have_css("width", "150px")
    page.get_by_role("button", name="Mute").click()
    page.get_by_role("button", name="Mute now").click()
    expect(page.get_by_role("button", name="Unmute")).to_be_visible(timeout=SLOW)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Note").click()
    page.get_by_label("A note for everybody").fill("<b>calling</b> the vendor")
    page.get_by_role("button", name="Add the note").click()
    expect(page.get_by_text("<b>calling</b> the vendor")).to_be_visible(timeout=SLOW)

    kept = Actions(story.redis, story.prefix)
    assert [one.what for one in kept.audit()] == ["note", "silenced", "acknowledged"]
    assert kept.silences(datetime.now(UTC))[0].incident == "20251020-zz"
    assert visit.errors == []


def test_a_report_is_put_into_the_inbox(story: World, address: str, visit: Visit) -> None:
    clock = _minute()
    story.receive(clock)
    page = visit.page
    page.goto(f"{address}report")

    page.get_by_label("Service").fill("Zed Pay", timeout=SLOW)
    page.get_by_role("option", name="Zed Pay & Co").click()
    page.get_by_text("Paying").click()
    page.get_by_label("In your words").fill("card refused")
    page.get_by_role("button", name="Send the report").click()
    expect(page.get_by_text("Thank you.")).to_be_visible(timeout=SLOW)

    ((_, sent),) = Inbox(story.redis, story.prefix).waiting()
    assert (sent.service, sent.symptom, sent.comment) == ("zz-pay", "payment", "card refused")
    assert visit.errors == []


@pytest.mark.parametrize(
    ("page_of", "shows"),
    [
        ("incident", "Zed Cloud us-east-1"),
        ("service?id=zz-chat", "Normal by hour of the week"),
        ("stack?services=zz-chat,zz-pay", "2 of 2 failing"),
        ("history", "Onset to detection"),
        ("backtest", "Run one"),
        ("report", "Report a problem"),
        ("about", "What was done"),
    ],
)
def test_every_page_opens_without_a_complaint_or_a_foreign_request(
    story: World, address: str, visit: Visit, page_of: str, shows: str
) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(incident(clock), clock=clock, points=points(clock))

    visit.page.goto(f"{address}{page_of}")

    expect(visit.page.get_by_text(shows).last).to_be_visible(timeout=SLOW)
    assert visit.errors == []
    assert visit.foreign(address) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_in_both_schemes(
    story: World, address: str, browser: Browser, scheme: str
) -> None:
    clock = _minute()
    story.receive(clock)
    story.judge(incident(clock), clock=clock, points=points(clock))
    page = browser.new_page(
        viewport={"width": 390, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page.goto(address)
    expect(page.locator(".figures")).to_be_visible(timeout=SLOW)

    wide = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    ground = page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor")
    page.close()

    assert wide <= 390
    assert ground == {"light": "rgb(245, 246, 248)", "dark": "rgb(14, 18, 24)"}[scheme]
