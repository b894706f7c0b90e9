"""The sequential test: keeps its budget, sees more as more, finds the onset."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import baseline, contrast, surge
from detector.bucket import WIDTH
from detector.likelihood import log_ratio

START = 1_760_918_400


def known(n_services: int, per_minute: float, dispersion: float = 1.3) -> baseline.Baseline:
    """A baseline that has learnt its services: a fixed rate, little uncertainty."""
    cold = baseline.cold(n_services, START)

    return replace(
        cold,
        rates=np.full((n_services, 3), per_minute * 60),
        dispersion=np.full(n_services, dispersion),
        uncertainty=np.full(n_services, 0.25),
        day_exposure=np.full(cold.day_exposure.shape, 1_000, np.float32),
        hours=np.full(n_services, 1_000.0),
    )


def fed(counts, base, recovered=None, state=None, start=START, mentioned=None):
    """Feed *counts*, shape (buckets, services), to the test."""
    n_services = counts.shape[1]
    state = state or surge.cold(base, start)
    nobody, free = np.zeros(n_services), np.zeros(n_services, bool)
    for i, row in enumerate(counts.astype(float)):
        at = start + i * WIDTH
        better = nobody if recovered is None else recovered[i].astype(float)
        named = nobody if mentioned is None else mentioned[i].astype(float)
        mean = baseline.expected(base, at)
        state = surge.judged(state, at, row, better, nobody, named, mean, base, free)
    return state


def test_log_ratio_agrees_with_the_probabilities_of_the_negative_binomial():
    def log_probability(x, mean, dispersion):
        r = mean / (dispersion - 1)
        return (
            math.lgamma(x + r)
            - math.lgamma(r)
            - math.lgamma(x + 1)
            - r * math.log(dispersion)
            + x * math.log((dispersion - 1) / dispersion)
        )

    for x in (0, 1, 2, 17, 400, 3_000):
        for mean, scale, dispersion in ((0.001, 7.0, 1.02), (0.4, 2.5, 1.3), (60.0, 30.0, 4.0)):
            expected = log_probability(x, scale * mean, dispersion) - log_probability(
                x, mean, dispersion
            )
            got = log_ratio(
                np.array(float(x)), np.array(mean), np.array(scale), np.array(dispersion)
            )
            assert got == pytest.approx(expected, rel=1e-7, abs=1e-7)


def test_talk_of_the_town_does_not_fail_by_the_mistakes_of_the_tagger():
    rng = np.random.default_rng(5)
    base, limit = known(1, 0.1), surge.threshold(1.0)
    named = rng.poisson(60.0, (180, 1))  # in half an hour
    mistakes = rng.poisson(0.01 * 60.0, (180, 1))

    with_talk, without = fed(mistakes, base, mentioned=named), fed(mistakes, base)

    assert with_talk.statistic[0] < limit < without.statistic[0]


def test_threshold_is_the_logarithm_of_buckets_per_allowed_false_incident():
    assert surge.threshold(1.0) == pytest.approx(math.log(3_155_760 / 2.5))
    assert surge.threshold(12.0) == pytest.approx(math.log(3_155_760 / 2.5 / 12))


@pytest.mark.parametrize("per_minute", [0.02, 0.3, 4.0])
def test_false_alarms_on_a_known_null_stay_within_a_loose_budget(per_minute):
    """Budget 2,000 a service-year: the mean time to an alarm may not be below 1,578 buckets."""
    rng = np.random.default_rng(11)
    base, n = known(64, per_minute), 64
    limit = math.log(surge.BUCKETS_PER_YEAR / 2_000)  # without the allowance for overshoot
    mean = per_minute * WIDTH / 60
    counts = rng.poisson(rng.gamma(mean / 0.3, 0.3, (1_500, n)))
    state, alarms = surge.cold(base, START), 0
    for i, row in enumerate(counts):
        state = fed(row[None], base, state=state, start=START + i * WIDTH)
        over = np.flatnonzero(state.statistic >= limit)
        alarms += len(over)
        state = surge.cleared(state, over, START + (i + 1) * WIDTH)

    assert alarms <= 1_500 * n / 1_578


@pytest.mark.parametrize("per_minute", [0.5, 26.0, 300.0])
def test_service_never_seen_is_no_outage_however_busy_it_is(per_minute):
    rng, base = np.random.default_rng(4), baseline.cold(50, START)
    mean = per_minute * WIDTH / 60
    state, highest = surge.cold(base, START), -np.inf
    for i in range(180):
        row = rng.poisson(rng.gamma(mean / 0.8, 0.8, 50))
        state = fed(row[None], base, state=state, start=START + i * WIDTH)
        highest = max(highest, state.statistic.max())

    assert highest < surge.threshold(1.0)


def test_tenfold_rise_at_half_a_report_a_minute_is_found_within_minutes():
    rng = np.random.default_rng(3)
    base, limit = known(40, 0.5), surge.threshold(1.0)
    before = fed(rng.poisson(0.5 / 6, (360, 40)), base)
    assert (before.statistic < limit).all()
    rise = rng.poisson(5 / 6, (60, 40))
    delays = np.full(40, np.inf)
    state = before
    for i, row in enumerate(rise):
        state = fed(row[None], base, state=state, start=START + (360 + i) * WIDTH)
        delays = np.where((state.statistic >= limit) & np.isinf(delays), (i + 1) / 6, delays)

    assert np.median(delays) < 4
    assert delays.max() < 9


def test_onset_is_estimated_where_the_rise_began():
    rng = np.random.default_rng(8)
    base = known(40, 0.5)
    counts = np.concatenate([rng.poisson(0.5 / 6, (360, 40)), rng.poisson(5.0 / 6, (60, 40))])

    state = fed(counts, base)

    rows = np.arange(40)
    onset = state.since[rows, surge.best_climb(state)]
    error = (onset - (START + 360 * WIDTH)) / 60
    assert np.median(np.abs(error)) < 1.0


def test_recovered_reports_count_against():
    rng = np.random.default_rng(4)
    base = known(1, 0.5)
    counts = rng.poisson(5.0 / 6, (60, 1))

    plain, answered = fed(counts, base), fed(counts, base, recovered=counts)

    assert answered.statistic < 3
    assert plain.statistic > 20


def test_normal_dependents_speak_against_and_surging_ones_for_abnormality():
    rng = np.random.default_rng(6)
    base = known(3, 1.0)
    rates = np.array([1.0, 10.0, 1.0]) / 6
    counts = rng.poisson(rates, (90, 3))
    state = fed(counts, base)

    evidence = surge.abnormality(state, base, np.arange(3))

    assert evidence[1] > 10
    assert evidence[0] < 0
    assert evidence[2] < 0


def test_silence_says_more_the_louder_and_the_more_the_failing_ones_are():
    rng = np.random.default_rng(7)
    base = known(6, 0.02)
    counts = rng.poisson(np.array([4.0, 4.0, 4.0, 4.0, 0.0, 0.1]) / 6, (90, 6))
    state = fed(counts, base)
    rows, loud = np.arange(6), np.arange(6) < 4

    alone = surge.abnormality(state, base, rows)
    one = contrast.abnormality(state, base, rows, np.arange(6) < 1)
    four = contrast.abnormality(state, base, rows, loud)

    assert four[4] < one[4] < alone[4] < 0
    assert four[4] > np.log(0.2)
    assert np.array_equal(four[:4], alone[:4])
    assert np.array_equal(contrast.abnormality(state, base, rows, rows < 0), alone)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=40),
    st.integers(1, 200),
    st.sampled_from([0.003, 0.1, 2.0, 40.0]),
)
def test_more_reports_in_a_bucket_never_lower_the_statistic(history, more, per_minute):
    base = known(1, per_minute)
    state = fed(np.array(history)[:, None], base)
    at = START + len(history) * WIDTH

    for count in (0, 1, 7):
        few = fed(np.array([[count]]), base, state=state, start=at)
        many = fed(np.array([[count + more]]), base, state=state, start=at)

        assert (many.statistic >= few.statistic - 1e-9).all()


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(5)), st.integers(0, 2**32 - 1))
def test_order_of_the_services_changes_nothing(order, seed):
    rng = np.random.default_rng(seed)
    base = known(5, 0.7)
    counts = rng.poisson(0.5, (30, 5))

    straight, mixed = fed(counts, base), fed(counts[:, list(order)], base)

    assert np.array_equal(straight.statistic[list(order)], mixed.statistic)
