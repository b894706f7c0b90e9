"""A process that tells Slack what waits in the outbox, to be killed in the middle of it."""

import sys
import threading

from redis import Redis

from detector.incident_store import IncidentStore
from detector.official_store import OfficialStore
from stream.alerts.rules import Rules
from stream.alerts.slack import SlackBot
from stream.courier import Courier
from stream.news import News
from stream.notify import run
from tests.alert_cases import CATALOGUE
from tests.slack_double import CHANNEL, TOKEN


def main(redis_url: str, base_url: str) -> None:
    """Send until killed, without a pause between two alerts."""
    bot = SlackBot(TOKEN, CHANNEL, CATALOGUE, base_url=base_url, timeout_seconds=2)
    bot.pause_seconds = 0.0
    with Redis.from_url(redis_url) as client:
        store = IncidentStore(client, "test")
        courier = Courier(
            store,
            bot,
            rules=Rules(storm_limit=1_000),
            catalogue=CATALOGUE,
            news=News(OfficialStore(client, "test")),
            jitter=lambda: 0.02,
        )
        run([courier], threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
