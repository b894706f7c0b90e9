"""
Loop two: from closed buckets to incidents, by one leader.

lease → read → judge → save. Everything that is decided is in `detector.judgement`, which is pure; a
leader that loses its lease cannot save, and the next one starts from the last round that was saved.
"""

import secrets
import threading
from datetime import UTC, datetime, timedelta

import redis
import structlog

from detector.bucket import WIDTH, Bucket
from detector.counts import Counts
from detector.incident_store import IncidentStore, LeaseLost
from detector.judgement import Memory, begin, judge, restore
from detector.round import Round
from detector.tick import Policy
from detector.unknown_store import UnknownNames
from models.catalogue import Catalogue

log = structlog.get_logger()

LEASE_MS = 10_000
POLL_SECONDS = 0.25
ROUND_BUCKETS = 60  # ten minutes of event time; a live watcher sees one bucket at a time


class Watcher:
    """One candidate for the leadership; waits while Redis is away or somebody else leads."""

    def __init__(
        self,
        counts: Counts,
        store: IncidentStore,
        catalogue: Catalogue,
        policy: Policy,
        *,
        keep_evidence: timedelta = timedelta(days=30),
        names: UnknownNames | None = None,
    ):
        self._names = names
        self._keep_evidence = keep_evidence
        self._counts = counts
        self._store = store
        self._catalogue = catalogue
        self._policy = policy
        self._token = secrets.token_hex(16)
        self._leading = threading.Event()
        self._forgot_at = 0

    def leads(self) -> bool:
        """Say whether this one leads just now; for those who may act only beside the leader."""
        return self._leading.is_set()

    def run(self, stop: threading.Event) -> None:
        """Watch until *stop* is set, then give the lease up."""
        while not stop.is_set():
            try:
                self._stand_by(stop)
            except LeaseLost as lost:
                log.warning("lease_lost", reason=str(lost))
            except (redis.ConnectionError, redis.TimeoutError) as error:
                log.warning("redis_away", error=str(error))
                stop.wait(POLL_SECONDS)
        try:
            self._store.release(self._token)
        except redis.RedisError as error:
            log.warning("lease_not_released", error=str(error), seconds=LEASE_MS / 1000)

    def _stand_by(self, stop: threading.Event) -> None:
        while not stop.is_set():
            fence = self._store.acquire(self._token, LEASE_MS)
            if fence is not None:
                log.info("leading", fence=fence)
                self._leading.set()
                try:
                    self._lead(fence, stop)
                finally:
                    self._leading.clear()
                return
            stop.wait(POLL_SECONDS)

    def _lead(self, fence: int, stop: threading.Event) -> None:
        """Judge whatever is closed until *stop* is set; raises `LeaseLost`."""
        progress = self._store.progress()
        memory = restore(progress, self._catalogue) if progress else None
        last = progress.last_bucket if progress else None
        while not stop.is_set():
            if not self._store.renew(self._token, fence, LEASE_MS):
                raise LeaseLost(f"fence {fence}")
            buckets = self._counts.read(last, ROUND_BUCKETS)
            if not buckets:
                stop.wait(POLL_SECONDS)
                continue
            memory, judged = self._judge(memory, buckets)
            self._store.save(judged, fence)
            last = judged.last_bucket
            # Only what is saved may go; what a crash leaves here, the next round takes along.
            self._counts.forget(last + 1)
            self._forget_evidence(last)
            self._judge_names(last + WIDTH)

    def _forget_evidence(self, last: int) -> None:
        """Once an hour of event time, remove the posts that were kept for long enough."""
        if last // 3600 == self._forgot_at:
            return
        self._forgot_at = last // 3600
        before = datetime.fromtimestamp(last, UTC) - self._keep_evidence
        if n_incidents := self._store.forget_evidence(before):
            log.info("evidence_forgotten", n_incidents=n_incidents, before=before.isoformat())

    def _judge_names(self, until: int) -> None:
        """Say which names outside the catalogue surge: not an incident, but worth an entry."""
        for surge in self._names.judge(until) if self._names else ():
            log.info("uncatalogued", name=surge.shown, authors=surge.authors)

    def _judge(self, memory: Memory | None, buckets: list[Bucket]) -> tuple[Memory, Round]:
        before = memory or begin(self._catalogue, buckets[0].start)
        after, judged = judge(before, buckets, self._catalogue, self._policy)
        for incident, transition in judged.changes:
            log.info(
                "transition",
                incident=incident.id,
                step=transition.step,
                status=transition.status,
                severity=transition.severity,
                at=transition.at.isoformat(),
            )
        return after, judged
