"""Signing in by OpenID Connect, with a real provider on loopback: viewers look, operators act."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from redis import Redis

from detector.actions import Actions
from tests.oidc_provider import CLIENT, SECRET, provided
from tests.page_browser import SLOW, Visit, free_port, served
from tests.page_story import incident, points, world

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def signed(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of a page that wants a login, and of whom it asks."""
    directory = tmp_path_factory.mktemp("login")
    with Redis.from_url(redis_url) as client, provided() as issuer:
        made = world(client, redis_url, directory)
        port = free_port()
        secrets = directory / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir()
        secrets.write_text(
            "[auth]\n"
            f'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
            'cookie_secret = "only for this test"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{issuer}/.well-known/openid-configuration"\n'
        )
        login = {
            "OUTCRY_DASHBOARD__LOGIN": "true",
            "OUTCRY_DASHBOARD__OPERATORS": "Ann@example.org, eve@example.org",
        }
        with served(made.environment | login, directory, port) as address:
            yield address, issuer


def _sign_in(visit: Visit, address: str, email: str) -> None:
    visit.page.goto(address)
    visit.page.get_by_role("button", name="Sign in").click(timeout=SLOW)
    visit.page.get_by_role("link", name=email).click(timeout=SLOW)


@pytest.fixture
def kept(redis: Redis, redis_url: str, tmp_path: Path) -> Actions:
    made, clock = world(redis, redis_url, tmp_path), datetime.now(UTC).replace(second=0)
    made.receive(clock)
    made.judge(incident(clock), clock=clock, points=points(clock))
    return Actions(redis, made.prefix)


def test_an_operator_signs_in_acts_by_name_and_signs_out(
    kept: Actions, signed: tuple[str, str], visit: Visit
) -> None:
    address, issuer = signed
    _sign_in(visit, address, "ann@example.org")
    page = visit.page

    page.locator(".card-head .open").click(timeout=SLOW)
    page.get_by_role("button", name="Acknowledge").click(timeout=SLOW)
    acknowledged = "Acknowledged by ann@example.org"
    expect(page.locator(".card-head")).to_contain_text(acknowledged, timeout=SLOW)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SLOW)

    assert kept.audit()[0].by == "ann@example.org"
    assert visit.errors == []
    assert visit.foreign(address, issuer) == []


@pytest.mark.parametrize("email", ["bob@example.org", "eve@example.org"])
def test_a_viewer_looks_but_cannot_act_nor_can_an_address_that_is_not_vouched_for(
    kept: Actions, signed: tuple[str, str], visit: Visit, email: str
) -> None:
    _sign_in(visit, signed[0], email)
    visit.page.locator(".card-head .open").click(timeout=SLOW)

    expect(visit.page.get_by_text("Only operators can act")).to_be_visible(timeout=SLOW)
    assert visit.page.get_by_role("button", name="Acknowledge").count() == 0


def test_nobody_sees_anything_without_signing_in(
    kept: Actions, signed: tuple[str, str], visit: Visit
) -> None:
    visit.page.goto(signed[0] + "incident?id=20251020-zz")

    expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible(timeout=SLOW)
    assert "Zed" not in visit.page.content()
