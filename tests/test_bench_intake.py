"""The figures of `outcry bench intake`, from moments that are made up."""

from collections.abc import Sequence

from stream.bench.course import Moment, Use, figures


def run(lag: int = 40, last: int = 0) -> Sequence[Moment]:
    """Two minutes at 100 posts a second; the source takes 0.2 s for 1,000 of them, Redis 0.1."""
    return [
        Moment(
            at=1_000.0 + second,
            n_made=100 * second + lag if second < 120 else 12_000,
            n_counted=100 * second if second < 120 else 12_000 - last,
            uses={
                "source": Use(rss=80.0 + second / 10, cpu=5.0 + 0.02 * second),
                "redis": Use(rss=9.0, cpu=1.0 + 0.01 * second),
            },
        )
        for second in range(0, 121, 2)
    ]


def test_rates_leave_the_warm_up_out_and_costs_are_of_all_posts() -> None:
    found = figures(run(), seconds=120)

    assert found["posts_per_second"] == 100.0
    assert found["cpu_seconds_per_1000_posts"] == {"source": 0.2, "redis": 0.1, "all": 0.3}
    assert (found["rss_mb_first"]["source"], found["rss_mb_last"]["source"]) == (84.2, 92.0)
    assert (found["lag_max"], found["lag_last"]) == (40, 0)
    assert (found["posts_sent"], found["posts_counted"]) == (12_000, 12_000)


def test_what_was_never_counted_is_seen() -> None:
    found = figures(run(last=7), seconds=120)

    assert found["posts_sent"] - found["posts_counted"] == found["lag_last"] == 7


def test_a_run_in_which_nothing_came_has_figures_too() -> None:
    idle = [Moment(at=float(i), n_made=0, n_counted=0, uses={}) for i in range(3)]

    assert figures(idle, seconds=30)["posts_per_second"] == 0.0
