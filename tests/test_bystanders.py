"""Who is blamed wrongly is cleared, by the published ratios; who fails himself is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.bystanders import CLEARED, bystanders
from detector.dependencies import graph
from models.catalogue import Catalogue, Dependency, Service


def _service(id, industry, *providers):
    edges = tuple(Dependency(provider=p, strength=0.9) for p in providers)
    return Service(id=id, name=id.title(), industry=industry, depends_on=edges)


CATALOGUE = Catalogue(
    {
        one.id: one
        for one in (
            _service("att", "telecom"),
            _service("mint", "telecom", "t-mobile"),
            _service("shop", "retail"),
            _service("social", "social"),
            _service("t-mobile", "telecom"),
            _service("vendor", "security"),
            _service("verizon", "telecom"),
        )
    }
)
SERVICES = tuple(CATALOGUE.services)
GRAPH = graph(CATALOGUE, SERVICES)


def cleared(excess, beside=None):
    column = np.array([float(excess.get(service, 0.0)) for service in SERVICES])
    own = np.full(len(SERVICES), 0.004)
    judged = bystanders(GRAPH, column, column > 0, own, beside or {})
    return {one.service: one.culprit for one in judged if one.probability >= CLEARED}


@pytest.mark.parametrize("scale", [0.02, 0.001])
def test_carriers_in_the_ratio_of_june_2020_are_cleared(scale: float) -> None:
    reported = {"t-mobile": 113_980 * scale, "verizon": 8_619 * scale, "att": 3_861 * scale}

    assert cleared(reported) == {"verizon": "t-mobile", "att": "t-mobile"}


def test_two_carriers_that_fail_alike_are_not() -> None:
    assert cleared({"t-mobile": 200, "verizon": 150}) == {}


def test_a_carrier_is_cleared_when_a_social_network_vanishes() -> None:
    assert cleared({"social": 2_000, "verizon": 60}) == {"verizon": "social"}


def test_a_carrier_that_fails_with_a_vendor_of_companies_is_not_cleared() -> None:
    named = {("verizon", "vendor"): 20.0}

    assert cleared({"vendor": 2_000, "verizon": 60}, named) == {}


def test_a_brand_on_the_failing_network_is_not_cleared() -> None:
    assert "mint" not in cleared({"t-mobile": 2_000, "mint": 60})


def test_a_shop_is_not_cleared_since_it_may_depend_on_what_fails() -> None:
    assert cleared({"social": 2_000, "shop": 90}) == {}


def test_naming_the_culprit_clears_more() -> None:
    near = {"t-mobile": 400, "verizon": 190}

    assert cleared(near) == {}
    assert cleared(near, {("verizon", "t-mobile"): 80}) == {"verizon": "t-mobile"}


@given(st.lists(st.floats(0, 1e6), min_size=len(SERVICES), max_size=len(SERVICES)))
def test_nobody_is_cleared_for_somebody_smaller(excess: list[float]) -> None:
    reported = dict(zip(SERVICES, excess, strict=True))

    for service, culprit in cleared(reported).items():
        assert reported[service] < reported[culprit]
