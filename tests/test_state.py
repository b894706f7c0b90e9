"""The detector's memory: bytes and back, and a catalogue that changes meanwhile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bucket import Bucket
from detector.state import State, StateError, decode, encode, initial
from detector.tick import Policy, tick
from models.catalogue import Catalogue, Service

START = 1_760_918_400
IDS = ("alpha", "beta", "gamma")


def catalogue(*ids):
    return Catalogue({i: Service(id=i, name=i, industry="test") for i in sorted(ids)})


def lived(n_buckets=500, seed=2, state=None, ids=IDS):
    """Live through two hours of random reports with an outage of beta in the second."""
    rng = np.random.default_rng(seed)
    state = state or initial(ids, START)
    changes = []
    for i in range(n_buckets):
        start = state.next_start
        rate = np.array([0.1, 3.0 if i > 400 else 0.05, 0.01])
        counts = dict(zip(IDS, rng.poisson(rate).tolist(), strict=True))
        bucket = Bucket(start=start, affected={s: n for s, n in counts.items() if n})
        step = tick(state, bucket, catalogue(*ids), Policy())
        state = step.state
        changes.extend(step.changes)
    return state, changes


def test_decoded_state_goes_on_exactly_as_the_one_encoded():
    state, _ = lived()

    back = decode(encode(state), IDS)

    assert encode(back) == encode(state)
    assert encode(lived(50, 9, back)[0]) == encode(lived(50, 9, state)[0])
    assert lived(50, 9, back)[1] == lived(50, 9, state)[1]


def test_open_incidents_survive():
    state, changes = lived()

    assert changes
    assert decode(encode(state), IDS).incidents == state.incidents
    assert state.incidents


def test_new_service_begins_cold_and_the_others_keep_what_they_know():
    state, _ = lived()

    wider = decode(encode(state), (*IDS, "aardvark"))

    assert wider.services == ("aardvark", *IDS)
    assert wider.baseline.reports[0] == 0
    assert np.array_equal(wider.baseline.reports[1:], state.baseline.reports)
    assert np.array_equal(wider.surge.mass[1:], state.surge.mass)
    assert np.array_equal(wider.baseline.catalogue_week, state.baseline.catalogue_week)


def test_service_that_left_the_catalogue_ends_its_incident():
    state, _ = lived()
    assert [one.service for one in state.incidents[0].affected] == ["beta"]

    narrower = decode(encode(state), ("alpha", "gamma"))
    step = tick(narrower, Bucket(start=narrower.next_start), catalogue("alpha", "gamma"), Policy())

    assert narrower.services == ("alpha", "gamma")
    assert [str(t.step) for _, t in step.changes] == ["resolved"]


def test_state_stays_below_four_kilobytes_a_service():
    ids = tuple(f"s{i:03d}" for i in range(100))
    rng = np.random.default_rng(1)
    state = initial(ids, START)
    names = catalogue(*ids)
    for i in range(400):
        counts = dict(zip(ids, rng.poisson(0.5, 100).tolist(), strict=True))
        state = tick(state, Bucket(start=START + i * 10, affected=counts), names, Policy()).state

    assert len(encode(state)) / 100 < 4_096


def test_other_version_is_refused_with_what_to_do():
    data = encode(initial(IDS, START))
    other = data.replace(b"\xa7version\x04", b"\xa7version\x05")

    with pytest.raises(StateError, match="version 5, expected 4; rebuild it from the log"):
        decode(other, IDS)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_state_or_a_state_error(data):
    with pytest.raises(StateError):
        decode(data, IDS)


@given(st.integers(0, 3_000), st.integers(1, 255))
def test_damaged_state_is_a_state_or_a_state_error(place, change):
    data = bytearray(encode(initial(IDS, START)))
    data[place % len(data)] ^= change

    try:
        state = decode(bytes(data), IDS)
    except StateError:
        return
    assert isinstance(state, State)
