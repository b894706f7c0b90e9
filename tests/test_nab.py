"""The Numenta benchmark: its rules, how rare a statistic is, and the detector on wide bins."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.bench import nab
from detector.bench.bins import judged
from detector.bench.nab_scores import as_counts, scores, windowed_gaussian
from detector.bench.rarity import return_period, told_once

STATISTICS = st.lists(st.floats(-50, 500), min_size=1, max_size=80).map(np.array)


def series(windows=(), n=1_000, values=None, name="x"):
    values = np.zeros(n) if values is None else values
    at = 300.0 * np.arange(len(values))
    return nab.Series(name=name, at=at, values=values, windows=windows)


def alarm_at(*rows, n=1_000):
    seen = np.zeros(n)
    seen[list(rows)] = 1.0
    return {"x": seen}


def test_silence_scores_nothing_and_early_alarms_in_every_window_score_all():
    corpus = [series(((300, 399), (600, 699)))]

    for profile in nab.PROFILES.values():
        assert nab.score(corpus, alarm_at(), 0.5, profile) == 0
        assert nab.score(corpus, alarm_at(300, 600), 0.5, profile) == pytest.approx(100, abs=0.1)


def test_late_alarms_and_false_ones_cost():
    corpus = [series(((300, 399),))]
    early, late = (nab.score(corpus, alarm_at(row), 0.5) for row in (300, 390))

    assert early > late > 50
    assert nab.score(corpus, alarm_at(300, 900), 0.5) == pytest.approx(early - 5.5, abs=0.1)
    assert nab.score(corpus, alarm_at(300, 402), 0.5) > nab.score(corpus, alarm_at(300, 900), 0.5)
    assert nab.score(corpus, alarm_at(300, 10), 0.5) == early


def test_windows_found_and_false_alarms_are_counted_after_the_probation():
    one = series(((300, 399), (600, 699)))

    assert nab.told(one, alarm_at(10, 299, 300, 301, 400)["x"], 0.5) == (1, 2)


def test_false_alarms_and_misses_weigh_by_profile():
    corpus = [series(((300, 399), (600, 699)))]
    low_fp, low_fn = (nab.PROFILES[f"reward_low_{kind}_rate"] for kind in ("FP", "FN"))

    assert nab.raw_score(corpus[0], alarm_at(250)["x"], 0.5) == pytest.approx(-2.11)
    assert nab.raw_score(corpus[0], alarm_at(250)["x"], 0.5, low_fp) == pytest.approx(-2.22)
    assert nab.raw_score(corpus[0], alarm_at(250)["x"], 0.5, low_fn) == pytest.approx(-4.11)


@settings(deadline=None)
@given(seed=st.integers(0, 1_000), profile=st.sampled_from(sorted(nab.PROFILES)))
def test_best_threshold_is_the_best_of_all_that_are_tried(seed, profile):
    seen = {"x": np.random.default_rng(seed).integers(0, 9, 400).astype(float)}
    corpus, chosen = [series(((100, 139), (300, 339)), n=400)], nab.PROFILES[profile]

    found, threshold = nab.best(corpus, seen, chosen)

    tried = [nab.score(corpus, seen, level, chosen) for level in (*range(9), np.inf)]
    assert found == pytest.approx(max(tried))
    assert found == pytest.approx(nab.score(corpus, seen, threshold, chosen))


def test_windowed_gaussian_is_two_sided_and_ties_where_it_is_sure():
    noise = np.random.default_rng(3).normal(0, 1, 500)
    seen = windowed_gaussian(np.concatenate([noise, [9.0, 90.0, -90.0, 0.0]]))

    assert seen[0] == 0
    assert list(seen[500:503]) == [1.0, 1.0, 1.0]
    assert seen[503] == pytest.approx(0.5, abs=0.05)


@given(statistic=STATISTICS)
def test_return_period_only_looks_back(statistic):
    half = len(statistic) // 2

    assert np.array_equal(return_period(statistic)[:half], return_period(statistic[:half]))


@given(statistic=STATISTICS)
def test_return_period_reaches_back_to_the_last_value_as_high(statistic):
    for place, found in enumerate(return_period(statistic)):
        before = np.flatnonzero(statistic[:place] >= statistic[place])
        if len(before):
            assert found == pytest.approx(np.log(place - before[-1]))
        else:
            assert found >= np.log(place + 1) - 1e-9


def test_record_twice_as_high_is_twice_as_rare():
    calm = np.full(100, 5.0)

    ten, twenty = (return_period(np.append(calm, top))[-1] for top in (10.0, 20.0))

    assert twenty - ten == pytest.approx(np.log(2))


def test_what_lasts_is_told_once_and_again_when_it_grows_much_rarer():
    told = told_once(np.array([1.0, 1.2, 1.4, 2.1, 0.5, 0.5, 1.0]), held=2)

    assert list(np.flatnonzero(np.isfinite(told))) == [0, 3, 6]


def test_series_that_counts_nobody_is_scaled_until_it_is_as_noisy_as_counts():
    values = 40 + np.random.default_rng(4).normal(0, 0.5, 1_000)

    counts = as_counts(series(values=values))
    first = counts[:150]

    assert np.mean(np.diff(first) ** 2) / 2 / first.mean() == pytest.approx(1.6)
    assert np.array_equal(as_counts(series(values=values, name="realTweets/x.csv")), values)


def test_outage_in_wide_bins_is_abnormal_at_once_and_calm_ones_are_not():
    counts = np.random.default_rng(5).poisson(20.0, (2, 600)).astype(float)
    counts[0, 580] = 120.0

    found, statistic = judged(counts, 0, 300)

    assert found[0, 580] > 20
    assert found[:, 288:580].max() < 10
    assert statistic[0, 580] > 14 > statistic[:, 288:580].max()


def test_series_are_judged_as_if_each_were_alone():
    counts = np.random.default_rng(6).poisson(20.0, (2, 60)).astype(float)

    together, alone = judged(counts, 900, 300), judged(counts[1:], 900, 300)

    for pair, single in zip(together, alone, strict=True):
        assert np.allclose(pair[1], single[0], rtol=1e-4, atol=1e-4)


def test_corpus_of_a_folder_is_scored_beside_what_is_published(tmp_path):
    values = np.random.default_rng(7).poisson(9.0, 500)
    values[400] = 300
    _write(tmp_path, "realTweets/a.csv", values, window=(390, 410))
    _write(tmp_path, "other/b.csv", values + 7, window=(390, 410))
    known = {"windowedGaussian": dict.fromkeys(nab.PROFILES, 50.0)}
    (tmp_path / "published_final_results.json").write_text(json.dumps(known))

    found = scores(tmp_path, processes=1)

    assert found["all"] > 80
    assert found["realTweets"] <= found["realTweets_own_threshold"]
    assert found["windowed_gaussian"]["standard"]["published"] == 50.0
    assert set(found["profiles"]) == set(nab.PROFILES)
    assert found["folders"]["other"].startswith("1 of 1 windows, ")


def _write(folder, name, values, window):
    stamps = [f"{datetime.fromtimestamp(300 * i, UTC):%Y-%m-%d %H:%M:%S}" for i in range(500)]
    path = folder / "data" / name
    path.parent.mkdir(parents=True)
    lines = [f"{at},{value}" for at, value in zip(stamps, values, strict=True)]
    path.write_text("\n".join(["timestamp,value", *lines]))
    listed = folder / "labels" / "combined_windows.json"
    listed.parent.mkdir(exist_ok=True)
    known = json.loads(listed.read_text()) if listed.exists() else {}
    known[name] = [[f"{stamps[row]}.000000" for row in window]]
    listed.write_text(json.dumps(known))
