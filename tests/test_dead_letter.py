import pytest

from stream.dead_letter import LEAST, DeadLetterLimit, TooManyInvalid
from stream.report import InvalidReport

BAD = InvalidReport("malformed", "not json")


def limit(max_ratio: float = 0.5, max_consecutive: int = 10) -> DeadLetterLimit:
    return DeadLetterLimit(max_ratio=max_ratio, max_consecutive=max_consecutive)


def test_a_few_invalid_records_are_let_through():
    one = limit()

    for _ in range(1_000):
        one.check(0, [BAD, None, None])


def test_too_many_in_a_row_stop_the_worker():
    one = limit()
    one.check(0, [BAD] * 10)

    with pytest.raises(TooManyInvalid, match="partition 0: 11 invalid records in a row") as error:
        one.check(0, [BAD])

    assert "not json" in str(error.value)


def test_a_good_record_ends_the_row():
    one = limit()

    for _ in range(5):
        one.check(0, [*[BAD] * 10, *[None] * 20])


def test_too_large_a_share_stops_the_worker_once_it_means_something():
    one = limit(max_ratio=0.4)
    half = [BAD, None] * (LEAST // 2 - 1)
    one.check(0, half)

    with pytest.raises(TooManyInvalid, match=f"of the last {LEAST - 1 + 1} records are invalid"):
        one.check(0, [None, BAD, BAD])


def test_partitions_are_judged_apart():
    one = limit()

    for partition in range(4):
        one.check(partition, [BAD] * 10)
