"""The broker's answers about itself and its topics."""

import uuid
from typing import Any

from kafka.errors import (
    BrokerResponseError,
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    TransactionalIdAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)
from kafka.protocol.admin import (
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
    DescribeClusterResponse,
    DescribeConfigsResponse,
)
from kafka.protocol.metadata import FindCoordinatorResponse, MetadataResponse
from kafka.protocol.sasl import SaslHandshakeResponse

from stream.embedded.offsets import CommittedOffsets
from stream.embedded.partition import Limits
from stream.embedded.topics import Topic, Topics

NODE_ID = 1
TRANSACTION = 1  # key type of FindCoordinator
_Described = MetadataResponse.MetadataResponseTopic


class AdminApi:
    """Requests about topics and the one node."""

    def __init__(
        self, topics: Topics, offsets: CommittedOffsets, limits: Limits, n_partitions: int
    ):
        self._topics = topics
        self._offsets = offsets
        self._limits = limits
        self._n_partitions = n_partitions
        self.host, self.port = "", 0

    async def metadata(self, request: Any) -> Any:
        """Say where topics are, and create those that a client names for the first time."""
        asks_for_all = request.topics is None or (request.version == 0 and not request.topics)
        names = (
            list(self._topics.by_name) if asks_for_all else [self._name(t) for t in request.topics]
        )
        may_create = request.version < 4 or request.allow_auto_topic_creation
        node = {"node_id": NODE_ID, "host": self.host, "port": self.port}
        return MetadataResponse(
            brokers=[MetadataResponse.MetadataResponseBroker(**node)],
            cluster_id=self._topics.cluster_id,
            controller_id=NODE_ID,
            topics=[self._describe(name, may_create=may_create) for name in names],
        )

    def _name(self, asked: Any) -> str:
        if asked.name is not None:
            return str(asked.name)
        by_id = (name for name, topic in self._topics.by_name.items() if topic.id == asked.topic_id)
        return next(by_id, "")

    def _describe(self, name: str, *, may_create: bool) -> Any:
        try:
            topic = self._topics.by_name.get(name)
            if topic is None and not (may_create and name):
                raise UnknownTopicOrPartitionError
            topic = topic or self._topics.create(name, self._n_partitions)
        except BrokerResponseError as error:
            return _Described(error_code=error.errno, name=name, partitions=[])
        return _describe_topic(name, topic)

    async def describe_cluster(self, request: Any) -> Any:
        """Describe the one node."""
        node = {"broker_id": NODE_ID, "host": self.host, "port": self.port}
        return DescribeClusterResponse(
            cluster_id=self._topics.cluster_id,
            controller_id=NODE_ID,
            brokers=[DescribeClusterResponse.DescribeClusterBroker(**node)],
        )

    async def find_coordinator(self, request: Any) -> Any:
        """Name the one node; there is no coordinator of transactions."""
        refused, text = 0, None
        node = {"node_id": NODE_ID, "host": self.host, "port": self.port}
        if request.key_type == TRANSACTION:
            refused = TransactionalIdAuthorizationFailedError.errno
            text = "the embedded broker has no transactions"
            node = {"node_id": -1, "host": "", "port": -1}
        node |= {"error_code": refused, "error_message": text}
        answer = FindCoordinatorResponse.Coordinator
        return FindCoordinatorResponse(
            coordinators=[answer(key=key, **node) for key in request.coordinator_keys or []], **node
        )

    async def create_topics(self, request: Any) -> Any:
        """Create topics with one replica and the broker's own limits."""
        return CreateTopicsResponse(
            topics=[self._create(asked, request.validate_only) for asked in request.topics]
        )

    def _create(self, asked: Any, validate_only: bool) -> Any:
        n_partitions = len(asked.assignments) or asked.num_partitions
        n_partitions = self._n_partitions if n_partitions == -1 else n_partitions
        answer = CreateTopicsResponse.CreatableTopicResult
        counts: dict[str, Any] = {
            "num_partitions": n_partitions,
            "replication_factor": 1,
            "configs": [],
        }
        try:
            if asked.replication_factor > 1:
                raise InvalidReplicationFactorError("one node, so one replica")
            if asked.configs:
                raise InvalidConfigurationError("limits are the broker's, not a topic's")
            self._topics.check_new(asked.name, n_partitions)
            if validate_only:
                return answer(name=asked.name, topic_id=uuid.UUID(int=0), **counts)
            topic = self._topics.create(asked.name, n_partitions)
        except BrokerResponseError as error:
            text = str(error)[:200]
            return answer(name=asked.name, error_code=error.errno, error_message=text)
        return answer(name=asked.name, topic_id=topic.id, **counts)

    async def delete_topics(self, request: Any) -> Any:
        """Delete topics, and what groups have committed for them."""
        answer = DeleteTopicsResponse.DeletableTopicResult
        return DeleteTopicsResponse(
            responses=[answer(name=n, error_code=self._delete(n)) for n in request.topic_names]
        )

    def _delete(self, name: str) -> int:
        try:
            self._topics.delete(name)
        except BrokerResponseError as error:
            return int(error.errno)
        self._offsets.delete_topic(name)
        return 0

    async def create_partitions(self, request: Any) -> Any:
        """Add partitions to topics."""
        return CreatePartitionsResponse(
            results=[self._grow(asked, request.validate_only) for asked in request.topics]
        )

    def _grow(self, asked: Any, validate_only: bool) -> Any:
        answer = CreatePartitionsResponse.CreatePartitionsTopicResult
        try:
            self._topics.grow(asked.name, asked.count, validate_only=validate_only)
        except BrokerResponseError as error:
            text = str(error)[:200]
            return answer(name=asked.name, error_code=error.errno, error_message=text)
        return answer(name=asked.name)

    async def describe_configs(self, request: Any) -> Any:
        """Tell the limits, under Apache Kafka's names for them."""
        limits = self._limits
        values = {
            "retention.bytes": str(limits.retention_bytes),
            "retention.ms": str(int(limits.retention_seconds * 1000)),
            "segment.bytes": str(limits.segment_bytes),
            "max.message.bytes": str(limits.max_batch_bytes),
            "cleanup.policy": "delete",
        }
        result = DescribeConfigsResponse.DescribeConfigsResult
        return DescribeConfigsResponse(
            results=[
                result(
                    resource_type=asked.resource_type,
                    resource_name=asked.resource_name,
                    error_message=None,
                    configs=_configs(values, asked.configuration_keys),
                )
                for asked in request.resources
            ]
        )

    async def sasl_handshake(self, request: Any) -> Any:
        """Refuse: the broker listens on loopback and knows no users."""
        return SaslHandshakeResponse(error_code=UnsupportedSaslMechanismError.errno, mechanisms=[])


def _describe_topic(name: str, topic: Topic) -> Any:
    part = _Described.MetadataResponsePartition
    replicas = {"replica_nodes": [NODE_ID], "isr_nodes": [NODE_ID], "offline_replicas": []}
    return _Described(
        name=name,
        topic_id=topic.id,
        is_internal=False,
        partitions=[
            part(partition_index=i, leader_id=NODE_ID, leader_epoch=0, **replicas)
            for i in range(len(topic.partitions))
        ],
    )


def _configs(values: dict[str, str], wanted: list[str] | None) -> list[Any]:
    answer = DescribeConfigsResponse.DescribeConfigsResult.DescribeConfigsResourceResult
    fixed = {"read_only": True, "config_source": 5, "is_sensitive": False, "synonyms": []}
    return [
        answer(name=name, value=value, **fixed)
        for name, value in values.items()
        if wanted is None or name in wanted
    ]
