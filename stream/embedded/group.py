"""
A consumer group: who is in it, in which generation, who reads what (the classic protocol).

A rebalance starts when a member comes or goes. The others are told to join again, and those that do
in time are the next generation: the one that came first assigns, the rest wait for their share.
Times are seconds of one monotonic clock, passed in.
"""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka import errors

INITIAL_DELAY = 0.3  # seconds in which the first members gather before they get partitions


@dataclass(slots=True, eq=False)
class Member:
    """A consumer as it has joined; *generation* is the one that it is in, or waits for."""

    generation: int
    seen_at: float
    session_seconds: float
    rebalance_seconds: float
    protocols: dict[str, bytes]  # the assignors that it knows, best first, and its words to them
    assignment: bytes | None = None  # None until the leader has assigned


class Group:
    """Answers the requests of a group's members; what it raises is the response's error code."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.generation = 0
        self._protocol = self._leader = ""
        self._deadline: float | None = None  # for joining the next generation, in a rebalance
        self._begins_at = 0.0  # the next generation, at the earliest
        self._changed = asyncio.Event()

    async def join_group(self, request: Any, now: float) -> dict[str, Any]:
        id = request.member_id or f"{request.header.client_id}-{uuid.uuid4()}"
        if request.member_id and id not in self.members:
            raise errors.UnknownMemberIdError
        protocols = {p.name: bytes(p.metadata) for p in request.protocols}
        if not set(protocols).intersection(*(m.protocols for m in self.members.values())):
            raise errors.InconsistentGroupProtocolError
        self._begins_at = self._begins_at if self.members else now + INITIAL_DELAY
        session_ms = request.session_timeout_ms
        timeouts = session_ms / 1000, max(session_ms, request.rebalance_timeout_ms) / 1000
        member = self.members[id] = Member(self.generation + 1, now, *timeouts, protocols)
        self._rebalance(now)
        await self._wait(member, lambda: member.generation <= self.generation)
        words = [
            (i, {"metadata": other.protocols[self._protocol]})
            for i, other in self.members.items()
            if id == self._leader and other.generation == member.generation
        ]
        names = {"leader": self._leader, "member_id": id, "protocol_name": self._protocol}
        return {"generation_id": member.generation, "members": words, **names}

    async def sync_group(self, request: Any, now: float) -> dict[str, Any]:
        await self.heartbeat(request, now)
        member = self.members[request.member_id]
        if request.member_id == self._leader:
            shares = {a.member_id: bytes(a.assignment) for a in request.assignments}
            for id, other in self.members.items():
                other.assignment, other.seen_at = shares.get(id, b""), now
            self._tell()
        await self._wait(member, lambda: (member.assignment, self._deadline) != (None, None))
        if member.assignment is None:
            raise errors.RebalanceInProgressError
        return {"assignment": member.assignment}

    async def heartbeat(self, request: Any, now: float) -> dict[str, Any]:
        self.note(request.member_id, request.generation_id, now)
        if self._deadline is not None:
            raise errors.RebalanceInProgressError
        return {}

    async def leave_group(self, request: Any, now: float) -> dict[str, Any]:
        if self.members.pop(request.member_id, None) is None:
            raise errors.UnknownMemberIdError
        self._rebalance(now)
        return {}

    def note(self, id: str, generation: int, now: float) -> None:
        """Note that a member lives, or raise the protocol's error for one of another generation."""
        if id not in self.members:
            raise errors.UnknownMemberIdError
        if generation != self.generation:
            raise errors.IllegalGenerationError
        self.members[id].seen_at = now

    def tick(self, now: float) -> None:
        """Remove members whose session ran out; begin a generation if all joined or time is up."""
        for id, member in list(self.members.items()):
            waits_for_leader = member.assignment is None and id != self._leader
            may_be_silent = self._deadline is None and waits_for_leader
            is_joining = member.generation > self.generation
            if now - member.seen_at > member.session_seconds and not (is_joining or may_be_silent):
                del self.members[id]
                self._rebalance(now)
        are_all_in = all(m.generation > self.generation for m in self.members.values())
        if self._deadline is not None and now >= (
            self._begins_at if are_all_in else self._deadline
        ):
            self._begin_generation(now)

    def _rebalance(self, now: float) -> None:
        if self._deadline is None:
            longest = max((m.rebalance_seconds for m in self.members.values()), default=0.0)
            self._deadline = now + longest
            for member in self.members.values():
                member.seen_at = now if member.assignment is None else member.seen_at
        self._tell()

    def _begin_generation(self, now: float) -> None:
        self.generation, self._deadline = self.generation + 1, None
        self.members = {i: m for i, m in self.members.items() if m.generation == self.generation}
        for member in self.members.values():
            member.seen_at = now
        if self.members:
            self._leader, leader = next(iter(self.members.items()))
            shared = set.intersection(*(set(m.protocols) for m in self.members.values()))
            self._protocol = next(p for p in leader.protocols if p in shared)
        self._tell()

    async def _wait(self, member: Member, is_over: Callable[[], bool]) -> None:
        while member in self.members.values() and not is_over():
            await self._changed.wait()
        if member not in self.members.values():
            raise errors.UnknownMemberIdError

    def _tell(self) -> None:
        self._changed.set()
        self._changed.clear()
