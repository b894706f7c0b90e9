"""
Records that are no reports: kept on a topic of their own, with the reason, and limited.

A record is written there before its batch is counted, so that none is lost; after a crash one may
be written twice, under the same partition and offset headers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from stream.producer import Producer
from stream.report import InvalidReport

WINDOW = 1_000  # records of a partition over which the share of invalid ones is taken
LEAST = 200  # records before a share means anything


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record that `stream.report.decode` refused."""

    partition: int
    offset: int
    key: bytes | None
    body: bytes | None
    error: InvalidReport


class TooManyInvalid(Exception):
    """So many records are invalid that the producer or this worker is wrong, not the records."""

    def __init__(self, partition: int, problem: str, last: InvalidReport):
        super().__init__(
            f"partition {partition}: {problem}; last: {last}. Nothing after the limit was read; "
            "check the producer's schema version and this worker's, then start again"
        )
        self.partition = partition


class DeadLetterLimit:
    """
    Stops a bad deploy from emptying the topic into the dead-letter topic.

    Per partition: at most *max_consecutive* invalid records in a row, and at most *max_ratio* of
    the last `WINDOW`.
    """

    def __init__(self, *, max_ratio: float, max_consecutive: int):
        self._max_ratio = max_ratio
        self._max_consecutive = max_consecutive
        self._recent: dict[int, deque[bool]] = {}
        self._in_a_row: dict[int, int] = {}

    def check(self, partition: int, outcomes: Iterable[InvalidReport | None]) -> None:
        """Take note of the records' *outcomes*, in log order; raises `TooManyInvalid`."""
        recent = self._recent.setdefault(partition, deque(maxlen=WINDOW))
        for error in outcomes:
            recent.append(error is not None)
            if error is None:
                self._in_a_row[partition] = 0
                continue
            n = self._in_a_row[partition] = self._in_a_row.get(partition, 0) + 1
            if n > self._max_consecutive:
                raise TooManyInvalid(partition, f"{n} invalid records in a row", error)
            if len(recent) >= LEAST and sum(recent) > self._max_ratio * len(recent):
                share = f"{sum(recent)} of the last {len(recent)} records are invalid"
                raise TooManyInvalid(partition, share, error)


class DeadLetters:
    """Writes dead letters to their topic; connects when there is a first one."""

    def __init__(self, topic: str, connect: Callable[[str], Producer], source_topic: str):
        self._topic = topic
        self._connect = connect
        self._source_topic = source_topic
        self._producer: Producer | None = None

    def write(self, letters: Sequence[DeadLetter]) -> None:
        """Write *letters* and wait for the ack; raises the producer's errors."""
        if not letters:
            return
        if self._producer is None:
            self._producer = self._connect(self._topic)
        for letter in letters:
            self._producer.forward(letter.body, key=letter.key, headers=self._headers(letter))
        self._producer.flush()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._producer is not None:
            self._producer.__exit__(None, None, None)

    def _headers(self, letter: DeadLetter) -> list[tuple[str, bytes]]:
        return [
            ("outcry-reason", letter.error.reason.encode()),
            ("outcry-detail", str(letter.error)[:500].encode("utf-8", "replace")),
            ("outcry-topic", self._source_topic.encode()),
            ("outcry-partition", str(letter.partition).encode()),
            ("outcry-offset", str(letter.offset).encode()),
        ]
