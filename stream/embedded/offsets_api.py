"""The broker's answers about committed offsets."""

from typing import Any

from kafka.errors import BrokerResponseError, OffsetMetadataTooLargeError
from kafka.protocol.consumer import OffsetCommitResponse, OffsetFetchResponse

from stream.embedded.groups_api import GroupsApi
from stream.embedded.offsets import Committed, CommittedOffsets
from stream.embedded.topics import Topics

MAX_METADATA = 4096  # characters, as Apache Kafka's offset.metadata.max.bytes
NEVER_COMMITTED = Committed("", -1, -1, -1, "")


class OffsetsApi:
    """Requests about what groups have done; *groups* says who may commit."""

    def __init__(self, topics: Topics, offsets: CommittedOffsets, groups: GroupsApi):
        self._topics = topics
        self._offsets = offsets
        self._groups = groups

    async def commit(self, request: Any) -> Any:
        """Store what a member, or a consumer without a group's assignment, has done."""
        refused = self._refuse_commit(request)
        answer = OffsetCommitResponse.OffsetCommitResponseTopic
        accepted: list[Committed] = []
        topics = [
            answer(
                name=topic.name,
                partitions=[
                    self._check_offset(topic.name, entry, refused, accepted)
                    for entry in topic.partitions
                ],
            )
            for topic in request.topics
        ]
        if accepted:
            self._offsets.commit(request.group_id, accepted)
        return OffsetCommitResponse(topics=topics)

    def _refuse_commit(self, request: Any) -> int:
        """Return the error code that all of a commit gets, 0 for none."""
        try:
            self._groups.check_commit(request)
        except BrokerResponseError as error:
            return int(error.errno)
        return 0

    def _check_offset(self, topic: str, entry: Any, refused: int, accepted: list[Committed]) -> Any:
        code = refused
        metadata = entry.committed_metadata or ""
        try:
            self._topics.partition(topic, entry.partition_index)
            if len(metadata) > MAX_METADATA:
                raise OffsetMetadataTooLargeError
        except BrokerResponseError as error:
            code = code or error.errno
        if not code:
            epoch = entry.committed_leader_epoch
            place = topic, entry.partition_index, entry.committed_offset
            accepted.append(Committed(*place, epoch, metadata))
        return OffsetCommitResponse.OffsetCommitResponseTopic.OffsetCommitResponsePartition(
            partition_index=entry.partition_index, error_code=code
        )

    async def fetch(self, request: Any) -> Any:
        """Look up committed offsets."""
        if request.version < 8:
            answer = OffsetFetchResponse.OffsetFetchResponseTopic
            part = answer.OffsetFetchResponsePartition
            return OffsetFetchResponse(
                topics=self._committed(request.group_id, request.topics, answer, part)
            )
        group = OffsetFetchResponse.OffsetFetchResponseGroup
        answer = group.OffsetFetchResponseTopics
        part = answer.OffsetFetchResponsePartitions
        return OffsetFetchResponse(
            groups=[
                group(
                    group_id=g.group_id, topics=self._committed(g.group_id, g.topics, answer, part)
                )
                for g in request.groups
            ]
        )

    def _committed(self, group_id: str, asked: Any, answer: Any, part: Any) -> list[Any]:
        """Return what a group has committed for the topics *asked* for, None for all."""
        offsets = self._offsets.by_group.get(group_id, {})
        wanted: dict[str, list[int]] = {}
        if asked is None:
            for topic, index in offsets:
                wanted.setdefault(topic, []).append(index)
        else:
            wanted = {topic.name: topic.partition_indexes for topic in asked}
        return [
            answer(name=name, partitions=[_place(part, offsets, name, i) for i in indexes])
            for name, indexes in wanted.items()
        ]


def _place(part: Any, offsets: dict[tuple[str, int], Committed], topic: str, index: int) -> Any:
    committed = offsets.get((topic, index), NEVER_COMMITTED)
    return part(
        partition_index=index,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
    )
