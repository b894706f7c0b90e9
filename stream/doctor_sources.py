"""Whether each configured source answers from here: for `outcry doctor`."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import httpx2

from stream.settings import Settings
from stream.sources.live import Disconnected, Refused
from stream.sources.web import ask, client, decoded

SECONDS = 8.0


def bluesky(settings: Settings) -> str:
    """Try each host of Jetstream."""
    hosts = settings.sources.bluesky.hosts
    good, bad = [], []
    for host in hosts:
        address = host.replace("ws", "http", 1).rstrip("/") + "/"
        try:
            with client(seconds=SECONDS) as web:
                web.get(address)
            good.append(host)
        except httpx2.HTTPError as error:
            bad.append(f"{host} ({type(error).__name__})")
    if not good:
        raise Disconnected(
            f"no host of sources.bluesky.hosts answers: {', '.join(bad)}; check the network or a "
            "proxy (HTTPS_PROXY)"
        )
    return f"{len(good)} of {len(hosts)} hosts answer" + (f"; not {', '.join(bad)}" if bad else "")


def hackernews(settings: Settings) -> str:
    """Ask for the newest item."""
    url = f"{settings.sources.hackernews.address.rstrip('/')}/v0/maxitem.json"
    with client(seconds=SECONDS) as web:
        newest = _advised(partial(ask, web, "GET", url), "sources.hackernews.address")
    return f"answers, newest item {decoded(newest)}"


def mastodon(settings: Settings) -> str:
    """Have the instance check the token."""
    wanted = settings.sources.mastodon
    if wanted.instance is None or wanted.access_token is None:
        return "not configured"
    headers = {"Authorization": f"Bearer {wanted.access_token.get_secret_value()}"}
    url = f"{wanted.instance.rstrip('/')}/api/v1/apps/verify_credentials"
    with client(headers, seconds=SECONDS) as web:
        request = partial(ask, web, "GET", url, key="sources.mastodon.access_token")
        _advised(request, "sources.mastodon.instance")
    return f"{wanted.instance} takes the token"


def reddit(settings: Settings) -> str:
    """Ask for a token."""
    wanted = settings.sources.reddit
    if wanted.client_id is None or wanted.client_secret is None:
        return "not configured"
    login = (wanted.client_id, wanted.client_secret.get_secret_value())
    key = "sources.reddit.client_id and client_secret"
    with client({"User-Agent": wanted.user_agent}, seconds=SECONDS) as web:
        form = {"grant_type": "client_credentials"}
        request = partial(ask, web, "POST", wanted.token_address, key=key, auth=login, data=form)
        said = decoded(_advised(request, "sources.reddit.token_address"))
    if "access_token" not in said:
        raise Refused(f"Reddit gives no token ({said}); check {key}")
    return "gives a token"


def x(settings: Settings) -> str:
    """Ask for the rules, and say what was spent this month."""
    from stream.roles import attached, connect_redis
    from stream.sources.x_budget import Budget

    wanted = settings.sources.x
    if wanted.bearer_token is None:
        return "not configured"
    headers = {"Authorization": f"Bearer {wanted.bearer_token.get_secret_value()}"}
    url = f"{wanted.address.rstrip('/')}/2/tweets/search/stream/rules"
    with client(headers, seconds=SECONDS) as web:
        request = partial(ask, web, "GET", url, key="sources.x.bearer_token")
        rules = decoded(_advised(request, "sources.x.address")).get("data") or []
    with connect_redis(attached(settings)) as redis:
        budget = Budget(redis, settings.redis.prefix, wanted.max_posts_per_month)
        spent = budget.spent(datetime.now(UTC))
    most = wanted.max_posts_per_month
    return (
        f"{len(rules)} rules; {spent} of {most} posts read this month, "
        f"{spent * wanted.dollars_per_post:.2f} of {most * wanted.dollars_per_post:.2f} USD"
    )


def _advised(request: Callable[[], httpx2.Response], setting: str) -> httpx2.Response:
    try:
        return request()
    except Disconnected as error:
        raise Disconnected(f"{error}; check the network, a proxy, or {setting}") from error
