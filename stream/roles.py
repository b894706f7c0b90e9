"""Builds the loops from the settings: the one place that knows both."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import redis
import structlog
from pydantic import SecretStr
from redis.backoff import NoBackoff
from redis.retry import Retry

from detector.actions import Actions
from detector.counts import Counts
from detector.incident_store import IncidentStore
from models.catalogue import Catalogue
from stream.configuration import change
from stream.data_dir import running, running_here
from stream.settings import Settings, SettingsError

log = structlog.get_logger()

# A loop that is ready to run until the event is set.
Role = Callable[[threading.Event], None]


def attached(settings: Settings, *, to_replay: bool = False) -> Settings:
    """
    Fill in the addresses of the `outcry up` that holds the data directory, where none are set.

    Who only reads may attach *to_replay*, and then gets the prefix of its keys as well.

    Raises `SettingsError` when there is neither.
    """
    kafka, url = settings.kafka.bootstrap_servers, settings.redis.url.get_secret_value()
    if kafka and url:
        return settings
    up = (running_here if to_replay else running)(settings.up.data_dir)
    if up is None or not (up.kafka and up.redis):
        missing = "redis.url" if kafka else "kafka.bootstrap_servers"
        raise SettingsError(
            f"{missing} is not set and no `outcry up` runs in {settings.up.data_dir}; set it, "
            "start `outcry up`, or name its directory by OUTCRY_UP__DATA_DIR"
        )
    return change(
        settings,
        kafka={"bootstrap_servers": kafka or tuple(up.kafka.split(","))},
        redis={
            "url": SecretStr(url or up.redis),
            "prefix": (up.prefix if to_replay and not url else "") or settings.redis.prefix,
        },
    )


def connect_redis(settings: Settings) -> "redis.Redis":
    """Return a client of a Redis that answers, or raise `SettingsError`; no password is told."""
    url = settings.redis.url.get_secret_value()
    try:
        # One repetition and no more: the loops wait for a server that is away, each in its own way.
        client = redis.Redis.from_url(url, retry=Retry(NoBackoff(), 1))
        client.ping()
    except (redis.RedisError, ValueError) as error:
        parts = urlsplit(url)
        where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
        raise SettingsError(
            f"Redis at {where} does not answer ({type(error).__name__}); check that it runs and "
            "that redis.url names it"
        ) from error
    return client


def catalogue(settings: Settings) -> Catalogue:
    """Load the catalogue with the user's files over it; raises `CatalogueError`."""
    return Catalogue.load(settings.catalogue.files)


def ingest(settings: Settings) -> Role:
    """Return one ingest worker, loaded and connected."""
    from detector.unknown_store import UnknownNames
    from models.tagger import Tagger
    from models.unknown import Unknown
    from stream.consumer import Consumer
    from stream.dead_letter import DeadLetterLimit, DeadLetters
    from stream.ingest import Ingest, Pulse
    from stream.producer import Producer

    kafka, limits = settings.kafka, settings.ingest
    servers, security = list(kafka.bootstrap_servers), kafka.security()
    services = catalogue(settings)
    tagger = Tagger.load(services, settings.model.path)
    client = connect_redis(settings)
    counts = Counts(client, settings.redis.prefix)
    connect = partial(Producer, servers, client=security)
    worker = Ingest(
        Consumer(
            servers,
            kafka.topic,
            kafka.group_id,
            counts,
            max_batch=limits.max_batch,
            client=security,
        ),
        counts,
        tagger,
        DeadLetters(kafka.dead_letter_topic, connect, kafka.topic),
        DeadLetterLimit(
            max_ratio=limits.dead_letter_max_ratio,
            max_consecutive=limits.dead_letter_max_consecutive,
        ),
        allowed_lateness=timedelta(seconds=settings.detection.allowed_lateness_seconds),
        unknown=Unknown(services),
        names=UnknownNames(client, settings.redis.prefix),
    )

    def run(stop: threading.Event) -> None:
        log.info("started", topic=kafka.topic)
        if not limits.idle_heartbeat_seconds:
            worker.run(stop)
            return
        with connect(kafka.topic) as producer:
            worker.run(stop, Pulse(producer, timedelta(seconds=limits.idle_heartbeat_seconds)))

    return run


def watch(settings: Settings) -> Role:
    """Return the watcher, and beside it the loop that sends alerts, loaded and connected."""
    from detector.official_store import OfficialStore
    from detector.tick import Policy
    from detector.unknown_store import UnknownNames
    from stream import notify
    from stream.destinations import couriers, listeners
    from stream.watch import Watcher

    services = catalogue(settings)
    client = connect_redis(settings)
    store = IncidentStore(client, settings.redis.prefix)
    budget = settings.detection.false_incidents_per_service_year
    watcher = Watcher(
        Counts(client, settings.redis.prefix),
        store,
        services,
        Policy(false_incidents_per_service_year=budget),
        keep_evidence=timedelta(days=settings.privacy.evidence_days),
        names=UnknownNames(client, settings.redis.prefix),
    )
    actions = Actions(client, settings.redis.prefix)
    told = couriers(
        settings,
        services,
        page_url(settings),
        store,
        actions,
        OfficialStore(client, settings.redis.prefix),
    )
    beside = listeners(settings, actions)

    def run(stop: threading.Event) -> None:
        log.info("started", channels=channel_names(settings))
        with ThreadPoolExecutor(1 + len(beside), thread_name_prefix="notify") as pool:
            telling = pool.submit(notify.run, told, stop, leads=watcher.leads)
            listening = [pool.submit(one, stop) for one in beside]
            try:
                watcher.run(stop)
            finally:
                stop.set()
        for done in (telling, *listening):
            done.result()

    return run


def forward(settings: Settings, key: bytes) -> Role:
    """Return the loop that sends what people report on the page; authors are hashed with *key*."""
    from detector.inbox import Inbox
    from stream.authors import Authors
    from stream.forward import Forward
    from stream.producer import Producer

    kafka, client = settings.kafka, connect_redis(settings)
    prefix = settings.redis.prefix
    return Forward(
        Inbox(client, prefix),
        Counts(client, prefix),
        partial(Producer, kafka.bootstrap_servers, kafka.topic, client=kafka.security()),
        Authors(key),
        allowed_lateness=timedelta(seconds=settings.detection.allowed_lateness_seconds),
        clock=lambda: datetime.now(UTC),
    ).run


def api(settings: Settings) -> Role:
    """Return the API's server, connected."""
    from detector.feeds import Feeds
    from detector.unknown_store import UnknownNames

    try:
        from stream.api.app import Api
        from stream.api.serve import serve
    except ImportError as error:
        raise SettingsError("the API is not installed; install outcry[api]") from error
    wanted, client = settings.api, connect_redis(settings)
    served = Api(
        IncidentStore(client, settings.redis.prefix),
        Counts(client, settings.redis.prefix),
        catalogue(settings),
        page_url=page_url(settings),
        token=wanted.token.get_secret_value() if wanted.token else None,
        names=UnknownNames(client, settings.redis.prefix),
        sources=Feeds(client, settings.redis.prefix),
    )
    return partial(serve, served, wanted.host, wanted.port)


def channel_names(settings: Settings) -> tuple[str, ...]:
    """Return the names under which the channels in use keep their progress."""
    from stream.destinations import names

    return names(settings.alerts)


def page_url(settings: Settings) -> str:
    """Return the address of the page for people: the configured one, else where it is served."""
    return settings.alerts.page_url or f"http://{settings.dashboard.host}:{settings.dashboard.port}"
