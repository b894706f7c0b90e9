"""Where reports of many senders are written to Kafka together; says to each when his are safe."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import structlog

from stream.producer import BrokerUnreachable, DeliveryError, Producer
from stream.report import Report

log = structlog.get_logger()

GROUP = 2_000


@dataclass(frozen=True, slots=True)
class _Offer:
    reports: Sequence[Report]
    done: "Future[None]" = field(default_factory=Future)


class Gate:
    """
    Takes reports from any thread; at most *most* wait for their acknowledgement at a time.

    A context manager. *connect* is called again after the broker was away.
    """

    def __init__(self, connect: Callable[[], Producer], most: int):
        self._connect = connect
        self._most = most
        self._offers: queue.SimpleQueue[_Offer | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._n_waiting = 0
        self._thread = threading.Thread(target=self._run, name="gate")

    def __enter__(self) -> "Gate":
        self._producer: Producer | None = self._connect()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._offers.put(None)
        self._thread.join()

    def offer(self, reports: Sequence[Report]) -> "Future[None] | None":
        """
        Return what is done when Kafka has acknowledged *reports*, or None when too many wait.

        It fails with `DeliveryError` or `BrokerUnreachable`; then they may be offered again.
        """
        with self._lock:
            if self._n_waiting and self._n_waiting + len(reports) > self._most:
                return None
            self._n_waiting += len(reports)
        offer = _Offer(reports)
        self._offers.put(offer)
        return offer.done

    def _run(self) -> None:
        while (first := self._offers.get()) is not None:
            group = [first]
            while sum(len(one.reports) for one in group) < GROUP:
                try:
                    following = self._offers.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    self._offers.put(None)
                    break
                group.append(following)
            self._write(group)
        if self._producer:
            self._producer.__exit__(None, None, None)

    def _write(self, group: Sequence[_Offer]) -> None:
        error: Exception | None = None
        try:
            self._producer = self._producer or self._connect()
            for offer in group:
                for report in offer.reports:
                    self._producer.send(report)
            self._producer.flush()
        except (DeliveryError, BrokerUnreachable) as failure:
            log.warning("broker_away", reason=str(failure))
            error = failure
            if self._producer:
                self._producer.abandon()
                self._producer = None
        with self._lock:
            self._n_waiting -= sum(len(offer.reports) for offer in group)
        for offer in group:
            if error:
                offer.done.set_exception(error)
            else:
                offer.done.set_result(None)
