"""Makes the topics that are missing."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from stream.producer import CONNECT_SECONDS, BrokerUnreachable, await_listener, servers_of


def ensure_topics(
    bootstrap: str | Iterable[str],
    topics: Iterable[str],
    partitions: int,
    *,
    client: Mapping[str, Any] | None = None,
) -> None:
    """
    Create those of *topics* that do not exist, with *partitions* partitions; idempotent.

    An existing topic keeps the partitions that it has. Raises `BrokerUnreachable`.
    """
    servers = servers_of(bootstrap)
    await_listener(servers)
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=servers,
            bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000),
            **(client or {}),
        )
    except KafkaError as error:
        raise BrokerUnreachable(servers) from error
    try:
        existing = set(admin.list_topics())
        for topic in topics:
            if topic not in existing:
                _create(admin, topic, partitions)
    except KafkaError as error:
        raise BrokerUnreachable(servers, f"refused to create topics: {error}") from error
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, topic: str, partitions: int) -> None:
    with contextlib.suppress(TopicAlreadyExistsError):  # somebody else was faster, which is as good
        admin.create_topics({topic: {"num_partitions": partitions}}, wait_for_metadata=True)
