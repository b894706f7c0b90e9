import io
import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from detector.incidents import Incident, Status, Step
from stream.alerts.channel import AlertError
from stream.alerts.terminal import Terminal
from tests.alert_cases import (
    ATTACKS,
    CATALOGUE,
    after,
    alert,
    at,
    explained,
    incidents,
    opened,
    sample,
)

PAGE = "http://127.0.0.1:8501"


def printed(*story: Incident, terminal: bool = False, encoding: str = "utf-8") -> str:
    """Return what the terminal channel prints for *story*."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    console = Console(file=file, width=80, force_terminal=terminal)
    channel = Terminal(CATALOGUE, PAGE, console)
    for incident in story:
        assert channel.send(alert(incident), "kept") == "kept"
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding)


def test_an_opened_incident_is_printed_whole() -> None:
    lines = printed(explained()).splitlines()

    assert lines[1].startswith("[SYNTHETIC] 🚨 Critical, ongoing: Amazon Web Services")
    labels = [line[:13].strip() for line in lines[2:] if line[:13].strip()]
    assert labels == [
        "Since",
        "How sure",
        "How big",
        "Affected",
        "People say",
        "Cause",
        "Symptoms",
        "Regions",
        "Page",
    ]
    assert lines[-1].endswith(f"{PAGE}/?incident={explained().id}")


def test_the_steps_between_take_a_few_lines() -> None:
    confirmed = after(opened(), Step.CONFIRMED, at(6), status=Status.ONGOING, detail="still high")

    assert printed(confirmed).splitlines() == [
        "[SYNTHETIC] 🟠 Major, ongoing: Snapchat is failing",
        "             06:55 UTC · Confirmed: still high",
        "             31 reports in 6 min, normally under 1",
    ]


def test_a_merger_takes_one_line() -> None:
    merged = after(opened(), Step.RESOLVED, at(9), status=Status.RESOLVED, detail="merged into x")

    assert printed(merged) == "[SYNTHETIC] ➡️ Now part of x: Snapchat\n"


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[" in printed(opened(), terminal=True)
    assert "\x1b" not in printed(opened())


def test_no_line_ends_in_blanks_and_long_ones_are_folded_under_their_label() -> None:
    lines = printed(explained()).splitlines()

    assert all(line == line.rstrip() for line in lines)
    assert all(len(line) <= 80 for line in lines if line.startswith(" "))


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_post_cannot_move_the_cursor_or_colour_the_screen(attack: str) -> None:
    hostile = replace(opened(), samples=(sample(attack, attack, source=attack),))

    plain = printed(after(hostile, Step.OPENED, at(3), detail=attack))

    assert not [one for one in plain if ord(one) < 32 and one != "\n"]
    assert not set(plain) & set("\x7f\x9b\u202e\u2066\u202c")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_output_of_any_encoding_gets_the_message(encoding: str) -> None:
    text = printed(explained(), encoding=encoding)

    assert "Critical, ongoing: Amazon Web Services (us-east-1) very likely failing" in text


def test_a_closed_output_is_refused_for_good() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    file = os.fdopen(writer, "w")
    channel = Terminal(CATALOGUE, PAGE, Console(file=file, width=80))

    for _ in range(2):
        with pytest.raises(AlertError, match="BrokenPipeError") as caught:
            channel.send(alert(opened()), None)
        assert not caught.value.retryable
    with pytest.raises(BrokenPipeError):
        file.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(incidents)
def test_any_incident_can_be_printed(incident: Incident) -> None:
    text = printed(incident)

    assert text
    assert not [one for one in text if ord(one) < 32 and one != "\n"]
