"""
`outcry doctor`: all that `outcry check` looks at, and what only shows when it is asked from here:
sources, status pages, clocks, the scopes of the Slack token. One line each, with what to do.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx2
import structlog

from detector.feeds import Feed, Feeds
from stream.check import Check, check_all
from stream.doctor_sources import SECONDS, bluesky, hackernews, mastodon, reddit, x
from stream.settings import Settings, SettingsError
from stream.sources.live import Disconnected, Refused
from stream.sources.web import ask, client

log = structlog.get_logger()

MAX_SKEW = timedelta(seconds=5)
STALE = timedelta(minutes=2)
AT_ONCE = 8
# Any of the scopes, and what does not work without one.
SCOPES = (
    (("chat:write",), "nothing can be posted"),
    (("channels:history", "groups:history"), "a lost answer may post a message twice"),
    (("files:write",), "threads show no picture"),
)
Look = Callable[[Settings], str]


def diagnose(settings: Settings, *, pages: bool = True) -> list[Check]:
    """Look at everything that is configured; *pages* are the official ones, some eighty."""
    looks: list[tuple[str, Look]] = [
        ("bluesky", bluesky),
        ("hackernews", hackernews),
        ("mastodon", mastodon),
        ("reddit", reddit),
        ("x", x),
        ("feeds", _feeds),
        ("redis clock", _redis_clock),
        ("clock", _clock),
        ("slack scopes", _slack_scopes),
    ]
    if pages and settings.official.enabled:
        looks.append(("official", _official))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda one: _look(one[0], one[1], settings), looks)
        return [*check_all(settings), *found]


def _look(name: str, look: Look, settings: Settings) -> Check:
    try:
        return Check(name=name, ok=True, detail=look(settings))
    except (SettingsError, Disconnected, Refused) as error:
        return Check(name=name, ok=False, detail=" ".join(str(error).split()))


def _feeds(settings: Settings) -> str:
    """Say which running source is silent: a dead source looks like a calm world."""
    from stream.roles import connect_redis

    if (found := _maybe_attached(settings)) is None:
        return "nothing runs"
    with connect_redis(found) as redis:
        feeds = Feeds(redis, settings.redis.prefix).all()
    wrong = [said for feed in feeds if (said := trouble(feed, datetime.now(UTC)))]
    if wrong:
        raise Disconnected("; ".join(wrong))
    return ", ".join(feed.name for feed in feeds if feed.state != "stopped") or "no source runs"


def trouble(feed: Feed, now: datetime) -> str | None:
    """Return what is wrong with *feed* and what to do, None if nothing is."""
    if feed.state == "stopped":
        return None
    if feed.state in ("refused", "failed"):
        return f"{feed.name} {feed.state}: {feed.detail}"
    if now - feed.updated_at > STALE:
        minutes = (now - feed.updated_at) // timedelta(minutes=1)
        return f"{feed.name} has said nothing for {minutes} min; start `outcry source {feed.name}`"
    if feed.state != "live":
        return f"{feed.name} is {feed.state}: {feed.detail or 'no connection yet'}"
    if feed.n_shed:
        return f"{feed.name} has shed {feed.n_shed} posts; Kafka is too slow for it"
    return None


def _redis_clock(settings: Settings) -> str:
    from stream.roles import connect_redis

    if (found := _maybe_attached(settings)) is None:
        return "nothing runs"
    with connect_redis(found) as redis:
        seconds, microseconds = redis.time()
    there = datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)
    return _skew(there - datetime.now(UTC), "Redis")


def _clock(settings: Settings) -> str:
    """Compare with a server on the internet that says the time; whole seconds, hence the slack."""
    with client(seconds=SECONDS) as web:
        url = settings.sources.hackernews.address
        try:
            response = web.head(url)
        except httpx2.HTTPError as error:
            return f"not compared: {url} does not answer ({type(error).__name__})"
    date = response.headers.get("Date")
    if date is None:
        return f"not compared: {url} does not say the time"
    return _skew(parsedate_to_datetime(date) - datetime.now(UTC), "the internet")


def _skew(skew: timedelta, whom: str) -> str:
    seconds = skew.total_seconds()
    if abs(skew) > MAX_SKEW:
        raise Disconnected(
            f"the clock of this machine is {abs(seconds):.0f} s "
            f"{'behind' if seconds > 0 else 'ahead of'} that of {whom}; run NTP, as posts are "
            "counted by time"
        )
    return f"within {abs(seconds):.1f} s of {whom}"


def _slack_scopes(settings: Settings) -> str:
    slack = settings.alerts.slack
    if not slack.bot_token:
        return "no bot token"
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError, SlackClientError

    token = slack.bot_token.get_secret_value()
    try:
        client = WebClient(token=token, base_url=slack.api_url, timeout=int(SECONDS))
        response = client.auth_test()
    except (SlackApiError, SlackClientError, OSError) as error:
        raise Disconnected(f"Slack: {error}; see the line slack") from error
    headers = {str(name).lower(): value for name, value in (response.headers or {}).items()}
    have = {scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(",")}
    if missing := missing_scopes(have):
        raise Refused(
            f"the token lacks {'; '.join(missing)}; add it under OAuth & Permissions and install "
            "the app again"
        )
    return ", ".join(sorted(have))


def missing_scopes(have: Collection[str]) -> list[str]:
    """Return what a token with the scopes *have* lacks, each with what does not work then."""
    return [
        f"{' or '.join(any_of)} ({consequence})"
        for any_of, consequence in SCOPES
        if not any(scope in have for scope in any_of)
    ]


def _official(settings: Settings) -> str:
    from stream.official.pages import pages
    from stream.roles import catalogue

    found = pages(catalogue(settings), settings.official.services)
    told = [page for page in found if not page.guessed]
    with client(seconds=SECONDS) as web, ThreadPoolExecutor(AT_ONCE) as pool:
        said = list(pool.map(lambda page: _page_problem(web, page.address, page.parse), told))
    bad = [problem for problem in said if problem]
    if bad:
        raise Disconnected(
            f"{len(bad)} of {len(told)} pages cannot be read, the first: {bad[0]}; "
            "their state is unknown"
        )
    return (
        f"{len(told)} pages can be read; the form of {len(found) - len(told)} others is not known"
    )


def _page_problem(
    web: httpx2.Client, address: str, parse: Callable[[bytes], Sequence[object]]
) -> str | None:
    try:
        parse(ask(web, "GET", address).content)
    except (Disconnected, Refused, ValueError) as error:
        return f"{address}: {error}"
    return None


def _attached(settings: Settings) -> Settings:
    from stream.roles import attached

    return attached(settings)


def _maybe_attached(settings: Settings) -> Settings | None:
    if settings.redis.url.get_secret_value():
        return settings
    try:
        return _attached(settings)
    except SettingsError:
        return None
