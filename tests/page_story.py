"""A small world for the page: three services and one incident that hits two of them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from redis import Redis

from detector.batch import Accepted, Beat, Entry, Invalid
from detector.counts import Counts
from detector.incident_store import IncidentStore
from detector.incidents import (
    Affected,
    Cause,
    Incident,
    Sample,
    Severity,
    Status,
    Step,
    Transition,
)
from detector.round import Round
from detector.series import Point
from detector.suspects import Suspect, encode

CLOCK = datetime(2025, 10, 20, 7, 42, tzinfo=UTC)
LATENESS = timedelta(seconds=30)
SERVICES = {"zz-cloud": "Zed Cloud", "zz-chat": "Zed Chat", "zz-pay": "Zed Pay & Co"}
ATTACKS = (
    "<script>window.owned = 1</script><img src=x onerror='window.owned = 1'>",
    "![p](http://tracker.example/p.png) :red[**loud**] [link](javascript:window.owned=1) $x^2$",
    "\u202ednE\u202c \u2066x\u2069 \x1b[31mred\x07 &lt;b&gt; :material/skull: `code`",
    "=HYPERLINK(1)\n\n\n\n\n# heading\n- list\n| a | b |\n|---|---|",
)


@dataclass(frozen=True, slots=True)
class World:
    """What is in Redis, and the environment under which the page finds it."""

    redis: Redis
    environment: dict[str, str]
    prefix: str = "page"

    def receive(self, clock: datetime = CLOCK, source: str = "bluesky", n_invalid: int = 0) -> None:
        """Let each of two partitions take a post and a heartbeat of *source* at *clock*."""
        counts = Counts(self.redis, self.prefix)
        counts.set_partitions(2)
        for partition in range(2):
            start = counts.next_offset(partition) or 0
            entries: list[Entry] = [
                _post(partition, start, clock + LATENESS, source),
                Beat(event_at=clock + LATENESS, source=source),
                *[Invalid()] * n_invalid,
            ]
            counts.begin(partition, 0)
            counts.apply(
                partition,
                start=start,
                next_offset=start + len(entries),
                entries=entries,
                allowed_lateness=LATENESS,
            )

    def judge(
        self,
        *incidents: Incident,
        clock: datetime = CLOCK,
        points: dict[str, list[Point]] | None = None,
        suspects: tuple[Suspect, ...] = (),
    ) -> None:
        """Let a watcher save all that is given, having judged everything before *clock*."""
        store = IncidentStore(self.redis, self.prefix)
        fence = store.acquire("page", 60_000)
        assert fence is not None
        last = int(clock.timestamp()) - 10
        told = Round(
            last_bucket=last,
            state=b"",
            incidents=incidents,
            points=points or {},
            suspects=encode(suspects),
        )
        store.save(told, fence)
        store.release("page")


def _post(partition: int, start: int, at: datetime, source: str) -> Accepted:
    return Accepted(
        event_at=at,
        source=source,
        report_id=f"{partition}-{start}",
        author="ab" * 16,
        is_repost=False,
        statements=(),
    )


def world(redis: Redis, redis_url: str, directory: Path) -> World:
    """Return an empty world whose catalogue knows `SERVICES` besides the shipped ones."""
    catalogue = directory / "own.toml"
    catalogue.write_text(
        "".join(
            f"[services.{id}]\nname = {msgspec.json.encode(name).decode()}\nindustry = 'own'\n"
            for id, name in SERVICES.items()
        ),
        "utf-8",
    )
    environment = {
        "OUTCRY_REDIS__URL": redis_url,
        "OUTCRY_REDIS__PREFIX": World.__dataclass_fields__["prefix"].default,
        "OUTCRY_CATALOGUE__FILES": str(catalogue),
    }
    return World(redis, environment)


def incident(clock: datetime = CLOCK, **changes: object) -> Incident:
    """Return an incident of twenty minutes that hits two services, with a cause and samples."""
    onset = clock - timedelta(minutes=20)
    affected = tuple(
        _affected(service, onset, n) for service, n in (("zz-chat", 4321), ("zz-pay", 77))
    )
    told = Incident(
        id="20251020-zz",
        status=Status.ONGOING,
        severity=Severity.CRITICAL,
        affected=affected,
        onset_at=onset,
        opened_at=onset + timedelta(minutes=3),
        updated_at=clock,
        cause=Cause(
            provider="zz-cloud",
            probability=0.93,
            region="us-east-1",
            reasons=("Both depend on **Zed Cloud** in us-east-1.",),
        ),
        observed=4398,
        expected=100.0,
        samples=tuple(sample(i, text, clock) for i, text in enumerate(ATTACKS)),
        transitions=(_transition(onset),),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def _affected(service: str, onset: datetime, n: int) -> Affected:
    return Affected(
        service=service,
        status=Status.ONGOING,
        severity=Severity.CRITICAL if n > 1000 else Severity.MINOR,
        onset_at=onset,
        joined_at=onset + timedelta(minutes=3),
        observed=n,
        expected=50.0,
        peak_per_minute=n / 10,
        symptoms=(("loading", 31), ("login", 7)),
        regions=(("us-east-1", 12),),
    )


def _transition(onset: datetime) -> Transition:
    return Transition(
        at=onset + timedelta(minutes=3),
        step=Step.OPENED,
        status=Status.EMERGING,
        severity=Severity.MINOR,
        detail="Zed Chat: 14 people against 2.1 expected",
    )


def sample(i: int, text: str, clock: datetime, url: str | None = None) -> Sample:
    """Return a sample post of Zed Chat."""
    return Sample(
        report_id=f"r{i}",
        service="zz-chat",
        text=text,
        source="bluesky",
        posted_at=clock - timedelta(minutes=i + 1),
        score=0.9,
        lang="en",
        url=url,
    )


def suspect(clock: datetime = CLOCK, text: str = "zed pay is down", **changes: object) -> Suspect:
    """Return Zed Pay held back since five minutes, with one post."""
    told = Suspect(
        service="zz-pay",
        since_at=clock - timedelta(minutes=5),
        held=True,
        posts=1234,
        people=200,
        newcomers=190,
        alike=180,
        usual_newcomers=0.2,
        why=("180 of 200 people post the same text, or nearly",),
        samples=(replace(sample(0, text, clock), service="zz-pay"),),
    )
    return replace(told, **changes)  # type: ignore[arg-type]


def points(clock: datetime = CLOCK) -> dict[str, list[Point]]:
    """Return an hour of Zed Chat: two reports a minute, twenty in the last twenty minutes."""
    last = int(clock.timestamp()) // 60 - 1
    made = [
        Point(minute=last - i, observed=20.0 if i < 20 else 2.0, expected=2.5, statistic=0.0)
        for i in reversed(range(60))
    ]
    return {"zz-chat": made}
