from models.bench import bench
from models.catalogue import Catalogue


def test_every_stage_is_measured_and_memory_stays_flat() -> None:
    found = bench(Catalogue.load(), posts=2_000, memory_posts=20_000)

    assert found.keys() >= {
        "matcher, firehose",
        "cascade, firehose",
        "cascade, every post named",
        "keyword, firehose",
        "textcat, firehose",
    }
    assert min(found.values()) >= 0
    assert found["cascade, firehose"] > found["cascade, every post named"]
    assert found["memory growth, MB"] < 30
