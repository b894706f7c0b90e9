"""
A consumer group: who is in it, which generation, who reads what.

The classic protocol's state machine: Empty → PreparingRebalance (all members must join again) →
CompletingRebalance (the leader must send the assignment) → Stable. Times are seconds of one
monotonic clock, passed in. Members that wait for an answer hold a future, resolved here.
"""

import asyncio
import uuid
from collections import Counter
from typing import Any

from kafka.errors import (
    FencedInstanceIdError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    KafkaError,
    MemberIdRequiredError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from stream.embedded.member import Joined, Member, State

INITIAL_DELAY = (
    0.3  # seconds in which the first members of a group gather before they get partitions
)


class Group:
    """The members of one group and the generation that they agree on."""

    def __init__(self) -> None:
        self.state = State.EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol = ""
        self.leader = ""
        self.members: dict[str, Member] = {}
        self._pending: dict[str, float] = {}  # member ids handed out, and when they lapse
        self._not_before = self._deadline = 0.0

    def join(self, request: Any, client_id: str, now: float) -> "asyncio.Future[Joined]":
        """Seat a member and return its answer-to-be; raises the protocol's errors."""
        protocols = {p.name: bytes(p.metadata) for p in request.protocols}
        self._check_protocols(request.protocol_type, protocols)
        leader_before = self.leader
        member, is_new = self._seat(request, client_id, protocols, now)
        is_changed = is_new or member.protocols != protocols
        member.protocols, member.seen_at = protocols, now
        self.protocol_type = request.protocol_type
        answer: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        has_returned = member.instance_id is not None and member.id != request.member_id
        if not is_changed and self._is_settled_for(member, has_returned=has_returned):
            # A leader back under a new id is told its old one, so that it does not assign.
            answer.set_result(self._joined(member, leader=leader_before))
            return answer
        _fail(member.joining, UnknownMemberIdError())
        member.joining = answer
        self._prepare(now)
        self.settle(now)
        return answer

    def sync(self, request: Any, now: float) -> asyncio.Future[bytes]:
        """Take the leader's assignment, and return the member's share when it is there."""
        member = self.member(request)
        if self.state is State.PREPARING:
            raise RebalanceInProgressError
        member.seen_at = now
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if self.state is State.COMPLETING and member.id == self.leader:
            self._assign({a.member_id: bytes(a.assignment) for a in request.assignments}, now)
        if self.state is State.COMPLETING:
            member.syncing = answer
        else:
            answer.set_result(member.assignment)
        return answer

    def heartbeat(self, request: Any, now: float) -> None:
        """Note that a member lives; raises `RebalanceInProgressError` when it has to join again."""
        self.member(request).seen_at = now
        if self.state is State.PREPARING:
            raise RebalanceInProgressError

    def check_commit(self, request: Any, now: float) -> None:
        """Raise unless this member of this generation, or nobody of an empty group, may commit."""
        generation = request.generation_id_or_member_epoch
        if generation < 0 and not self.members:
            return
        self.member(request, generation).seen_at = now
        if self.state is State.COMPLETING:
            raise RebalanceInProgressError

    def leave(self, member_id: str, instance_id: str | None, now: float) -> str:
        """Remove a member, a static one also by its instance id alone, and return its id."""
        seated = self._static(instance_id)
        if seated is not None and member_id in ("", seated.id):
            member_id = seated.id
        elif seated is not None:
            raise FencedInstanceIdError
        if self._pending.pop(member_id, None) is None:
            self._remove(member_id, now)
        self.settle(now)
        return member_id

    def tick(self, now: float) -> None:
        """Remove members whose session ran out, and finish a rebalance whose time has come."""
        self._pending = {
            id: lapses_at for id, lapses_at in self._pending.items() if lapses_at > now
        }
        for member in list(self.members.values()):
            is_waiting = member.joining is not None or member.syncing is not None
            if not is_waiting and now - member.seen_at > member.session_seconds:
                self._remove(member.id, now)
        self.settle(now)

    def member(self, request: Any, generation: int | None = None) -> Member:
        """Return the member that a request speaks for, or raise the protocol's error."""
        seated = self._static(request.group_instance_id)
        if seated is not None and seated.id != request.member_id:
            raise FencedInstanceIdError
        if request.member_id not in self.members:
            raise UnknownMemberIdError
        if self.generation != (request.generation_id if generation is None else generation):
            raise IllegalGenerationError
        return self.members[request.member_id]

    def settle(self, now: float) -> None:
        """Start the next generation if everybody has joined or the time to do so is over."""
        if self.state is not State.PREPARING or now < self._not_before:
            return
        are_all_in = not self._pending and all(m.joining for m in self.members.values())
        if are_all_in or now >= self._deadline:
            self._begin_generation(now)

    @property
    def is_idle(self) -> bool:
        """Whether nobody is in the group or about to join it."""
        return self.state is State.EMPTY and not self._pending

    def _is_settled_for(self, member: Member, *, has_returned: bool) -> bool:
        """Say whether a member that joins again unchanged may stay in this generation."""
        if self.state is State.STABLE:
            return has_returned or member.id != self.leader
        return self.state is State.COMPLETING and not has_returned

    def _check_protocols(self, protocol_type: str, protocols: dict[str, bytes]) -> None:
        if not protocols or not protocol_type:
            raise InconsistentGroupProtocolError
        if self.members and protocol_type != self.protocol_type:
            raise InconsistentGroupProtocolError
        shared = set(protocols).intersection(*(m.protocols for m in self.members.values()))
        if not shared:
            raise InconsistentGroupProtocolError

    def _static(self, instance_id: str | None) -> Member | None:
        if instance_id is None:
            return None
        return next((m for m in self.members.values() if m.instance_id == instance_id), None)

    def _seat(
        self, request: Any, client_id: str, protocols: dict[str, bytes], now: float
    ) -> tuple[Member, bool]:
        """Return the request's member, and whether it is a new one."""
        member_id, instance_id = request.member_id, request.group_instance_id
        session_seconds = request.session_timeout_ms / 1000
        seated = self._static(instance_id)
        if seated is not None and not member_id:
            return self._replace(seated), False
        if seated is not None and seated.id != member_id:
            raise FencedInstanceIdError
        if member_id in self.members:
            return self.members[member_id], False
        if not member_id:
            member_id = f"{instance_id or client_id}-{uuid.uuid4()}"
            if instance_id is None and request.version >= 4:
                self._pending[member_id] = now + session_seconds
                raise MemberIdRequiredError(member_id)
        elif self._pending.pop(member_id, None) is None:
            raise UnknownMemberIdError
        rebalance_ms = max(request.rebalance_timeout_ms, request.session_timeout_ms)
        self.members[member_id] = Member(
            id=member_id,
            instance_id=instance_id,
            client_id=client_id,
            protocols=protocols,
            session_seconds=session_seconds,
            rebalance_seconds=rebalance_ms / 1000,
            seen_at=now,
        )
        return self.members[member_id], True

    def _replace(self, member: Member) -> Member:
        """Give a static member's seat to its new process, and fence the old one."""
        del self.members[member.id]
        _fail(member.joining, FencedInstanceIdError())
        _fail(member.syncing, FencedInstanceIdError())
        new_id = f"{member.instance_id}-{uuid.uuid4()}"
        if self.leader == member.id:
            self.leader = new_id
        member.id, member.joining, member.syncing = new_id, None, None
        self.members[new_id] = member
        return member

    def _prepare(self, now: float) -> None:
        if self.state is State.PREPARING:
            return
        for member in self.members.values():
            _fail(member.syncing, RebalanceInProgressError())
            member.syncing = None
        self._not_before = now + (INITIAL_DELAY if self.state is State.EMPTY else 0.0)
        longest = max((m.rebalance_seconds for m in self.members.values()), default=0.0)
        self._deadline = max(self._not_before, now + longest)
        self.state = State.PREPARING

    def _begin_generation(self, now: float) -> None:
        self.members = {m.id: m for m in self.members.values() if m.joining or m.instance_id}
        self.generation += 1
        if not self.members:
            self.state, self.leader, self.protocol = State.EMPTY, "", ""
            return
        present = [m.id for m in self.members.values() if m.joining] or list(self.members)
        self.leader = self.leader if self.leader in present else present[0]
        self.protocol = self._vote()
        self.state = State.COMPLETING
        for member in self.members.values():
            member.seen_at, member.assignment = now, b""
            if member.joining and not member.joining.done():
                member.joining.set_result(self._joined(member, leader=self.leader))
            member.joining = None

    def _vote(self) -> str:
        """Choose the protocol that most members prefer among those that all of them know."""
        shared = set.intersection(*(set(m.protocols) for m in self.members.values()))
        votes = (next(p for p in m.protocols if p in shared) for m in self.members.values())
        return Counter(votes).most_common(1)[0][0]

    def _joined(self, member: Member, *, leader: str) -> Joined:
        members = ((m.id, m.instance_id, m.protocols[self.protocol]) for m in self.members.values())
        return Joined(
            generation=self.generation,
            protocol=self.protocol,
            leader=leader,
            member_id=member.id,
            members=tuple(members) if member.id == leader else (),
        )

    def _assign(self, assignments: dict[str, bytes], now: float) -> None:
        self.state = State.STABLE
        for member in self.members.values():
            member.assignment, member.seen_at = assignments.get(member.id, b""), now
            if member.syncing and not member.syncing.done():
                member.syncing.set_result(member.assignment)
            member.syncing = None

    def _remove(self, member_id: str, now: float) -> None:
        member = self.members.pop(member_id, None)
        if member is None:
            raise UnknownMemberIdError
        _fail(member.joining, UnknownMemberIdError())
        _fail(member.syncing, UnknownMemberIdError())
        self._prepare(now)


def _fail(waiting: "asyncio.Future[Any] | None", error: KafkaError) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_exception(error)
