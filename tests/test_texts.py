from detector.bucket import Bucket
from detector.texts import MEMORY, count_once


def bucket(start: int, texts: dict[str, dict[str, int]], affected: dict[str, int] | None = None):
    return Bucket(start=start, texts=texts, affected=affected or {})


def test_a_text_counts_once_however_many_post_it():
    counted, memory = count_once(bucket(0, {"aws": {"f1": 200, "f2": 1}}, {"aws": 3}), {})

    assert counted.affected == {"aws": 5}
    assert counted.texts == {}

    again, _ = count_once(bucket(10, {"aws": {"f1": 50}}), memory)

    assert again.affected == {}


def test_the_same_text_counts_for_each_service():
    counted, _ = count_once(bucket(0, {"aws": {"f1": 2}, "zoom": {"f1": 2}}), {})

    assert counted.affected == {"aws": 1, "zoom": 1}


def test_a_text_counts_again_after_an_hour():
    _, memory = count_once(bucket(0, {"aws": {"f1": 2}}), {})

    before, memory = count_once(bucket(MEMORY - 10, {"aws": {"f1": 2}}), memory)
    after, _ = count_once(bucket(MEMORY, {"aws": {"f1": 2}}), memory)

    assert before.affected == {}
    assert after.affected == {"aws": 1}


def test_the_memory_does_not_grow_for_ever():
    memory = {}
    for i in range(1_000):
        _, memory = count_once(bucket(i * 60, {"aws": {f"f{i}": 1}}), memory)

    assert len(memory) <= MEMORY / 60


def test_a_bucket_without_texts_is_left_alone():
    quiet = bucket(0, {}, {"aws": 3})

    assert count_once(quiet, {"aws|f1": 0}) == (quiet, {"aws|f1": 0})
