from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from detector.feeds import Feed, Feeds
from stream.check import Check
from stream.configuration import change
from stream.doctor import _skew, _slack_scopes, diagnose, missing_scopes, trouble
from stream.settings import Settings
from stream.sources.bluesky import Bluesky
from stream.sources.live import Disconnected, Refused
from tests.web_double import Answer, WebDouble

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)
DEAD = "127.0.0.1:1"


def settings(url: str, redis_url: str = "", **sources: dict[str, Any]) -> Settings:
    """Settings under which nothing leaves this machine."""
    made = change(Settings(), redis={"url": SecretStr(redis_url)})
    wanted = {
        "bluesky": {"hosts": (f"ws://{DEAD}", url.replace("http", "ws"))},
        "hackernews": {"address": url},
    } | sources
    tables = {
        name: getattr(made.sources, name).model_copy(update=update)
        for name, update in wanted.items()
    }
    return change(made, sources=tables)


def looked(wanted: Settings) -> dict[str, Check]:
    return {one.name: one for one in diagnose(wanted)}


def test_what_answers_is_well_and_what_does_not_says_what_to_do(
    redis, redis_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pages: dict[str, Any] = {
        "/v0/maxitem.json": Answer(body=b"7"),
        "/": Answer(),
        "/token": Answer(body=b'{"access_token":"t"}'),
        "/api/v1/apps/verify_credentials": Answer(status=401),
    }
    with WebDouble(pages) as web:
        found = looked(
            settings(
                web.url,
                redis_url,
                mastodon={"instance": web.url, "access_token": SecretStr("t")},
                reddit={
                    "client_id": "i",
                    "client_secret": SecretStr("s"),
                    "token_address": f"{web.url}/token",
                },
            )
        )

    assert found["bluesky"].ok
    assert DEAD in found["bluesky"].detail
    assert found["hackernews"].detail == "answers, newest item 7"
    assert found["reddit"].ok
    assert found["redis clock"].ok
    assert found["slack scopes"].detail == "no bot token"
    assert not found["mastodon"].ok
    assert "sources.mastodon.access_token" in found["mastodon"].detail
    assert all("\n" not in one.detail for one in found.values())


def test_nothing_that_answers_is_one_line_each(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = looked(settings(f"http://{DEAD}"))

    assert not found["bluesky"].ok
    assert "sources.bluesky.hosts" in found["bluesky"].detail
    assert "sources.hackernews.address" in found["hackernews"].detail


def test_a_clock_that_is_wrong_is_said() -> None:
    assert _skew(timedelta(seconds=-2), "Redis") == "within 2.0 s of Redis"
    with pytest.raises(Disconnected, match="90 s behind that of Redis; run NTP"):
        _skew(timedelta(seconds=90), "Redis")


def test_a_feed_that_is_silent_refused_or_sheds_is_in_trouble() -> None:
    feed = Feed(name="x", state="live", updated_at=NOW)

    assert trouble(feed, NOW) is None
    for wrong, expected in (
        ({"updated_at": NOW - timedelta(minutes=9)}, "nothing for 9 min"),
        ({"state": "refused", "detail": "HTTP 401"}, "HTTP 401"),
        ({"state": "waiting", "detail": "ConnectError"}, "ConnectError"),
        ({"n_shed": 4}, "shed 4 posts"),
    ):
        fields = {"name": "x", "state": "live", "updated_at": NOW} | wrong
        assert expected in str(trouble(Feed(**fields), NOW))
    assert trouble(Feed(name="x", state="stopped", updated_at=NOW - timedelta(days=9)), NOW) is None


def test_a_silent_source_is_found_through_redis(
    redis, redis_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Feeds(redis).save(Feed(name=Bluesky.name, state="live", updated_at=NOW))

    found = looked(settings(f"http://{DEAD}", redis_url))

    assert not found["feeds"].ok
    assert "bluesky has said nothing" in found["feeds"].detail


@pytest.mark.parametrize(
    ("scopes", "lacks"),
    [
        (("chat:write", "groups:history", "files:write"), ""),
        (("chat:write", "files:write"), "channels:history or groups:history (a lost answer"),
        (("files:write", "channels:history"), "chat:write (nothing can be posted)"),
    ],
)
def test_what_a_slack_token_lacks_is_said_with_what_does_not_work_then(
    scopes: tuple[str, ...], lacks: str
) -> None:
    assert "; ".join(missing_scopes(scopes)).startswith(lacks)
    assert bool(missing_scopes(scopes)) is bool(lacks)


def test_the_scopes_of_a_slack_token_are_asked_for() -> None:
    answer = Answer(
        body=b'{"ok": true, "user": "outcry", "team": "ours"}',
        headers=(("X-OAuth-Scopes", "chat:write,channels:history"),),
    )
    with WebDouble({"/api/auth.test": answer}) as web:
        slack = Settings().alerts.slack.model_copy(
            update={"bot_token": SecretStr("xoxb-t"), "api_url": f"{web.url}/api/"}
        )
        alerts = Settings().alerts.model_copy(update={"slack": slack})
        with pytest.raises(Refused, match=r"lacks files:write \(threads show no picture\)"):
            _slack_scopes(Settings().model_copy(update={"alerts": alerts}))
