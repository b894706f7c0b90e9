"""The parts of `outcry up`: how each child process is started, in what order they are stopped."""

import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from pydantic import SecretStr

from stream.configuration import change, environment, page_environment
from stream.embedded import Child, start_broker, start_redis
from stream.failures import Failures
from stream.relay import Hear, Relay
from stream.screen import Screen
from stream.settings import Settings
from stream.supervisor import Job, Supervisor
from stream.topics import ensure_topics

STOP_SECONDS = 4.0
SERVERS = ("kafka", "redis")


class Parts:
    """
    The children of one `outcry up` under *data_dir*; *settings* gains the addresses of its servers.

    Used from the main thread. `stop` must be called whatever happens.
    """

    def __init__(self, settings: Settings, data_dir: Path, screen: Screen):
        self.settings = settings
        self.supervisor = Supervisor()
        self.sources: list[str] = []
        self._at_work: set[str] = set()
        self._data_dir = data_dir
        self._screen = screen
        self.alerts: Counter[str] = Counter()  # sent, by channel
        self._relay = Relay(data_dir / "logs", screen.show, self._notice)
        self._failures = Failures(self._connect, settings.redis.prefix)

    def start_servers(self) -> None:
        """
        Start the embedded servers that the settings do not replace, and make the topics.

        Raises `EmbeddedError` or `BrokerUnreachable`.
        """
        if not self.settings.kafka.bootstrap_servers:
            address = self._embed("kafka", start_broker)
            self.settings = change(self.settings, kafka={"bootstrap_servers": (address,)})
        if not self.settings.redis.url.get_secret_value():
            url = self._embed("redis", start_redis)
            self.settings = change(self.settings, redis={"url": SecretStr(url)})
        kafka = self.settings.kafka
        topics = [kafka.topic, kafka.dead_letter_topic, self.settings.official.topic]
        servers, security = kafka.bootstrap_servers, kafka.security()
        ensure_topics(servers, topics, kafka.partitions, client=security)

    def start_loops(self) -> None:
        """Start the ingest workers and the watcher, whose output is the terminal's alerts."""
        for i in range(1, self.settings.ingest.workers + 1):
            self._start(f"ingest-{i}", "ingest", "--worker", str(i))
        self._start("watch", "watch", hear=self._screen.show)

    def start_dashboard(self) -> None:
        """Start the page, and what sends the reports that people make there."""
        command = [sys.executable, "-m", "dashboard"]
        self._start_command("dashboard", command, env=page_environment(self.settings))
        self._start("form", "source", "form", vital=False)

    def start_replay(self, replay: str, speed: float, hear: Hear) -> None:
        """Start sending *replay*; *hear* gets its progress, a JSON object a line."""
        words = ("source", "replay", replay, "--speed", str(speed), "--progress-lines")
        self._start("replay", *words, once=True, hear=hear)

    def start_source(self, kind: str, argument: str, *, once: bool) -> None:
        """Start a source, as `outcry source KIND ARGUMENT` does; *once* if it comes to an end."""
        name = f"source-{len(self.sources) + 1}" if once else f"source-{kind}"
        words = ("source", kind, *([argument] if argument else []))
        self._start(name, *words, once=once, vital=once)

    def start_official(self, *, ask: bool = True) -> None:
        """Start reading the official status pages, or only what others write of them."""
        self._start("official", "official", *([] if ask else ["--no-pages"]), vital=False)

    def poll(self, now: float) -> None:
        """Restart what crashed at *now* (monotonic seconds), and say what keeps crashing."""
        self.supervisor.poll(now)
        failed = self.supervisor.failed().items()
        sources = {name.removeprefix("source-"): reason for name, reason in failed}
        self._failures.say(sources, datetime.now(UTC))

    def stop(self) -> None:
        """Stop all within 5 seconds, the servers that the others need last."""
        self.supervisor.stop(*SERVERS, seconds=STOP_SECONDS)
        self._relay.close()

    def _connect(self) -> "redis.Redis":
        return redis.Redis.from_url(self.settings.redis.url.get_secret_value())

    def _notice(self, name: str, event: Mapping[str, Any]) -> None:
        if event.get("event") in ("started", "source_live"):
            self._at_work.add(name)
        if event.get("event") == "alert_sent":
            self.alerts[str(event.get("channel"))] += 1

    def _embed(self, name: str, start: Callable[[Path, int], Child]) -> str:
        path = self._data_dir / name
        child = start(path, 0)
        # A restarted server must be found where it was; a Unix socket's path is the same anyway.
        found = re.search(r":(\d+)(/\d+)?$", child.address)
        port = int(found[1]) if found else 0
        job = Job(name=name, start=lambda: start(path, port).process)
        self.supervisor.start(job, child.process)
        return child.address

    def _start(
        self,
        name: str,
        *words: str,
        once: bool = False,
        vital: bool = True,
        hear: Hear | None = None,
    ) -> None:
        command = [sys.executable, "-m", "stream", *words]
        self._start_command(name, command, once=once, vital=vital, hear=hear)

    def _start_command(
        self,
        name: str,
        command: list[str],
        *,
        once: bool = False,
        vital: bool = True,
        hear: Hear | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        told = {**(env or environment(self.settings)), **self._screen.environment}
        if once:
            self.sources.append(name)
        job = Job(
            name=name,
            start=lambda: self._relay.start(name, command, told, hear),
            last_words=lambda: self._relay.last_words(name),
            has_worked=lambda: name in self._at_work,
            once=once,
            vital=vital,
        )
        self.supervisor.start(job)
