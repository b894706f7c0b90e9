"""A member of a consumer group, and what it is told when it has joined."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """A group's state, in the words of DescribeGroups."""

    EMPTY = "Empty"
    PREPARING = "PreparingRebalance"
    COMPLETING = "CompletingRebalance"
    STABLE = "Stable"


@dataclass(slots=True, eq=False, kw_only=True)
class Member:
    """One consumer; a static one (with *instance_id*) keeps its seat when its process restarts."""

    id: str
    instance_id: str | None
    client_id: str
    protocols: dict[str, bytes]
    session_seconds: float
    rebalance_seconds: float
    seen_at: float
    assignment: bytes = b""
    joining: "asyncio.Future[Joined] | None" = None
    syncing: asyncio.Future[bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The answer to a member that joined; *members* is filled for the leader only."""

    generation: int
    protocol: str
    leader: str
    member_id: str
    members: tuple[tuple[str, str | None, bytes], ...] = ()
