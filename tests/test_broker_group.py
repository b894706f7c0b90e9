"""A consumer group by itself, at given times: against its rules, and in any order of requests."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import (
    BrokerResponseError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from stream.embedded.group import INITIAL_DELAY, Group


class Consumers:
    """Drives a group by hand, at given times."""

    def __init__(self) -> None:
        self.group = Group()

    async def join(self, member_id: str = "", *, at: float, **options: Any) -> "asyncio.Task[Any]":
        fields: dict[str, Any] = {
            "session_timeout_ms": 10_000,
            "rebalance_timeout_ms": 30_000,
            "names": ("range",),
            "header": SimpleNamespace(client_id="client"),
        } | options
        protocols = [SimpleNamespace(name=name, metadata=b"") for name in fields["names"]]
        request = SimpleNamespace(member_id=member_id, protocols=protocols, **fields)
        return await begun(self.group.join_group(request, at))

    async def sync(self, joined: dict[str, Any], *, at: float) -> "asyncio.Task[Any]":
        ids = [id for id, _ in joined["members"]]
        shares = [SimpleNamespace(member_id=id, assignment=id.encode()) for id in ids]
        return await begun(self._synced(request(joined, assignments=shares), at))

    async def _synced(self, request: Any, at: float) -> bytes:
        share: bytes = (await self.group.sync_group(request, at))["assignment"]
        return share

    async def tick(self, at: float) -> None:
        self.group.tick(at)
        await turns()

    async def pair(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A settled group of two; the first one leads."""
        first, second = await self.join(at=0), await self.join(at=0)
        await self.tick(INITIAL_DELAY)
        leader, other = first.result(), second.result()
        waiting = await self.sync(other, at=1)
        assert not waiting.done()
        assert (await self.sync(leader, at=1)).result() == leader["member_id"].encode()
        assert waiting.result() == other["member_id"].encode()
        return leader, other


async def begun(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    task = asyncio.create_task(work)
    await turns()
    return task


async def turns() -> None:
    """Let every task go on until it waits."""
    for _ in range(3):
        await asyncio.sleep(0)


def request(joined: dict[str, Any], **fields: Any) -> Any:
    place = {"member_id": joined["member_id"], "generation_id": joined["generation_id"]}
    return SimpleNamespace(**place, **fields)


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    return run


@in_loop
async def test_members_that_come_together_share_the_first_generation() -> None:
    leader, other = await Consumers().pair()

    assert leader["generation_id"] == other["generation_id"] == 1
    assert leader["leader"] == other["leader"] == leader["member_id"]
    ids = [id for id, _ in leader["members"]]
    assert ids == [leader["member_id"], other["member_id"]]
    assert other["members"] == []


@in_loop
async def test_a_member_that_falls_silent_is_removed_and_the_others_told() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    await consumers.group.heartbeat(request(leader), 9)
    await consumers.tick(11.5)

    with pytest.raises(RebalanceInProgressError):
        await consumers.group.heartbeat(request(leader), 12)
    with pytest.raises(UnknownMemberIdError):
        await consumers.group.heartbeat(request(other), 12)
    again = await consumers.join(leader["member_id"], at=12)
    await consumers.tick(12)
    assert again.result()["generation_id"] == 2


@in_loop
async def test_who_does_not_join_again_in_time_is_left_out() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    joining = await consumers.join(leader["member_id"], at=2)
    for at in (8.0, 16.0, 24.0, 31.0):
        with pytest.raises(RebalanceInProgressError):
            await consumers.group.heartbeat(request(other), at)
        await consumers.tick(at)
        assert not joining.done()
    await consumers.tick(32.0)

    assert [id for id, _ in joining.result()["members"]] == [leader["member_id"]]


@in_loop
async def test_followers_of_a_leader_that_dies_before_it_assigns_are_told() -> None:
    consumers = Consumers()
    first, second = await consumers.join(at=0), await consumers.join(at=0)
    await consumers.tick(INITIAL_DELAY)
    waiting = await consumers.sync(second.result(), at=1)
    await consumers.tick(10.0)
    assert not waiting.done()
    await consumers.tick(10.5)

    assert list(consumers.group.members) == [second.result()["member_id"]]
    assert first.result()["leader"] not in consumers.group.members
    assert isinstance(waiting.exception(), RebalanceInProgressError)
    await consumers.tick(11.0)
    assert consumers.group.members, "the follower was not given the time to join again"


@in_loop
async def test_a_rebalance_waits_for_no_member_that_is_gone() -> None:
    consumers = Consumers()
    await consumers.join(at=0)
    await consumers.join(at=0)
    await consumers.tick(INITIAL_DELAY)
    third = await consumers.join(at=1)  # while the other two, which died, have not assigned
    await consumers.tick(11.5)

    assert third.result()["leader"] == third.result()["member_id"]


@in_loop
async def test_a_request_of_an_older_generation_is_refused() -> None:
    consumers = Consumers()
    leader, other = await consumers.pair()
    await consumers.group.leave_group(request(other), 2)
    await consumers.join(leader["member_id"], at=2)
    await consumers.tick(2)

    with pytest.raises(IllegalGenerationError):
        consumers.group.note(leader["member_id"], leader["generation_id"], 3)


@in_loop
async def test_the_assignor_is_one_that_all_know() -> None:
    consumers = Consumers()
    first = await consumers.join(at=0, names=("sticky", "range"))
    await consumers.join(at=0, names=("range", "roundrobin"))
    await consumers.tick(INITIAL_DELAY)

    assert first.result()["protocol_name"] == "range"
    refused = await consumers.join(at=1, names=("sticky", "roundrobin"))
    assert isinstance(refused.exception(), InconsistentGroupProtocolError)


def test_no_order_of_requests_seats_a_member_twice_or_loses_an_answer() -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("njlst"), st.integers(0, 3)), max_size=40))
    def law(steps: list[tuple[str, int]]) -> None:
        asyncio.run(drive(steps))

    law()


async def drive(steps: list[tuple[str, int]]) -> None:
    consumers, answers, now = Consumers(), [], 0.0
    for step, i in steps:
        now += 4 * i if step == "t" else 0.2
        ids = list(consumers.group.members)
        joined = [a.result() for a in answers if a.done() and not a.exception()]
        joined = [answer for answer in joined if isinstance(answer, dict)]
        if step == "n":
            answers.append(await consumers.join(at=now))
        elif ids and step == "j":
            answers.append(await consumers.join(ids[i % len(ids)], at=now))
        elif ids and step == "l":
            await consumers.group.leave_group(SimpleNamespace(member_id=ids[i % len(ids)]), now)
        elif joined and step == "s":
            answers.append(await consumers.sync(joined[i % len(joined)], at=now))
        await consumers.tick(now)
    for later in range(1, 6):
        await consumers.tick(now + later * 10_000)

    assert all(answer.done() for answer in answers)
    for answer in answers:
        assert isinstance(answer.exception(), BrokerResponseError | None)
    assert not consumers.group.members
