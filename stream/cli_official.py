"""`outcry official`: the official status pages."""

from typing import Annotated

import typer

from stream.command import load_settings, stopped_by_signals


def official(
    context: typer.Context,
    ask: Annotated[
        bool, typer.Option("--pages/--no-pages", help="Ask the pages, or only read the topic.")
    ] = True,
) -> None:
    """Read the official status pages of the catalogue's services into their own topic."""
    settings = load_settings(context, "official")
    from functools import partial

    import structlog

    from detector.official_store import OfficialStore
    from stream.official.pages import pages
    from stream.official.watch import follow_topic, run
    from stream.producer import Producer
    from stream.roles import attached, catalogue, connect_redis
    from stream.settings import SettingsError
    from stream.topics import ensure_topics

    settings = attached(settings)
    kafka, wanted = settings.kafka, settings.official
    servers, security = kafka.bootstrap_servers, kafka.security()
    ensure_topics(servers, [wanted.topic], 1, client=security)
    store = OfficialStore(connect_redis(settings), settings.redis.prefix)
    follow = partial(follow_topic, servers, wanted.topic, store, client=security)
    if not ask:
        structlog.get_logger().info("started", n_pages=0)
        follow(stopped_by_signals())
        return
    try:
        found = pages(catalogue(settings), wanted.services)
    except ValueError as error:
        raise SettingsError(f"{error}; correct it") from error
    structlog.get_logger().info("started", n_pages=len(found))
    connect = partial(Producer, servers, wanted.topic, client=security)
    run(found, connect, wanted.poll_seconds, lambda stop: follow(stop), stopped_by_signals())
