"""What consumer groups have committed, in an append-only file of JSON lines."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from stream.embedded.segment import CorruptLogError
from stream.embedded.topics import write_whole

MAX_LINES = 50_000  # in the file, before it is written anew


class Committed(NamedTuple):
    """A group's place in one partition; *offset* is the next one to read."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int
    metadata: str


class CommittedOffsets:
    """Committed offsets by group, then by (topic, partition)."""

    def __init__(self, path: Path):
        self._path = path
        self.by_group: dict[str, dict[tuple[str, int], Committed]] = {}
        self._is_dirty = False
        lines = path.read_bytes().split(b"\n") if path.exists() else []
        for line in lines[:-1]:  # what follows the last newline is a torn write
            try:
                self._apply(*json.loads(line))
            except (ValueError, TypeError) as error:
                raise CorruptLogError(f"{path}: {error}") from error
        self._rewrite()

    def commit(self, group: str, entries: Iterable[Committed]) -> None:
        """Store a group's new offsets; all of one call survive a crash, or none."""
        self._write("commit", group, list(entries))

    def delete_group(self, group: str) -> None:
        """Forget all that a group has committed."""
        self._write("delete_group", group, [])

    def delete_topic(self, topic: str) -> None:
        """Forget what all groups have committed for a topic."""
        self._write("delete_topic", topic, [])

    def unsynced(self) -> Iterable[int]:
        """Yield a duplicate descriptor of the file, if it was written since the last call."""
        if self._is_dirty:
            self._is_dirty = False
            yield os.dup(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _write(self, verb: str, name: str, entries: list[Committed]) -> None:
        os.write(self._fd, json.dumps([verb, name, entries]).encode() + b"\n")
        self._apply(verb, name, entries)
        self._is_dirty = True
        self._n_lines += 1
        if self._n_lines > MAX_LINES:
            os.close(self._fd)
            self._rewrite()

    def _apply(self, verb: str, name: str, entries: Iterable[Iterable[object]]) -> None:
        if verb == "delete_group":
            self.by_group.pop(name, None)
        elif verb == "delete_topic":
            for group, offsets in self.by_group.items():
                self.by_group[group] = {k: v for k, v in offsets.items() if v.topic != name}
        else:
            committed = (Committed._make(entry) for entry in entries)
            self.by_group.setdefault(name, {}).update({c[:2]: c for c in committed})

    def _rewrite(self) -> None:
        lines = [
            json.dumps(["commit", group, list(offsets.values())]).encode() + b"\n"
            for group, offsets in self.by_group.items()
        ]
        write_whole(self._path, b"".join(lines))
        self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._n_lines, self._is_dirty = len(lines), False
