"""The broker's topics and its one small file of facts: names, ids, first offsets, producer ids."""

import json
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka.errors import (
    InvalidPartitionsError,
    InvalidTopicError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from stream.embedded.partition import Limits, Partition
from stream.embedded.segment import CorruptLogError

NAME = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._-]{1,200}")
MAX_PARTITIONS = 1_000  # of all topics together: each holds an open file
N_IDS_RESERVED = 1_000  # producer ids that one write of the file hands out


@dataclass(slots=True)
class Topic:
    """A topic by its id; the id is in its directory's name, so a new topic never sees old files."""

    id: uuid.UUID
    partitions: list[Partition]


class Topics:
    """All topics by name, kept in *data_dir* / meta.json and topics/."""

    def __init__(self, data_dir: Path, limits: Limits):
        self._directory = data_dir / "topics"
        self._path = data_dir / "meta.json"
        self._limits = limits
        meta = self._load()
        self.cluster_id: str = meta["cluster_id"]
        self._next_producer_id: int = meta["next_producer_id"]
        self._reserved_to = self._next_producer_id
        self.by_name: dict[str, Topic] = {}
        for name, entry in meta["topics"].items():
            topic = self.by_name[name] = Topic(uuid.UUID(entry["id"]), [])
            for start_offset in entry["start_offsets"]:
                self._add_partition(name, topic, start_offset)
        self._remove_strays()

    def partition(self, name: str, index: int) -> Partition:
        """Return a partition, or raise `UnknownTopicOrPartitionError`."""
        topic = self.by_name.get(name)
        if topic is None or not 0 <= index < len(topic.partitions):
            raise UnknownTopicOrPartitionError(f"{name}-{index}")
        return topic.partitions[index]

    def check_new(self, name: str, n_partitions: int) -> None:
        """Raise the protocol's error unless `create` would make this topic."""
        if not NAME.fullmatch(name):
            raise InvalidTopicError(f"{name[:50]!r}, expected 1 to 200 of a-z A-Z 0-9 . _ -")
        if name in self.by_name:
            raise TopicAlreadyExistsError(name)
        self._check_room(n_partitions, n_partitions)

    def create(self, name: str, n_partitions: int) -> Topic:
        """Make a topic, on disk before it returns."""
        self.check_new(name, n_partitions)
        topic = self.by_name[name] = Topic(uuid.uuid4(), [])
        for _ in range(n_partitions):
            self._add_partition(name, topic)
        self.save()
        return topic

    def grow(self, name: str, n_partitions: int, *, validate_only: bool) -> None:
        """Add partitions up to *n_partitions*."""
        if name not in self.by_name:
            raise UnknownTopicOrPartitionError(name)
        topic = self.by_name[name]
        self._check_room(n_partitions - len(topic.partitions), n_partitions)
        if validate_only:
            return
        while len(topic.partitions) < n_partitions:
            self._add_partition(name, topic)
        self.save()

    def delete(self, name: str) -> None:
        """Forget a topic and its records."""
        topic = self.by_name.pop(name, None)
        if topic is None:
            raise UnknownTopicOrPartitionError(name)
        self.save()
        for partition in topic.partitions:
            partition.close()
        shutil.rmtree(self._directory_of(name, topic))

    def new_producer_id(self) -> int:
        """Return an id that no producer had, not even before a crash."""
        if self._next_producer_id == self._reserved_to:
            self._reserved_to += N_IDS_RESERVED
            self.save()
        self._next_producer_id += 1
        return self._next_producer_id - 1

    def save(self) -> None:
        """Write the file of facts, durably and in one step."""
        topics = {
            name: {"id": topic.id.hex, "start_offsets": [p.start_offset for p in topic.partitions]}
            for name, topic in self.by_name.items()
        }
        facts = {"cluster_id": self.cluster_id, "next_producer_id": self._reserved_to}
        write_whole(self._path, json.dumps(facts | {"topics": topics}).encode())

    def partitions(self) -> list[Partition]:
        """Return the partitions of all topics."""
        return [p for topic in self.by_name.values() for p in topic.partitions]

    def _load(self) -> dict[str, Any]:
        if not self._path.exists():
            return {"cluster_id": uuid.uuid4().hex[:22], "next_producer_id": 0, "topics": {}}
        try:
            meta: dict[str, Any] = json.loads(self._path.read_bytes())
        except ValueError as error:
            raise CorruptLogError(f"{self._path}: {error}") from error
        return meta

    def _add_partition(self, name: str, topic: Topic, start_offset: int = 0) -> None:
        directory = self._directory_of(name, topic) / str(len(topic.partitions))
        topic.partitions.append(Partition(directory, self._limits, start_offset))

    def _directory_of(self, name: str, topic: Topic) -> Path:
        return self._directory / f"{name}.{topic.id.hex}"

    def _check_room(self, n_new: int, n_in_all: int) -> None:
        if n_new < 1:
            raise InvalidPartitionsError(f"{n_in_all} partitions, expected more than there are")
        if len(self.partitions()) + n_new > MAX_PARTITIONS:
            raise PolicyViolationError(f"more than {MAX_PARTITIONS} partitions in all topics")

    def _remove_strays(self) -> None:
        """Remove directories of topics whose deletion or creation was cut short."""
        known = {self._directory_of(name, topic).name for name, topic in self.by_name.items()}
        for path in self._directory.glob("*.*"):
            if path.name not in known:
                shutil.rmtree(path)


def write_whole(path: Path, data: bytes) -> None:
    """Replace *path* so that after a crash it has either its old or its new content."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
