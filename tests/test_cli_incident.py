import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import typer
from pydantic import SecretStr
from redis import Redis

from detector.actions import Actions, Role
from detector.incident_store import IncidentStore
from stream.configuration import change, load
from stream.incident_desk import Desk, span
from tests.alert_cases import ATTACKS, at, explained, opened, resolved, suspect
from tests.outbox import named, write

ENDED = named(resolved(), "20251019T0000-zoom")


@pytest.fixture
def environment(redis: Redis, redis_url: str) -> dict[str, str]:
    write(IncidentStore(redis, "outcry"), explained(), ENDED)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    return kept | {"OUTCRY_REDIS__URL": redis_url, "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": "none:1"}


def incident(*words: str, cwd: Path, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stream", "incident", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def test_an_operator_acts_as_on_the_page_and_all_is_in_the_audit(
    tmp_path: Path, environment: dict[str, str], redis: Redis, redis_url: str
) -> None:
    done = incident("ack", "20251020", "--as", "Jane", cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout) == (0, f"{explained().id}: acknowledged\n"), done.stderr

    found = desk(redis_url)
    jane = found.actor("Jane")
    found.actions.note(explained().id, jane, at(500), "we fail over <!channel>\x1b[31m")
    assert found.line(explained()).endswith("[in hand: Jane]")
    shown = "\n".join(found.lines(explained()))
    assert "Critical, ongoing: Amazon Web Services (us-east-1)" in shown
    assert "Note: we fail over <!channel>[31m (Jane, " in shown
    assert "\x1b" not in shown
    whole = found.as_object(explained(), whole=True)
    assert whole["marks"]["notes"][0]["by"] == "Jane"
    assert json.loads(json.dumps(whole))["id"] == explained().id
    audit = Actions(redis, "outcry").audit()
    assert [(one.what, one.by, one.via) for one in audit] == [
        ("note", "Jane", "cli"),
        ("acknowledged", "Jane", "cli"),
    ]


def test_who_is_no_operator_may_look_but_not_act(
    tmp_path: Path, environment: dict[str, str], redis: Redis
) -> None:
    closed = environment | {"OUTCRY_DASHBOARD__OPERATORS": "jane@example.org"}
    done = incident("false-alarm", explained().id, "--as", "eve", cwd=tmp_path, env=closed)

    assert done.returncode == 1
    assert "expected an operator" in done.stderr
    assert Actions(redis, "outcry").audit() == ()


def test_the_list_ends_with_what_is_held_back(
    tmp_path: Path, environment: dict[str, str], redis: Redis, redis_url: str
) -> None:
    assert desk(redis_url).suspects() is None
    repeats = suspect(service="ring", held=False, why=("90 of 99 posts repeat\x1b[31m",))
    write(IncidentStore(redis, "outcry"), suspects=(repeats, suspect()))

    done = incident("list", cwd=tmp_path, env=environment)

    assert done.stdout.splitlines()[-1] == (
        "held back as suspect: Snapchat (90 of 100 people post the same text, or nearly); "
        "Ring (90 of 99 posts repeat[31m)"
    ), done.stderr


def desk(redis_url: str, **dashboard: object) -> Desk:
    settings = change(load(None, {}), redis={"url": SecretStr(redis_url)}, dashboard=dashboard)
    return Desk.of(settings)


def test_without_operators_only_this_machine_may_act(redis_url: str, redis: Redis) -> None:
    here, listed = desk(redis_url), desk(redis_url, operators=("Jane",))

    assert here.actor(None).role is Role.OPERATOR
    assert here.actor(None).via == "cli"
    assert listed.actor("jane").role is Role.OPERATOR
    assert listed.actor(None).role is Role.VIEWER


def test_an_incident_is_found_by_how_it_begins(redis_url: str, redis: Redis) -> None:
    write(IncidentStore(redis, "outcry"), opened(), ENDED)
    found = desk(redis_url)

    assert found.find(ENDED.id[:10]).id == ENDED.id
    for wrong in ("2025", "", "x", ATTACKS[5]):
        with pytest.raises(typer.BadParameter, match="no single incident"):
            found.find(wrong)


@pytest.mark.parametrize(
    ("text", "length"),
    [("30m", timedelta(minutes=30)), ("1h", timedelta(hours=1)), ("2d", timedelta(days=2))],
)
def test_a_length_is_read(text: str, length: timedelta) -> None:
    assert span(text) == length


@pytest.mark.parametrize("text", ["", "h", "-1h", "1w", "1.5h"])
def test_another_length_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a length"):
        span(text)
