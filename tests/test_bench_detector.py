"""The measuring instruments: the bound, the rivals, the benchmark's rules, the made-up world."""

import numpy as np
import pytest

from detector.bench import alarms, causes, delays, endings, oracle
from detector.bench.life import aged, newborn
from detector.bench.report import _ratio
from detector.bench.rivals import RIVALS
from detector.bench.world import PER_MINUTE, World, drawn
from detector.likelihood import log_ratio


def test_world_has_the_rate_and_the_dispersion_that_it_is_given():
    rng = np.random.default_rng(1)

    counts = drawn(rng, np.full((2, 200_000), 0.5), np.array([[1.2], [2.0]]))

    assert counts.mean(axis=1) == pytest.approx([0.5, 0.5], rel=0.02)
    assert counts.var(axis=1) / counts.mean(axis=1) == pytest.approx([1.2, 2.0], rel=0.03)


def test_same_seed_is_the_same_world():
    first, second = (World(np.array([0.1, 5.0]), 3).hour(7).rate for _ in range(2))

    assert np.array_equal(first, second)


def test_bound_of_a_step_is_the_cusum_of_page():
    rng = np.random.default_rng(2)
    counts = rng.poisson(0.3, (1, 50)).astype(float)
    mean, phi = np.full((1, 50), 0.2), np.array([1.5])

    seen = oracle.statistics(counts, mean, phi, np.array([4.0]))

    cusum, expected = 0.0, []
    for x in counts[0]:
        gain = log_ratio(np.array(x), np.array(0.2), np.array(4.0), np.array(1.5))
        cusum = max(cusum, 0.0) + float(gain)
        expected.append(max(cusum, 0.0))
    assert seen[0] == pytest.approx(expected)


def test_ramp_comes_up_to_its_size():
    assert oracle.profile(10.0, 5, 60)[[0, 14, 29, 59]] == pytest.approx([1.3, 5.5, 10, 10])


@pytest.mark.parametrize("name", RIVALS)
def test_rival_sees_a_great_outage_and_looks_at_no_future(name):
    counts = np.random.default_rng(5).poisson(1.0, (2, 9 * 1_440)).astype(float)
    failing = counts.copy()
    failing[0, -60:] += 50

    calm, loud = RIVALS[name].statistic(counts), RIVALS[name].statistic(failing)

    assert np.array_equal(calm[:, :-60], loud[:, :-60])
    assert loud[0, -60:].max() > 3 * max(calm[0, -60:].max(), 1.0)


def test_adjacent_blocks_are_one_false_incident():
    peaks = np.array([[9.0, 1.0], [9.0, 1.0], [1.0, 9.0], [9.0, 1.0]])

    assert alarms.number(peaks, 5.0) == 3


def test_threshold_of_an_exponential_tail_is_found():
    peaks = np.random.default_rng(6).exponential(1.0, (2_191, 40))

    expected = np.log(6 * 365.25)
    assert alarms.threshold(peaks, 1.0) == pytest.approx(expected, abs=0.5)


def test_delay_counts_the_missed_as_the_horizon():
    highest = np.array([[0.0, 5.0, 9.0], [0.0, 0.0, 0.0]])

    assert delays.delay(highest, 5.0, 1) == (61.0, 0.5)


def test_learnt_service_raises_a_tenfold_outage_nearly_as_soon_as_the_bound():
    rates = np.full(24, 2.0)
    world = World(rates, 8, bumps=False)
    life = aged(newborn(world), world, 14 * 24)

    found = delays.trial(life, world, 0, quiet_hours=1)

    tenfold = found.cell == delays.CELLS.index((10.0, 0))
    ours = delays.delay(found.own[tenfold], 15.0, PER_MINUTE)[0]
    assert ours < 5


def test_ratio_leaves_out_what_even_the_bound_misses():
    cells = [
        {"ours": 2.0, "oracle": 1.0, "oracle_missed": 0.0},
        {"ours": 90.0, "oracle": 10.0, "oracle_missed": 0.5},
    ]

    assert _ratio(cells, "ours", np.mean) == 2.0


def test_tenfold_outage_of_a_learnt_service_is_resolved_soon_after_its_end():
    found = endings.measured(2.0, 10.0, slow=False, n=12)

    assert found.raised == 1
    assert found.early == 0
    assert found.lag < 15


def test_the_cost_of_causes_is_given_by_the_number_of_failing_services():
    spent = causes.measured(300, 5, (2, 40))

    assert set(spent) == {"2", "40"}
    assert all(0 <= ms < 1_000 for ms in spent.values())
