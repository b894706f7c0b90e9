"""The broker's answers about records: produce, fetch, offsets, deletion, producer ids."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from kafka.errors import BrokerResponseError, TransactionalIdAuthorizationFailedError
from kafka.protocol.admin import DeleteRecordsResponse
from kafka.protocol.consumer import FetchResponse, ListOffsetsResponse
from kafka.protocol.producer import InitProducerIdResponse, ProduceResponse

from stream.embedded.partition import Partition
from stream.embedded.topics import Topics

MAX_WAIT = 30.0  # seconds that a fetch may wait: a connection is held for as long
MAX_FETCH_BYTES = 32 << 20
EARLIEST, LATEST, NEWEST = -2, -1, -3  # timestamps of ListOffsets with a meaning of their own

Produced = ProduceResponse.TopicProduceResponse
Fetched = FetchResponse.FetchableTopicResponse
Listed = ListOffsetsResponse.ListOffsetsTopicResponse
Deleted = DeleteRecordsResponse.DeleteRecordsTopicResult


class RecordsApi:
    """Requests about records; *written* is awaited after each append, before it is acknowledged."""

    def __init__(self, topics: Topics, written: Callable[[], Awaitable[None]]):
        self._topics = topics
        self._written = written

    async def produce(self, request: Any) -> Any:
        """Append batches; a producer that asked for no acknowledgement gets no answer."""
        responses = [
            Produced(
                name=topic.name,
                partition_responses=[
                    self._append(request, topic.name, entry) for entry in topic.partition_data
                ],
            )
            for topic in request.topic_data
        ]
        await self._written()
        return ProduceResponse(responses=responses) if request.acks != 0 else None

    def _append(self, request: Any, topic: str, entry: Any) -> Any:
        answer = Produced.PartitionProduceResponse
        try:
            if request.transactional_id is not None:
                raise TransactionalIdAuthorizationFailedError
            partition = self._topics.partition(topic, entry.index)
            base_offset = partition.append(bytes(entry.records or b""), time.time())
        except BrokerResponseError as error:
            text = str(error)[:200]
            return answer(
                index=entry.index, error_code=error.errno, error_message=text, base_offset=-1
            )
        return answer(
            index=entry.index,
            base_offset=base_offset,
            log_append_time_ms=-1,
            log_start_offset=partition.start_offset,
        )

    async def fetch(self, request: Any) -> Any:
        """Read batches, waiting until there is enough to read or the client's time is over."""
        loop = asyncio.get_running_loop()
        until = loop.time() + min(request.max_wait_ms / 1000, MAX_WAIT)
        while True:
            responses, n_bytes, has_error = self._read(request)
            left = until - loop.time()
            if n_bytes >= request.min_bytes or has_error or left <= 0:
                return FetchResponse(session_id=0, responses=responses)
            await _any_written(self._asked_for(request), left)

    def _asked_for(self, request: Any) -> list[Partition]:
        return [
            self._topics.partition(topic.topic, entry.partition)
            for topic in request.topics
            for entry in topic.partitions
        ]

    def _read(self, request: Any) -> tuple[list[Any], int, bool]:
        """Return (responses, bytes read, whether any is an error)."""
        budget = left = min(request.max_bytes, MAX_FETCH_BYTES)
        responses, has_error = [], False
        for topic in request.topics:
            answers: list[Any] = []
            for entry in topic.partitions:
                answers.append(self._read_partition(topic.topic, entry, left))
                left -= len(answers[-1].records)
                has_error = has_error or answers[-1].error_code != 0
            responses.append(Fetched(topic=topic.topic, partitions=answers))
        return responses, budget - left, has_error

    def _read_partition(self, topic: str, entry: Any, max_bytes: int) -> Any:
        answer = Fetched.PartitionData
        try:
            partition = self._topics.partition(topic, entry.partition)
            size = min(entry.partition_max_bytes, max_bytes)
            records = partition.read(entry.fetch_offset, size) if size > 0 else b""
        except BrokerResponseError as error:
            return answer(
                partition_index=entry.partition,
                error_code=error.errno,
                high_watermark=-1,
                records=b"",
            )
        return answer(
            partition_index=entry.partition,
            high_watermark=partition.next_offset,
            last_stable_offset=partition.next_offset,
            log_start_offset=partition.start_offset,
            aborted_transactions=[],
            records=records,
        )

    async def list_offsets(self, request: Any) -> Any:
        """Look up offsets by time, and the first and the next one."""
        return ListOffsetsResponse(
            topics=[
                Listed(
                    name=topic.name,
                    partitions=[
                        self._list_partition(topic.name, entry) for entry in topic.partitions
                    ],
                )
                for topic in request.topics
            ]
        )

    def _list_partition(self, topic: str, entry: Any) -> Any:
        answer = Listed.ListOffsetsPartitionResponse
        index = entry.partition_index
        try:
            offset, timestamp = _look_up(self._topics.partition(topic, index), entry.timestamp)
        except BrokerResponseError as error:
            return answer(partition_index=index, error_code=error.errno, timestamp=-1, offset=-1)
        epoch = 0 if offset >= 0 else -1
        return answer(partition_index=index, timestamp=timestamp, offset=offset, leader_epoch=epoch)

    async def delete_records(self, request: Any) -> Any:
        """Move first offsets forward."""
        topics = [
            Deleted(
                name=topic.name,
                partitions=[self._delete_before(topic.name, entry) for entry in topic.partitions],
            )
            for topic in request.topics
        ]
        self._topics.save()
        return DeleteRecordsResponse(topics=topics)

    def _delete_before(self, topic: str, entry: Any) -> Any:
        answer = Deleted.DeleteRecordsPartitionResult
        try:
            partition = self._topics.partition(topic, entry.partition_index)
            partition.delete_before(entry.offset)
        except BrokerResponseError as error:
            index = entry.partition_index
            return answer(partition_index=index, low_watermark=-1, error_code=error.errno)
        return answer(partition_index=entry.partition_index, low_watermark=partition.start_offset)

    async def init_producer_id(self, request: Any) -> Any:
        """Hand out an id to an idempotent producer; a transactional one is refused."""
        if request.transactional_id is not None:
            code = TransactionalIdAuthorizationFailedError.errno
            return InitProducerIdResponse(error_code=code, producer_id=-1, producer_epoch=-1)
        return InitProducerIdResponse(producer_id=self._topics.new_producer_id(), producer_epoch=0)


def _look_up(partition: Partition, timestamp: int) -> tuple[int, int]:
    if timestamp == LATEST:
        return partition.next_offset, -1
    if timestamp == EARLIEST:
        return partition.start_offset, -1
    if timestamp == NEWEST:
        return partition.find(partition.newest_timestamp)
    return partition.find(timestamp)


async def _any_written(partitions: Iterable[Partition], seconds: float) -> None:
    """Wait until one of the partitions is written to or closed, for so many seconds at most."""
    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for partition in partitions:
        partition.waiters.add(waiter)
    try:
        await asyncio.wait([waiter], timeout=seconds)
    finally:
        for partition in partitions:
            partition.waiters.discard(waiter)
