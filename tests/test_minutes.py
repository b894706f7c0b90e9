import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import minutes
from detector.series import Point

SERVICES = ("aws", "zoom")


def array(*values: float):
    return np.array(values, dtype=np.float64)


def run(buckets, keep=()):
    minute = minutes.begin(SERVICES, buckets[0][0])
    points: list[tuple[str, Point]] = []
    for start, observed in buckets:
        minute, finished = minutes.add(
            minute, start, array(*observed), array(0.5, 0.25), array(start, 1.0), keep
        )
        points.extend(finished.items())
    return minute, points


def test_a_minute_is_the_sum_of_its_buckets_and_the_greatest_statistic():
    _, points = run([(60, (1, 0)), (70, (2, 0)), (120, (0, 0))])

    assert points == [("aws", Point(minute=1, observed=3.0, expected=1.0, statistic=70.0))]


def test_quiet_services_have_a_point_every_tenth_minute_only():
    _, points = run([(i * 60, (0, 0)) for i in range(25)])

    assert {point.minute for _, point in points} == {0, 10, 20}


def test_troubled_services_have_a_point_every_minute():
    _, points = run([(i * 60, (0, 0)) for i in range(5)], keep={"zoom"})

    assert [point.minute for service, point in points if service == "zoom"] == [0, 1, 2, 3]


@given(st.integers(0, 10**9), st.lists(st.floats(0, 1e6), min_size=6, max_size=6))
def test_an_encoded_minute_comes_back_equal(minute, values):
    whole = minutes.Minute(
        minute=minute,
        services=SERVICES,
        observed=array(*values[:2]),
        expected=array(*values[2:4]),
        statistic=array(*values[4:]),
    )

    back = minutes.decode(minutes.encode(whole), SERVICES)

    assert back is not None
    assert back.minute == minute
    assert np.array_equal(back.observed, whole.observed)
    assert np.array_equal(back.expected, whole.expected)
    assert np.array_equal(back.statistic, whole.statistic)


@pytest.mark.parametrize("services", [("aws",), ("zoom", "aws")])
def test_a_minute_of_another_catalogue_is_dropped(services):
    assert minutes.decode(minutes.encode(minutes.begin(SERVICES, 0)), services) is None
