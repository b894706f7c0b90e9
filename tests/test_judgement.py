"""Rounds: where they are cut, or a restart between them, must not be seen in what comes out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.bucket import WIDTH, Bucket
from detector.incidents import Status, Step
from detector.judgement import Memory, begin, judge, restore
from detector.round import Progress, Round
from detector.tick import Policy
from models.catalogue import Catalogue
from models.service import Dependency, Service

START = 1_760_918_400  # 2025-10-20 00:00 UTC
POLICY = Policy()
CATALOGUE = Catalogue(
    {
        "aws": Service(id="aws", name="AWS", industry="cloud"),
        "snap": Service(
            id="snap",
            name="Snap",
            industry="social",
            depends_on=(Dependency(provider="aws", strength=0.8),),
        ),
        "zoom": Service(id="zoom", name="Zoom", industry="work"),
    }
)


def outage(hours: float = 3.0, seed: int = 7) -> list[Bucket]:
    """Two quiet hours, then zoom at forty times its rate for half an hour, then quiet again."""
    rng = np.random.default_rng(seed)
    buckets = []
    for i in range(round(hours * 3600 / WIDTH)):
        minute = i * WIDTH / 60
        rate = 4.0 if 120 <= minute < 150 else 0.1
        n, text = int(rng.poisson(rate)), rng.random() < 0.05
        buckets.append(
            Bucket(
                start=START + i * WIDTH,
                affected={"zoom": n} if n else {},
                texts={"zoom": {f"f{rng.integers(3)}": 2}} if text else {},
                n_reports=n,
            )
        )
    return buckets


def run(buckets: list[Bucket], cuts: list[int], *, restart: bool = False) -> list[Round]:
    memory = begin(CATALOGUE, buckets[0].start)
    rounds, i, turn = [], 0, 0
    while i < len(buckets):
        piece = buckets[i : i + cuts[turn % len(cuts)]]
        memory, round_ = judge(memory, piece, CATALOGUE, POLICY)
        rounds.append(round_)
        if restart:
            memory = reload(round_)
        i, turn = i + len(piece), turn + 1
    return rounds


def reload(round_: Round) -> Memory:
    progress = Progress(
        last_bucket=round_.last_bucket,
        state=round_.state,
        texts=round_.texts,
        minute=round_.minute,
    )
    return restore(progress, CATALOGUE)


@pytest.fixture(scope="module")
def whole() -> list[Round]:
    return run(outage(), [10_000])


def test_the_outage_is_found_told_and_resolved(whole):
    steps = [transition.step for _, transition in whole[0].changes]

    assert steps[0] is Step.OPENED
    assert steps[-1] is Step.RESOLVED
    (incident,) = whole[0].incidents
    assert incident.status is Status.RESOLVED
    assert [one.service for one in incident.affected] == ["zoom"]
    onset = incident.onset_at.timestamp() - START
    assert 119 * 60 <= onset <= 122 * 60
    assert incident.opened_at.timestamp() - START <= 123 * 60


def test_changes_are_in_the_order_of_event_time(whole):
    times = [transition.at for _, transition in whole[0].changes]

    assert times == sorted(times)


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(1, 400), min_size=1, max_size=5), restart=st.booleans())
def test_where_rounds_are_cut_and_restarts_make_no_difference(whole, cuts, restart):
    pieces = run(outage(), cuts, restart=restart)

    assert pieces[-1].state == whole[0].state
    assert pieces[-1].texts == whole[0].texts
    assert pieces[-1].minute == whole[0].minute
    assert [change for one in pieces for change in one.changes] == list(whole[0].changes)
    points = {
        service: [point for one in pieces for point in one.points.get(service, ())]
        for service in whole[0].points
    }
    assert points == {service: list(found) for service, found in whole[0].points.items()}


def test_a_service_added_between_rounds_starts_cold_and_the_rest_goes_on():
    (round_,) = run(outage(1.0), [10_000])
    grown = Catalogue(
        {**CATALOGUE.services, "newcomer": Service(id="newcomer", name="N", industry="x")}
    )
    progress = Progress(
        last_bucket=round_.last_bucket, state=round_.state, texts=b"\x80", minute=round_.minute
    )

    memory = restore(progress, grown)
    after, _ = judge(
        memory,
        [Bucket(start=round_.last_bucket + WIDTH, affected={"newcomer": 1})],
        grown,
        POLICY,
    )

    assert "newcomer" in after.state.services
