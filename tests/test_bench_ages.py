"""False incidents by age: what is counted over how many service-years."""

import numpy as np
import pytest

from detector import surge
from detector.bench import ages


def test_false_incidents_are_given_by_budget_with_an_interval_and_by_the_tail():
    nats = surge.threshold(12.0)
    peaks = np.full((2_191, 8), -np.inf)
    peaks[::100, 0] = nats

    found = ages.row("day 1", peaks, 1.0)

    assert found["service_years"] == pytest.approx(8.0, rel=0.01)
    assert found["measured"] == 0
    assert found["ci95"] == [0, pytest.approx(3.7 / 8, abs=0.01)]
    assert found["by_tail"] == pytest.approx(22 / 8 / 12, abs=0.01)
    assert "day 1" in ages.table({"false_incidents_per_service_year": [found]})[1]


def test_no_service_is_left_out_of_the_pieces():
    assert ages.pieces(1_000, 400) == [400, 400, 200]
    assert ages.pieces(800, 400) == [400, 400]
    assert ages.pieces(0, 400) == [1]
