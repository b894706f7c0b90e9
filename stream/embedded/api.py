"""What the broker answers: from a request to the fields of its response."""

import asyncio
import contextlib
import json
import re
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from time import monotonic, time
from typing import Any

from kafka import errors

from stream.embedded.group import Group
from stream.embedded.log import Partition

NODE_ID = 1
MAX_PARTITIONS = 1_000  # of all topics together
MAX_FETCH_BYTES = 32 << 20
MAX_WAIT = 30.0  # seconds that a fetch may wait: a connection is held for as long
TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
EARLIEST, LATEST = -2, -1  # the times that ListOffsets may ask for

Fields = dict[str, Any]  # of a message, by name
Entries = list[tuple[Any, Fields]]  # structures in a message: the first field, and the others


class Api:
    """A method for each request, named for it; what it raises is the response's error code."""

    def __init__(self, database: sqlite3.Connection):
        self.address: Fields = {}  # that clients are told
        self._database = database
        self._groups: dict[str, Group] = {}
        self._topics: dict[str, list[Partition]] = {}
        self._appended = asyncio.Event()
        for (topic,) in database.execute("SELECT DISTINCT topic FROM partition").fetchall():
            self._open(topic)

    async def answer(self, name: str, request: Any) -> Fields | None:
        """Answer the request *name*, such as "join_group"; None if its client wants no answer."""
        answer: Fields | None
        try:
            if hasattr(Group, name):
                group = self._groups.setdefault(request.group_id, Group())
                answer = await getattr(group, name)(request, monotonic())
            else:
                answer = await getattr(self, name)(request)
            return answer
        except errors.BrokerResponseError as error:
            return {"error_code": error.errno}

    def tick(self) -> None:
        """Let time pass for the groups, and forget those that nobody is in."""
        for group in self._groups.values():
            group.tick(monotonic())
        self._groups = {id: group for id, group in self._groups.items() if group.members}

    def retain(self, max_bytes: int, max_age: float) -> None:
        """Drop what is over the limits of a partition, in bytes and seconds."""
        for partition in (p for partitions in self._topics.values() for p in partitions):
            partition.retain(time(), max_bytes, max_age)

    async def produce(self, request: Any) -> Fields | None:
        def append(partition: Partition, asked: Any) -> Fields:
            return {"base_offset": partition.append(bytes(asked.records or b""), time())}

        responses = self._each(request.topic_data, append, "partition_responses")
        self._appended.set()
        self._appended.clear()
        return {"responses": responses} if request.acks else None

    async def fetch(self, request: Any) -> Fields:
        room = 0

        def read(partition: Partition, asked: Any) -> Fields:
            nonlocal room
            records = partition.read(asked.fetch_offset, min(asked.partition_max_bytes, room))
            room -= len(records)
            end = dict.fromkeys(("high_watermark", "last_stable_offset"), partition.next_offset)
            return {"records": records, "log_start_offset": partition.start_offset, **end}

        until = monotonic() + min(request.max_wait_ms / 1000, MAX_WAIT)
        while True:
            room = min(request.max_bytes, MAX_FETCH_BYTES)
            topics = self._each(request.topics, read)
            found = [fields for _, topic in topics for _, fields in topic["partitions"]]
            is_enough = sum(len(f.get("records", b"")) for f in found) >= request.min_bytes
            if is_enough or until <= monotonic() or any("error_code" in f for f in found):
                return {"responses": topics}
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._appended.wait(), until - monotonic())

    async def list_offsets(self, request: Any) -> Fields:
        def find(partition: Partition, asked: Any) -> Fields:
            ends = {EARLIEST: partition.start_offset, LATEST: partition.next_offset}
            if asked.timestamp not in ends:
                raise errors.UnsupportedForMessageFormatError
            return {"offset": ends[asked.timestamp]}

        return {"topics": self._each(request.topics, find)}

    async def init_producer_id(self, request: Any) -> Fields:
        if request.transactional_id is not None:
            raise errors.TransactionalIdAuthorizationFailedError
        return {"producer_id": secrets.randbits(62)}  # which no producer had, nor before a crash

    async def find_coordinator(self, request: Any) -> Fields:
        if request.key_type != 0:  # of transactions
            raise errors.TransactionalIdAuthorizationFailedError
        return {"node_id": NODE_ID, **self.address}

    async def offset_commit(self, request: Any) -> Fields:
        group = self._groups.get(request.group_id) or Group()
        generation = request.generation_id_or_member_epoch

        def commit(partition: Partition, asked: Any) -> Fields:
            if generation >= 0 or group.members:
                group.note(request.member_id, generation, monotonic())
            place = (asked.committed_offset, asked.committed_metadata or "")
            insert = "INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)"
            self._database.execute(insert, (partition.id, request.group_id, *place))
            return {}

        return {"topics": self._each(request.topics, commit)}

    async def offset_fetch(self, request: Any) -> Fields:
        query = """SELECT topic, number, next_offset, metadata FROM committed
            JOIN partition ON partition = id WHERE consumers = ?"""
        rows = self._database.execute(query, (request.group_id,))
        stored = {(t, i): {"committed_offset": o, "metadata": m} for t, i, o, m in rows}
        asked = [(t.name, i) for t in request.topics or () for i in t.partition_indexes]
        topics = defaultdict(list)
        for name, i in stored if request.topics is None else asked:
            topics[name].append((i, stored.get((name, i), {"committed_offset": -1})))
        return {"topics": [(name, {"partitions": found}) for name, found in topics.items()]}

    async def metadata(self, request: Any) -> Fields:
        replicas = {"leader_id": NODE_ID, "replica_nodes": [NODE_ID], "isr_nodes": [NODE_ID]}

        def describe(name: str) -> Fields:
            count = range(len(self._topic(name)))
            return {"partitions": [(0, {"partition_index": i, **replicas}) for i in count]}

        names = [*self._topics] if request.topics is None else [t.name for t in request.topics]
        found = _every(names, describe)  # in which the code comes before the name
        topics = [(fields.pop("error_code", 0), {"name": name, **fields}) for name, fields in found]
        node = {"brokers": [(NODE_ID, self.address)], "controller_id": NODE_ID}
        return {"topics": topics, **node}

    async def create_topics(self, request: Any) -> Fields:
        counts = {t.name: len(t.assignments) or t.num_partitions for t in request.topics}

        def create(name: str) -> Fields:
            self._create(name, counts[name])
            return {}

        return {"topics": _every(counts, create)}

    async def delete_topics(self, request: Any) -> Fields:
        def delete(name: str) -> Fields:
            self._topic(name)
            self._database.execute("DELETE FROM partition WHERE topic = ?", (name,))
            del self._topics[name]
            return {}

        return {"responses": _every(request.topic_names, delete)}

    def _create(self, name: str, n_partitions: int) -> None:
        if not TOPIC_NAME.fullmatch(name):
            raise errors.InvalidTopicError
        if name in self._topics:
            raise errors.TopicAlreadyExistsError
        if not 1 <= n_partitions <= MAX_PARTITIONS - sum(map(len, self._topics.values())):
            raise errors.InvalidPartitionsError
        insert = "INSERT INTO partition (topic, number) SELECT ?, value FROM json_each(?)"
        self._database.execute(insert, (name, json.dumps(list(range(n_partitions)))))
        self._open(name)

    def _open(self, name: str) -> None:
        query = "SELECT id, start_offset FROM partition WHERE topic = ? ORDER BY number"
        rows = self._database.execute(query, (name,)).fetchall()
        self._topics[name] = [Partition(self._database, *row) for row in rows]

    def _topic(self, name: str) -> list[Partition]:
        if name not in self._topics:
            raise errors.UnknownTopicOrPartitionError
        return self._topics[name]

    def _each(
        self, topics: Any, answer: Callable[[Partition, Any], Fields], parts: str = "partitions"
    ) -> Entries:
        """Answer for each partition that *topics* ask for; names and numbers are first fields."""

        def one(name: str, asked: Any) -> Fields:
            partitions = self._topic(name)
            if not 0 <= asked[0] < len(partitions):
                raise errors.UnknownTopicOrPartitionError
            return answer(partitions[asked[0]], asked)

        answers = ((name, [(a[0], _try(one, name, a)) for a in asked]) for name, asked in topics)
        return [(name, {parts: found}) for name, found in answers]


def _every(names: Iterable[str], answer: Callable[[str], Fields]) -> Entries:
    return [(name, _try(answer, name)) for name in names]


def _try(answer: Callable[..., Fields], *about: Any) -> Fields:
    try:
        return answer(*about)
    except errors.BrokerResponseError as error:
        return {"error_code": error.errno}
    except sqlite3.Error:  # such as a full disk
        return {"error_code": errors.KafkaStorageError.errno}
