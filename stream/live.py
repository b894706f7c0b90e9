"""Builds the live sources from the settings: which there are, and what each needs."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from detector.feeds import Feeds
from stream.authors import Authors
from stream.settings import Settings, SettingsError
from stream.sources.live import LiveSource
from stream.sources.manners import Manners

if TYPE_CHECKING:
    from stream.producer import Producer

DELIVERY_SECONDS = 20.0


def bluesky(settings: Settings, authors: Authors, manners: Manners) -> LiveSource:
    """Return Bluesky's Jetstream."""
    from stream.sources.bluesky import Bluesky

    wanted = settings.sources.bluesky
    try:
        dictionary = wanted.dictionary.read_bytes() if wanted.dictionary else None
    except OSError as error:
        raise SettingsError(
            f"sources.bluesky.dictionary {wanted.dictionary} is not readable: {error.strerror}; "
            "expected Jetstream's zstd dictionary, or no setting"
        ) from error
    return Bluesky(
        wanted.hosts,
        authors,
        protocol=wanted.protocol,
        manners=manners,
        dictionary=dictionary,
    )


def mastodon(settings: Settings, authors: Authors, manners: Manners) -> LiveSource:
    """Return an instance's stream."""
    from stream.sources.mastodon import Mastodon

    wanted = settings.sources.mastodon
    if wanted.instance is None or wanted.access_token is None:
        raise _missing("mastodon", "instance and access_token")
    token = wanted.access_token.get_secret_value()
    return Mastodon(wanted.instance, token, authors, streams=wanted.streams, manners=manners)


def hackernews(settings: Settings, authors: Authors, manners: Manners) -> LiveSource:
    """Return Hacker News."""
    from stream.sources.hackernews import HackerNews

    wanted = settings.sources.hackernews
    return HackerNews(wanted.address, authors, every=wanted.poll_seconds, manners=manners)


def reddit(settings: Settings, authors: Authors, manners: Manners) -> LiveSource:
    """Return some subreddits."""
    from stream.sources.reddit import Login, Reddit

    wanted = settings.sources.reddit
    if wanted.client_id is None or wanted.client_secret is None:
        raise _missing("reddit", "client_id and client_secret")
    login = Login(
        address=wanted.token_address,
        client_id=wanted.client_id,
        client_secret=wanted.client_secret.get_secret_value(),
        user_agent=wanted.user_agent,
    )
    return Reddit(
        wanted.address,
        login,
        authors,
        subreddits=wanted.subreddits,
        every=wanted.poll_seconds,
        manners=manners,
    )


def x(settings: Settings, authors: Authors, manners: Manners) -> LiveSource:
    """Return X's filtered stream, with rules for the catalogue."""
    from stream.roles import catalogue, connect_redis
    from stream.sources.x import X
    from stream.sources.x_budget import Budget
    from stream.sources.x_rules import rules

    wanted = settings.sources.x
    if wanted.bearer_token is None:
        raise _missing("x", "bearer_token")
    budget = Budget(connect_redis(settings), settings.redis.prefix, wanted.max_posts_per_month)
    return X(
        wanted.address,
        wanted.bearer_token.get_secret_value(),
        authors,
        rules=rules(catalogue(settings), wanted.services),
        budget=budget,
        manners=manners,
    )


KINDS: dict[str, Callable[[Settings, Authors, Manners], LiveSource]] = {
    "bluesky": bluesky,
    "mastodon": mastodon,
    "hackernews": hackernews,
    "reddit": reddit,
    "x": x,
}
# Not read from elsewhere, but served by us.
SERVED = ("http",)


def run(kind: str, settings: Settings, author_key: bytes, stop: threading.Event) -> None:
    """Run the live source *kind* until *stop*; raises `Refused` and `SettingsError`."""
    from stream.roles import connect_redis
    from stream.sources.pump import Pump

    authors, manners = Authors(author_key), Manners(settings.privacy.opt_out)
    source = KINDS[kind](settings, authors, manners)
    connect = connector(settings, DELIVERY_SECONDS)
    with connect_redis(settings) as client:
        Pump(source, connect, Feeds(client, settings.redis.prefix)).run(stop)


def connector(settings: Settings, delivery_seconds: float) -> "Callable[[], Producer]":
    """Return what connects to Kafka and gives up a record after *delivery_seconds*."""
    from stream.producer import Producer

    kafka = settings.kafka
    return partial(
        Producer,
        kafka.bootstrap_servers,
        kafka.topic,
        client=kafka.security(),
        delivery_seconds=delivery_seconds,
    )


def check_configured(kind: str, settings: Settings) -> None:
    """Raise `SettingsError` when *kind* lacks a setting without which it cannot start."""
    if kind in SERVED or kind == "x":
        if kind == "x" and settings.sources.x.bearer_token is None:
            raise _missing("x", "bearer_token")
        return
    KINDS[kind](settings, Authors(b"0" * 16), Manners())


def _missing(kind: str, names: str) -> SettingsError:
    return SettingsError(
        f"source {kind} needs {names} in [sources.{kind}]; set them, or see docs/sources.md"
    )
