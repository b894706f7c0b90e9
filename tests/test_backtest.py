"""A back-test: the same counts for all, one alarm an outage, figures checked by hand."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from detector.tick import Policy
from models.catalogue import Catalogue
from stream.backtest import (
    Alarm,
    BacktestError,
    Outage,
    Run,
    matched,
    read_counts,
    read_truth,
    replayed,
    scored,
    widened,
)
from stream.cli import app
from stream.picture import drawn

AT = datetime(2025, 10, 20, 6, tzinfo=UTC)


def seconds(minutes: float) -> int:
    return int((AT + timedelta(minutes=minutes)).timestamp())


def outage(service: str = "one", start: float = 60, end: float = 120) -> Outage:
    return Outage(
        service=service, start=AT + timedelta(minutes=start), end=AT + timedelta(minutes=end)
    )


def alarm(service: str, start: float, end: float | None = None) -> Alarm:
    return Alarm(service=service, start=seconds(start), end=None if end is None else seconds(end))


@pytest.fixture
def files(tmp_path):
    """Six hours of two services' counts; the first fails in the fifth."""
    rng = np.random.default_rng(4)
    lines = []
    for minute in range(360):
        for service, rate in (("one", 10.0 if 240 <= minute < 300 else 0.5), ("two", 0.3)):
            if n := int(rng.poisson(rate)):
                at = (AT + timedelta(minutes=minute)).isoformat()
                lines.append(json.dumps({"service": service, "at": at, "affected": n}))
    data, truth = tmp_path / "counts.jsonl", tmp_path / "truth.jsonl"
    data.write_text("\n".join(lines) + "\n")
    start, end = AT + timedelta(minutes=240), AT + timedelta(minutes=300)
    fact = {"service": "one", "start": start.isoformat(), "end": end.isoformat()}
    truth.write_text(json.dumps(fact) + "\n")
    return data, truth


def test_outage_is_matched_to_its_first_alarm_and_the_second_is_false():
    run = Run(
        alarms={"ours": [alarm("one", 62, 130), alarm("one", 100, 110), alarm("two", 70)]},
        services=("one", "two"),
        start=seconds(0),
        minutes=525_960,
    )

    figures = scored(run, [outage()])["ours"]

    assert figures["recall"] == 1
    assert figures["precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["delay_median_minutes"] == 2
    assert figures["time_to_resolve_median_minutes"] == 10
    assert figures["false_incidents_per_service_year"] == 1


def test_alarm_of_another_service_or_time_matches_nothing():
    alarms = [alarm("two", 62), alarm("one", 10), alarm("one", 121)]

    assert matched(alarms, [outage()]) == []


def test_counts_give_the_outage_soon_and_nothing_else(files):
    data, truth = files
    names = widened(Catalogue({}), ["one", "two"])

    run = replayed(read_counts(data), names, Policy())

    figures = scored(run, read_truth(truth))
    assert figures["ours"]["recall"] == 1
    assert figures["ours"]["precision"] == 1
    assert figures["ours"]["delay_median_minutes"] < 4
    assert set(figures) > {"ours", "median, MAD", "same-hour multiple"}
    picture = drawn(run, read_truth(truth))
    assert picture.startswith("<svg")
    assert "true outage" in picture


def test_command_prints_one_object(files, tmp_path):
    data, truth = files
    picture = tmp_path / "picture.svg"

    result = CliRunner().invoke(
        app, ["backtest", str(data), "--truth", str(truth), "--json", "--picture", str(picture)]
    )

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["ours"]["recall"] == 1
    assert picture.exists()


def test_bad_line_is_named(tmp_path):
    data = tmp_path / "counts.jsonl"
    data.write_text('{"service": "one", "at": "2025-10-20T06:00:00Z", "affected": -1}\n')

    with pytest.raises(BacktestError, match="line 1"):
        list(read_counts(data))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("", "empty"),
        ("hello", "line 1"),
        ('{"service": "one", "at": "2025-10-20T06:00:00Z", "affected": "many"}', "affected"),
        (
            '{"service": "one", "at": "1970-01-01T00:00:00Z"}\n'
            '{"service": "one", "at": "2025-10-20T06:00:00Z"}',
            "at most 400",
        ),
    ],
)
def test_data_that_cannot_be_used_is_one_line(tmp_path, lines, says):
    data = tmp_path / "data.jsonl"
    data.write_text(lines)

    result = CliRunner().invoke(app, ["backtest", str(data)])

    assert result.exit_code == 2
    assert says in result.stderr.splitlines()[-1]


def test_outage_that_ends_before_it_begins_is_refused(files, tmp_path):
    _, truth = files
    fact = json.loads(truth.read_text())
    truth.write_text(json.dumps(fact | {"start": fact["end"], "end": fact["start"]}))

    with pytest.raises(BacktestError, match="outage 1: ends at"):
        read_truth(truth)
