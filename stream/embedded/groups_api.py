"""The broker's answers about consumer groups and their members."""

import asyncio
from typing import Any

from kafka.errors import (
    BrokerResponseError,
    GroupIdNotFoundError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    MemberIdRequiredError,
    NonEmptyGroupError,
    UnknownMemberIdError,
)
from kafka.protocol.admin import DeleteGroupsResponse, DescribeGroupsResponse, ListGroupsResponse
from kafka.protocol.consumer import (
    HeartbeatResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    SyncGroupResponse,
)

from stream.embedded.group import Group
from stream.embedded.member import Joined, Member
from stream.embedded.offsets import CommittedOffsets

SESSION_MS = range(6_000, 1_800_001)  # as Apache Kafka's group.min/max.session.timeout.ms


class GroupsApi:
    """Requests about groups, which live in memory: after a restart all members join again."""

    def __init__(self, offsets: CommittedOffsets):
        self._offsets = offsets
        self._groups: dict[str, Group] = {}

    def check_commit(self, request: Any) -> None:
        """Raise the protocol's error unless the sender of an offset commit may commit."""
        if request.group_id not in self._groups and request.generation_id_or_member_epoch >= 0:
            raise UnknownMemberIdError
        self._groups.setdefault(request.group_id, Group()).check_commit(request, _now())

    def tick(self) -> None:
        """Let time pass for all groups, and forget those that nobody is in or has committed for."""
        now = _now()
        for group_id, group in list(self._groups.items()):
            group.tick(now)
            if group.is_idle and not self._offsets.by_group.get(group_id):
                del self._groups[group_id]

    async def join_group(self, request: Any) -> Any:
        """Answer when the group's next generation begins."""
        try:
            if not request.group_id:
                raise InvalidGroupIdError
            if request.session_timeout_ms not in SESSION_MS:
                raise InvalidSessionTimeoutError
            group = self._groups.setdefault(request.group_id, Group())
            joined = await group.join(request, request.header.client_id or "", _now())
        except BrokerResponseError as error:
            is_named = isinstance(error, MemberIdRequiredError)
            member_id = error.args[0] if is_named else request.member_id
            return JoinGroupResponse(
                error_code=error.errno,
                generation_id=-1,
                protocol_name="",
                leader="",
                member_id=member_id,
                members=[],
            )
        return _join_response(group, joined)

    async def sync_group(self, request: Any) -> Any:
        """Answer when the leader has assigned."""
        try:
            group = self._group(request.group_id)
            assignment = await group.sync(request, _now())
        except BrokerResponseError as error:
            return SyncGroupResponse(error_code=error.errno, assignment=b"")
        names = {"protocol_type": group.protocol_type, "protocol_name": group.protocol}
        return SyncGroupResponse(assignment=assignment, **names)

    async def heartbeat(self, request: Any) -> Any:
        """Note that a member lives."""
        try:
            self._group(request.group_id).heartbeat(request, _now())
        except BrokerResponseError as error:
            return HeartbeatResponse(error_code=error.errno)
        return HeartbeatResponse()

    async def leave_group(self, request: Any) -> Any:
        """Remove members."""
        if request.version < 3:
            return LeaveGroupResponse(error_code=self._leave(request).error_code)
        return LeaveGroupResponse(members=[self._leave(request, m) for m in request.members])

    def _leave(self, request: Any, entry: Any = None) -> Any:
        member_id = request.member_id if entry is None else entry.member_id
        instance_id = None if entry is None else entry.group_instance_id
        code = 0
        try:
            member_id = self._group(request.group_id).leave(member_id, instance_id, _now())
        except BrokerResponseError as error:
            code = error.errno
        return LeaveGroupResponse.MemberResponse(
            member_id=member_id, group_instance_id=instance_id, error_code=code
        )

    async def list_groups(self, request: Any) -> Any:
        """List the groups that have members or committed offsets."""
        ids = {id for id, group in self._groups.items() if group.members}
        ids |= {id for id, offsets in self._offsets.by_group.items() if offsets}
        groups = [(id, self._groups.get(id, Group())) for id in sorted(ids)]
        wanted = set(request.states_filter or [])
        return ListGroupsResponse(
            groups=[
                ListGroupsResponse.ListedGroup(
                    group_id=id, protocol_type=group.protocol_type, group_state=str(group.state)
                )
                for id, group in groups
                if not wanted or group.state in wanted
            ]
        )

    async def describe_groups(self, request: Any) -> Any:
        """Describe groups and their members."""
        return DescribeGroupsResponse(groups=[self._describe(id) for id in request.groups])

    def _describe(self, group_id: str) -> Any:
        group = self._groups.get(group_id, Group())
        is_known = group_id in self._groups or group_id in self._offsets.by_group
        return DescribeGroupsResponse.DescribedGroup(
            group_id=group_id,
            group_state=str(group.state) if is_known else "Dead",
            protocol_type=group.protocol_type,
            protocol_data=group.protocol,
            members=[_describe_member(group, member) for member in group.members.values()],
        )

    async def delete_groups(self, request: Any) -> Any:
        """Forget groups that nobody is in."""
        answer = DeleteGroupsResponse.DeletableGroupResult
        return DeleteGroupsResponse(
            results=[
                answer(group_id=id, error_code=self._delete(id)) for id in request.groups_names
            ]
        )

    def _delete(self, group_id: str) -> int:
        group = self._groups.get(group_id)
        if group is not None and group.members:
            return int(NonEmptyGroupError.errno)
        if group is None and group_id not in self._offsets.by_group:
            return int(GroupIdNotFoundError.errno)
        self._groups.pop(group_id, None)
        self._offsets.delete_group(group_id)
        return 0

    def _group(self, group_id: str) -> Group:
        if group_id not in self._groups:
            raise UnknownMemberIdError
        return self._groups[group_id]


def _now() -> float:
    return asyncio.get_running_loop().time()


def _join_response(group: Group, joined: Joined) -> Any:
    answer = JoinGroupResponse.JoinGroupResponseMember
    return JoinGroupResponse(
        generation_id=joined.generation,
        protocol_type=group.protocol_type,
        protocol_name=joined.protocol,
        leader=joined.leader,
        member_id=joined.member_id,
        members=[
            answer(member_id=id, group_instance_id=instance_id, metadata=metadata)
            for id, instance_id, metadata in joined.members
        ],
    )


def _describe_member(group: Group, member: Member) -> Any:
    return DescribeGroupsResponse.DescribedGroup.DescribedGroupMember(
        member_id=member.id,
        group_instance_id=member.instance_id,
        client_id=member.client_id,
        client_host="/127.0.0.1",
        member_metadata=member.protocols.get(group.protocol, b""),
        member_assignment=member.assignment,
    )
