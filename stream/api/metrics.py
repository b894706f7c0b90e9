"""What Prometheus reads: the feed's counters, the open incidents, and what is held back."""

from collections import Counter
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from detector.feeds import Feed
from detector.health import Health
from detector.incidents import Incident, Severity
from detector.suspects import Suspect

# A source that has said nothing for so long is not up, whatever its last word was.
SILENT_SECONDS = 120.0
OUTCOMES = ("received", "sent", "deleted", "duplicate", "invalid", "shed")


def exposition(
    health: Health,
    open_: Sequence[Incident],
    suspects: Sequence[Suspect],
    now_seconds: float,
    sources: Sequence[Feed] = (),
) -> bytes:
    """Return the metrics in Prometheus' text format; *now_seconds* is the wall clock."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(health, open_, suspects, now_seconds, sources))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(
        self,
        health: Health,
        open_: Sequence[Incident],
        suspects: Sequence[Suspect],
        now_seconds: float,
        sources: Sequence[Feed],
    ):
        self._feeds = sources
        self._health = health
        self._open = open_
        self._suspects = suspects
        self._now = now_seconds

    def collect(self) -> list[Metric]:
        health = self._health
        records = CounterMetricFamily(
            "outcry_records", "Records read, by what became of them.", labels=["outcome"]
        )
        for outcome in ("reports", "tagged", "invalid", "late", "duplicate", "repost", "lost"):
            records.add_metric([outcome], getattr(health, f"n_{outcome}"))
        found: list[Metric] = [records, self._incidents(), self._held_back()]
        if health.lag is not None:
            found.append(_gauge("outcry_lag_records", "Records not read yet.", health.lag))
        if health.watermark_at is not None:
            age = self._now - health.watermark_at.timestamp()
            text = "Wall clock less the time up to which all is counted."
            found.append(_gauge("outcry_watermark_age_seconds", text, age))
        return [*found, self._sources(), *_of_sources(self._feeds, self._now)]

    def _incidents(self) -> Metric:
        metric = GaugeMetricFamily("outcry_open_incidents", "Open incidents.", labels=["severity"])
        counts = Counter(one.severity for one in self._open)
        for severity in Severity:
            metric.add_metric([severity.value], counts[severity])
        return metric

    def _held_back(self) -> Metric:
        metric = GaugeMetricFamily(
            "outcry_suspects", "Services that look like a campaign's.", labels=["kind"]
        )
        n_held = sum(one.held for one in self._suspects)
        metric.add_metric(["held"], n_held)
        metric.add_metric(["repeated"], len(self._suspects) - n_held)
        return metric

    def _sources(self) -> Metric:
        metric = GaugeMetricFamily(
            "outcry_source_last_post_timestamp_seconds", "Last post.", labels=["source"]
        )
        for one in self._health.sources:
            if one.last_post_at is not None:
                metric.add_metric([one.name], one.last_post_at.timestamp())
        return metric


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _of_sources(sources: Sequence[Feed], now_seconds: float) -> list[Metric]:
    labels = ["source"]
    messages = CounterMetricFamily(
        "outcry_source_messages", "What became of what came.", labels=["source", "outcome"]
    )
    size = CounterMetricFamily("outcry_source_bytes", "Bytes received.", labels=labels)
    tries = CounterMetricFamily("outcry_source_connections", "Connections made.", labels=labels)
    up = GaugeMetricFamily("outcry_source_up", "1 while it is connected.", labels=labels)
    refused = GaugeMetricFamily(
        "outcry_source_refused", "1 when its key is refused: it does not try again.", labels=labels
    )
    age = GaugeMetricFamily(
        "outcry_source_event_age_seconds",
        "Wall clock less the event time up to which all has come.",
        labels=labels,
    )
    for one in sources:
        for outcome in OUTCOMES:
            messages.add_metric([one.name, outcome], getattr(one, f"n_{outcome}"))
        size.add_metric([one.name], one.n_bytes)
        tries.add_metric([one.name], one.n_connections)
        silent = now_seconds - one.updated_at.timestamp() > SILENT_SECONDS
        up.add_metric([one.name], float(one.state == "live" and not silent))
        refused.add_metric([one.name], float(one.state == "refused"))
        if one.event_at is not None:
            age.add_metric([one.name], now_seconds - one.event_at.timestamp())
    return [messages, size, tries, up, refused, age]
