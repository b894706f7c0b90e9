"""The pages "My stack" and "Back-test": what they compute."""

import json
import re

import pytest

from dashboard import backtest, stack
from models.catalogue import Dependency, Service


def test_a_provider_counts_by_how_much_of_the_stack_is_expected_to_fail() -> None:
    def one(id: str, *edges: tuple[str, float]) -> Service:
        ties = tuple(Dependency(provider=to, strength=strength) for to, strength in edges)
        return Service(id=id, name=id, industry="own", depends_on=ties)

    services = {
        "cloud": one("cloud"),
        "chat": one("chat", ("cloud", 0.9), ("cloud", 0.4)),
        "pay": one("pay", ("cloud", 0.5), ("bank", 0.2)),
    }

    ranked = stack.concentration(["chat", "pay", "cloud"], services)

    assert [(x.provider, round(x.expected, 2)) for x in ranked] == [("cloud", 2.4), ("bank", 0.2)]
    assert ranked[0].dependents == ("chat", "pay")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"a": 1}', b'{"a": {"b": 1}}', b"\xff"])
def test_a_file_that_is_no_back_test_is_refused(body: bytes) -> None:
    with pytest.raises(backtest.BadResult):
        backtest.parsed(body)


def test_the_best_figure_of_each_column_is_marked() -> None:
    rows = {"ours": {"recall": 0.9, "delay_median_minutes": 2}, "z": {"recall": 1.0}}

    drawn = backtest.drawn(backtest.parsed(json.dumps(rows).encode()))

    assert re.findall(r"★ ([\d.]+)", drawn) == ["2", "1"]
