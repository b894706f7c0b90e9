"""What the broker answers: from a request to the fields of its response."""

import asyncio
import contextlib
import json
import re
import secrets
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from kafka import errors

from stream.embedded.group import Group
from stream.embedded.log import Partition

NODE_ID = 1
N_PARTITIONS = 4  # of a topic that a client makes without saying how many
MAX_PARTITIONS = 1_000  # of all topics together
MAX_FETCH_BYTES = 32 << 20
MAX_WAIT = 30.0  # seconds that a fetch may wait: a connection is held for as long
TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}")
# What requests and their responses call a topic's name, its partitions, and their numbers.
WORDS = ("name", "partitions", "partition_index", "partitions", "partition_index")
PRODUCE_WORDS = ("name", "partition_data", "index", "partition_responses", "index")
FETCH_WORDS = ("topic", "partitions", "partition", "partitions", "partition_index")

Fields = dict[str, Any]  # of a message, by name; a structure in it is a dictionary, too


class Api:
    """A method for each request, named for it; what it raises is the response's error code."""

    def __init__(self, database: sqlite3.Connection):
        self.node: Fields = {"node_id": NODE_ID}
        self._database = database
        self._groups: dict[str, Group] = {}
        self._topics: dict[str, list[Partition]] = {}
        self._appended = asyncio.Event()
        for (topic,) in database.execute("SELECT DISTINCT topic FROM partition").fetchall():
            self._open(topic)

    async def answer(self, name: str, request: Any) -> Fields | None:
        """Answer the request *name*, None if its client wants no answer."""
        try:
            answer: Fields | None = await getattr(self, re.sub(r"\B([A-Z])", r"_\1", name).lower())(
                request
            )
            return answer
        except errors.BrokerResponseError as error:
            return {"error_code": error.errno}

    def tick(self) -> None:
        """Let time pass for the groups, and forget those that nobody is in."""
        for group_id, group in list(self._groups.items()):
            group.tick(_now())
            if not group.members:
                del self._groups[group_id]

    def retain(self, max_bytes: int, max_age: float) -> None:
        """Drop what is over the limits of a partition, in bytes and seconds."""
        for partition in (p for partitions in self._topics.values() for p in partitions):
            partition.retain(time.time(), max_bytes, max_age)

    async def produce(self, request: Any) -> Fields | None:
        def append(partition: Partition, asked: Any) -> Fields:
            base_offset = partition.append(bytes(asked.records or b""), time.time())
            return {"base_offset": base_offset, "log_start_offset": partition.start_offset}

        responses = self._each(request.topic_data, append, PRODUCE_WORDS)
        self._appended.set()
        self._appended.clear()
        return {"responses": responses} if request.acks else None

    async def fetch(self, request: Any) -> Fields:
        until = _now() + min(request.max_wait_ms / 1000, MAX_WAIT)
        while True:
            responses = self._read(request)
            parts = [part for topic in responses for part in topic["partitions"]]
            is_enough = sum(len(p.get("records", b"")) for p in parts) >= request.min_bytes
            if is_enough or until <= _now() or any("error_code" in p for p in parts):
                return {"responses": responses}
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._appended.wait(), until - _now())

    def _read(self, request: Any) -> list[Fields]:
        room = min(request.max_bytes, MAX_FETCH_BYTES)

        def read(partition: Partition, asked: Any) -> Fields:
            nonlocal room
            end = dict.fromkeys(("high_watermark", "last_stable_offset"), partition.next_offset)
            records = partition.read(asked.fetch_offset, min(asked.partition_max_bytes, room))
            room -= len(records)
            return {"records": records, "log_start_offset": partition.start_offset, **end}

        return self._each(request.topics, read, FETCH_WORDS)

    async def list_offsets(self, request: Any) -> Fields:
        def find(partition: Partition, asked: Any) -> Fields:
            offset, timestamp = partition.find(asked.timestamp)
            return {"offset": offset, "timestamp": timestamp}

        return {"topics": self._each(request.topics, find)}

    async def delete_records(self, request: Any) -> Fields:
        def delete(partition: Partition, asked: Any) -> Fields:
            partition.delete_before(asked.offset)
            return {"low_watermark": partition.start_offset}

        return {"topics": self._each(request.topics, delete)}

    async def init_producer_id(self, request: Any) -> Fields:
        if request.transactional_id is not None:
            raise errors.TransactionalIdAuthorizationFailedError
        return {"producer_id": secrets.randbits(62)}  # which no producer had, nor before a crash

    async def find_coordinator(self, request: Any) -> Fields:
        if request.key_type != 0:  # of transactions
            raise errors.TransactionalIdAuthorizationFailedError
        return self.node

    async def join_group(self, request: Any) -> Fields:
        group = self._groups.setdefault(request.group_id, Group())
        return await group.join(request, request.header.client_id or "", _now())

    async def sync_group(self, request: Any) -> Fields:
        return {"assignment": await self._group(request).sync(request, _now())}

    async def heartbeat(self, request: Any) -> Fields:
        self._group(request).heartbeat(request, _now())
        return {}

    async def leave_group(self, request: Any) -> Fields:
        self._group(request).leave(request.member_id, _now())
        return {}

    async def offset_commit(self, request: Any) -> Fields:
        group = self._groups.get(request.group_id)
        generation = request.generation_id_or_member_epoch

        def commit(partition: Partition, asked: Any) -> Fields:
            if generation >= 0 or (group and group.members):
                self._group(request).note(request.member_id, generation, _now())
            place = asked.committed_offset, asked.committed_metadata or ""
            row = (partition.id, request.group_id, *place)
            self._database.execute("INSERT OR REPLACE INTO committed VALUES (?, ?, ?, ?)", row)
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
            place = stored.get((name, i), {"committed_offset": -1})
            topics[name].append({"partition_index": i, **place})
        return {"topics": [{"name": n, "partitions": found} for n, found in topics.items()]}

    async def metadata(self, request: Any) -> Fields:
        def describe(name: str) -> Fields:
            if name not in self._topics and request.allow_auto_topic_creation:
                self._create(name, N_PARTITIONS)
            replicas = {"leader_id": NODE_ID, "replica_nodes": [NODE_ID], "isr_nodes": [NODE_ID]}
            count = range(len(self._topic(name)))
            return {"partitions": [{"partition_index": i, **replicas} for i in count]}

        names = self._topics if request.topics is None else [t.name for t in request.topics]
        topics = _every(list(names), describe)
        return {"brokers": [self.node], "controller_id": NODE_ID, "topics": topics}

    async def create_topics(self, request: Any) -> Fields:
        counts = {t.name: len(t.assignments) or t.num_partitions for t in request.topics}

        def create(name: str) -> Fields:
            self._create(name, N_PARTITIONS if counts[name] == -1 else counts[name])
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

    def _group(self, request: Any) -> Group:
        if request.group_id not in self._groups:
            raise errors.UnknownMemberIdError
        return self._groups[request.group_id]

    def _each(
        self,
        topics: Iterable[Any],
        answer: Callable[[Partition, Any], Fields],
        words: tuple[str, str, str, str, str] = WORDS,
    ) -> list[Fields]:
        """Answer for each partition that *topics* ask for, in the *words* of request, response."""
        name, partitions, number, answered, answered_number = words

        def one(topic: Any, asked: Any) -> Fields:
            found = self._topic(getattr(topic, name))
            if not 0 <= getattr(asked, number) < len(found):
                raise errors.UnknownTopicOrPartitionError
            return answer(found[getattr(asked, number)], asked)

        responses = []
        for topic in topics:
            parts = getattr(topic, partitions)
            found = [{answered_number: getattr(p, number)} | _try(one, topic, p) for p in parts]
            responses.append({name: getattr(topic, name), answered: found})
        return responses


def _every(names: Iterable[str], answer: Callable[[str], Fields]) -> list[Fields]:
    return [{"name": name} | _try(answer, name) for name in names]


def _try(answer: Callable[..., Fields], *about: Any) -> Fields:
    try:
        return answer(*about)
    except errors.BrokerResponseError as error:
        return {"error_code": error.errno}


def _now() -> float:
    return asyncio.get_running_loop().time()
