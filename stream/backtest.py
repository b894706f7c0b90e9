"""
Back-test: stored reports or counts through the detector and through other people's rules.

All see the same counts in the same run. Incidents are matched to true outages one to one; what is
matched to none is a false incident, a second alarm during one outage included.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.bench.rivals import RIVALS
from detector.bucket import WIDTH, Bucket
from detector.state import State, initial
from detector.texts import Texts, count_once
from detector.tick import Policy, tick
from models.catalogue import Catalogue, Service
from stream.report import Report
from stream.tally import Tags, tallied

MINUTE = 60
MOST_DAYS = 400
YEAR_MINUTES = 525_960
_EARLY = 5 * MINUTE  # an alarm so long before the outage's stated start is still of it
_JOINED = 30  # minutes of calm that make two alarms of a rival


class BacktestError(Exception):
    """The data or the truth cannot be used; the message says where and why."""


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """Distinct authors on one service in the bucket that *at* lies in."""

    service: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    affected: Annotated[int, msgspec.Meta(ge=0)] = 0
    recovered: Annotated[int, msgspec.Meta(ge=0)] = 0
    mentioned: Annotated[int, msgspec.Meta(ge=0)] = 0


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A true outage, as its users saw it."""

    service: str
    start: Annotated[datetime, msgspec.Meta(tz=True)]
    end: Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a detector raised: unix seconds; *end* is None while it lasts."""

    service: str
    start: int
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Alarms by detector; *services* were seen for *minutes* from *start* on, unix seconds."""

    alarms: Mapping[str, Sequence[Alarm]]
    services: tuple[str, ...]
    start: int
    minutes: int


@dataclass(slots=True)
class _Seen:
    """Counts by service and minute while the buckets go by."""

    start: int | None = None
    minutes: int = 0
    counts: dict[tuple[str, int], int] = field(default_factory=dict)

    def add(self, bucket: Bucket) -> None:
        self.start = bucket.start // MINUTE * MINUTE if self.start is None else self.start
        minute = (bucket.start - self.start) // MINUTE
        self.minutes = minute + 1
        for service, n in bucket.affected.items():
            self.counts[service, minute] = self.counts.get((service, minute), 0) + n


def read_counts(path: Path) -> Iterator[Bucket]:
    """Yield the buckets of a file of counts, those without one included."""
    rows: dict[int, list[Count]] = {}
    for count in _lines(path, Count):
        rows.setdefault(int(count.at.timestamp()) // WIDTH * WIDTH, []).append(count)
    _check_span(path, rows)
    for start in range(min(rows, default=0), max(rows, default=-WIDTH) + WIDTH, WIDTH):
        found = rows.get(start, ())
        yield Bucket(
            start=start,
            affected=_summed((c.service, c.affected) for c in found),
            recovered=_summed((c.service, c.recovered) for c in found),
            mentioned=_summed((c.service, c.mentioned) for c in found),
        )


def read_reports(path: Path, tagger: Tags) -> Iterator[Bucket]:
    """Yield the buckets of a file of reports, put in the order of their event time."""
    reports = sorted(_lines(path, Report), key=lambda r: (min(r.posted_at, r.received_at), r.id))
    _check_span(path, [int(r.posted_at.timestamp()) for r in reports])
    return tallied(reports, tagger)


def holds_counts(path: Path) -> bool:
    """Whether the first line of *path* is meant as a count; else it is to be a report."""
    with path.open("rb") as lines:
        first = next((line for line in lines if line.strip()), b"")
    if not first:
        raise BacktestError(f"{path}: empty, expected JSON lines of reports or of counts")
    try:
        fields = msgspec.json.decode(first, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BacktestError(f"{path}, line 1: {error}; expected a report or a count") from error
    return "at" in fields and "id" not in fields


def read_truth(path: Path) -> list[Outage]:
    """Read the true outages."""
    outages = list(_lines(path, Outage))
    for number, one in enumerate(outages, 1):
        if one.end <= one.start:
            raise BacktestError(f"{path}, outage {number}: ends at {one.end}, not after its start")
    return outages


def check_truth(run: "Run", outages: Sequence[Outage], catalogue: Catalogue) -> None:
    """Raise `BacktestError` for a true outage of a service that nobody knows: a slip of the pen."""
    known = {*run.services, *catalogue.services}
    for one in outages:
        if one.service not in known:
            raise BacktestError(
                f"truth: no service {one.service!r} in the data or the catalogue; "
                "'outcry catalogue show NAME' finds ids"
            )


def _check_span(path: Path, seconds: Collection[int]) -> None:
    days = (max(seconds, default=0) - min(seconds, default=0)) / 86_400
    if days > MOST_DAYS:
        raise BacktestError(
            f"{path}: spans {days:,.0f} days, at most {MOST_DAYS} can be replayed; is a time wrong?"
        )


def replayed(buckets: Iterable[Bucket], catalogue: Catalogue, policy: Policy) -> Run:
    """Run the detector and every rival over *buckets*, which follow one another without a gap."""
    seen = _Seen()
    texts: Texts = {}
    spans: dict[tuple[str, datetime], int | None] = {}
    state: State | None = None
    for raw in buckets:
        bucket, texts = count_once(raw, texts)
        state = state or initial(tuple(catalogue.services), bucket.start)
        step = tick(state, bucket, catalogue, policy)
        state = step.state
        for incident, _ in step.changes:
            for one in incident.affected:
                end = one.resolved_at
                spans[one.service, one.joined_at] = int(end.timestamp()) if end else None
        seen.add(bucket)
    services = tuple(sorted({service for service, _ in seen.counts}))
    own = [Alarm(service=s, start=int(at.timestamp()), end=end) for (s, at), end in spans.items()]
    start = seen.start or 0
    alarms = {"ours": own} | _rivals(seen, services, start)
    return Run(alarms=alarms, services=services, start=start, minutes=seen.minutes)


def scored(run: Run, truth: Sequence[Outage]) -> dict[str, dict[str, Any]]:
    """Give the figures of each detector: see docs/detection.md."""
    return {name: _figures(run, alarms, truth) for name, alarms in run.alarms.items()}


def matched(alarms: Sequence[Alarm], truth: Sequence[Outage]) -> list[tuple[Outage, Alarm]]:
    """Match each outage, the earliest first, to the first alarm in it that is still free."""
    free = sorted(alarms, key=lambda alarm: (alarm.start, alarm.service))
    pairs = []
    for outage in sorted(truth, key=lambda one: (one.start, one.service)):
        first, last = outage.start.timestamp() - _EARLY, outage.end.timestamp()
        mine = (a for a in free if a.service == outage.service and first <= a.start <= last)
        if found := next(mine, None):
            free.remove(found)
            pairs.append((outage, found))
    return pairs


def _figures(run: Run, alarms: Sequence[Alarm], truth: Sequence[Outage]) -> dict[str, Any]:
    pairs = matched(alarms, truth)
    delays = [max(a.start - o.start.timestamp(), 0) / MINUTE for o, a in pairs]
    ends = [(a.end - o.end.timestamp()) / MINUTE for o, a in pairs if a.end is not None]
    years = len(run.services) * run.minutes / YEAR_MINUTES
    false = len(alarms) - len(pairs)
    return {
        "incidents": len(alarms),
        "outages": len(truth),
        "recall": _share(len(pairs), len(truth)),
        "precision": _share(len(pairs), len(alarms)),
        "delay_median_minutes": _quantile(delays, 0.5),
        "delay_p90_minutes": _quantile(delays, 0.9),
        "false_incidents_per_service_year": round(false / years, 2) if years else None,
        "time_to_resolve_median_minutes": _quantile(ends, 0.5),
    }


def _rivals(seen: _Seen, services: Sequence[str], start: int) -> dict[str, list[Alarm]]:
    row = {service: i for i, service in enumerate(services)}
    counts = np.zeros((len(services), seen.minutes))
    for (service, minute), n in seen.counts.items():
        counts[row[service], minute] = n
    if counts.shape[1] < 2 * 1_440:
        counts = np.pad(counts, ((0, 0), (0, 2 * 1_440 - counts.shape[1])))
    result = {}
    for name, rival in RIVALS.items():
        over = rival.statistic(counts)[:, : seen.minutes] >= rival.rule
        result[name] = [
            Alarm(service=service, start=start + (a + 1) * MINUTE, end=start + (b + 1) * MINUTE)
            for service, line in zip(services, over, strict=True)
            for a, b in _spans(line)
        ]
    return result


def _spans(over: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First minute of each alarm and the first calm one after; short calms do not part two."""
    minutes = np.flatnonzero(over)
    if not len(minutes):
        return []
    cuts = np.flatnonzero(np.diff(minutes) > _JOINED)
    firsts = minutes[np.concatenate([[0], cuts + 1])]
    lasts = minutes[np.concatenate([cuts, [len(minutes) - 1]])]
    return [(int(a), int(b) + 1) for a, b in zip(firsts, lasts, strict=True)]


def widened(catalogue: Catalogue, services: Iterable[str]) -> Catalogue:
    """Add *services* that the catalogue does not have, without any dependency."""
    new = {s: Service(id=s, name=s, industry="other") for s in services}
    return Catalogue({**new, **catalogue.services})


def _lines(path: Path, kind: Any) -> Iterator[Any]:
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise BacktestError(f"{path}, line {number}: {error}") from error


def _summed(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for service, n in counts:
        total[service] = total.get(service, 0) + n
    return {service: n for service, n in sorted(total.items()) if n}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(values: Sequence[float], q: float) -> float | None:
    return round(float(np.quantile(values, q)), 2) if values else None
