"""
`outcry bench alerts`: from the append of the decisive record to the HTTP request of the alert.

A live watcher also waits for late reports before it judges: that is a setting, the same for every
alert, and is told beside the figures. Here event time is written by hand, so that the record that
closes the decisive bucket is known, and the rest is what the pipeline takes.
"""

import json
import queue
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from detector.bucket import WIDTH
from stream.alert_settings import Alerts
from stream.bench.pipeline import pipeline
from stream.configuration import change
from stream.producer import Producer
from stream.report import Report
from stream.roles import catalogue
from stream.settings import Settings

AUTHORS = 40  # who report in a bucket
PATIENCE = 2.0  # seconds for an alert, before another bucket is written
BUCKETS = 6  # at most, for one service
APART = timedelta(minutes=4)  # less than the gap that freezes the detector
BEGIN = datetime(2025, 10, 20, 6, 0, tzinfo=UTC)


def bench_alerts(settings: Settings, n: int) -> dict[str, Any]:
    """Let *n* services fail one after the other; return the latencies in seconds."""
    services = sorted(catalogue(settings).services)
    chosen = services[:: max(1, len(services) // n)][:n]
    heard: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
    with tempfile.TemporaryDirectory() as place, _Receiver(heard) as url:
        wanted = _settings(settings, Path(place), url)
        with pipeline(wanted) as parts:
            kafka = parts.settings.kafka
            with Producer(kafka.bootstrap_servers, kafka.topic) as producer:
                crowd = _Crowd(producer, wanted.detection.allowed_lateness_seconds)
                found = [crowd.fail(one, heard) for one in chosen]
    latencies = [one for one in found if one is not None]
    waits = wanted.detection.allowed_lateness_seconds
    return {
        "n_services": len(chosen),
        "n_alerts": len(latencies),
        **{f"p{q}_seconds": round(float(np.percentile(latencies, q)), 3) for q in (50, 90, 99)},
        "max_seconds": round(max(latencies), 3),
        "waits_for_late_reports_seconds": waits,
        "bucket_seconds": WIDTH,
    }


class _Crowd:
    """Writes what people report, and the heartbeats that close its buckets."""

    def __init__(self, producer: Producer, lateness: int):
        self._producer = producer
        self._closes_after = timedelta(seconds=WIDTH + lateness)
        self._at = BEGIN
        self._n_sent = 0

    def fail(self, service: str, heard: "queue.SimpleQueue[tuple[float, str]]") -> float | None:
        """Return the seconds from the append to the alert that names *service*, if one came."""
        for _ in range(3):
            self._at += APART
            self._close()
        for _ in range(BUCKETS):
            self._report(service)
            appended = self._close()
            deadline = time.monotonic() + PATIENCE
            while (left := deadline - time.monotonic()) > 0:
                try:
                    at, body = heard.get(timeout=left)
                except queue.Empty:
                    break
                if _names(body, service):
                    return at - appended
        return None

    def _report(self, service: str) -> None:
        self._at += timedelta(seconds=WIDTH)
        for _ in range(AUTHORS):
            self._n_sent += 1
            report = Report(
                id=f"bench/{self._n_sent}",
                source="bench",
                author=f"{self._n_sent:032x}",
                text="",
                service=service,
                posted_at=self._at,
                received_at=self._at,
                synthetic=True,
            )
            self._producer.send(report)
        self._producer.flush()
        time.sleep(0.5)  # so that only the closing record is on its way

    def _close(self) -> float:
        appended = time.monotonic()
        self._producer.heartbeat("bench", self._at + self._closes_after)
        self._producer.flush()
        return appended


def _names(body: str, service: str) -> bool:
    incident = json.loads(body)["incident"]
    return service in {one["service"] for one in incident["affected"]}


def _settings(settings: Settings, place: Path, url: str) -> Settings:
    told = {"url": SecretStr(url), "secret": SecretStr("only-for-the-bench")}
    alerts = Alerts.model_validate({"webhook": told})
    return change(
        settings.model_copy(update={"alerts": alerts}),
        kafka={"bootstrap_servers": ()},
        redis={"url": SecretStr("")},
        up={"data_dir": place},
        ingest={"idle_heartbeat_seconds": 0},
    )


class _Receiver:
    """An HTTP server that notes when each request came."""

    def __init__(self, heard: "queue.SimpleQueue[tuple[float, str]]"):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                came = time.monotonic()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heard.put((came, body.decode()))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
