"""How the page starts, what it loads, and who may act on it."""

import os
import subprocess
import sys

import pytest

from dashboard.actor import anonymous, signed_in
from dashboard.environment import Environment, EnvironmentProblem, masked
from detector.actions import Role


def _start(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OUTCRY_")}
    return subprocess.run(
        [sys.executable, "-m", "dashboard"],
        env=kept | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OUTCRY_REDIS__URL": "redis://u:p4ss@127.0.0.1:1/0"}, "redis://…@127.0.0.1:1/0"),
        (
            {"OUTCRY_REDIS__URL": "http://127.0.0.1"},
            "expected an address that starts with redis://",
        ),
        ({"OUTCRY_DASHBOARD__PORT": "eighty"}, "'eighty', expected a port number"),
        ({"OUTCRY_DASHBOARD__LOGIN": "true", "OUTCRY_REDIS__URL": "unix:///none"}, "outcry dash"),
    ],
    ids=["no redis", "no redis address", "no port", "no login"],
)
def test_a_start_that_cannot_work_ends_with_one_line(variables: dict[str, str], said: str) -> None:
    ended = _start(variables)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert "p4ss" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_the_page_never_loads_the_model_or_kafka() -> None:
    pages = ["about", "backtest", "history", "incident", "report", "service", "stack", "__main__"]
    named = ", ".join(f"dashboard.{page}" for page in pages)
    loaded = f"import sys, {named}; print(*sorted(sys.modules))"
    told = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, timeout=60, check=True
    )

    assert not {"spacy", "sklearn", "kafka", "stream"} & set(told.stdout.split())


def test_only_an_address_of_this_machine_without_a_proxy_makes_an_operator() -> None:
    assert anonymous("127.0.0.1", {}).role is Role.OPERATOR
    assert anonymous("0.0.0.0", {}).role is Role.VIEWER
    assert anonymous("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}).role is Role.VIEWER


@pytest.mark.parametrize(
    ("user", "role"),
    [
        ({"email": "Ann@Example.org"}, Role.OPERATOR),
        ({"email": "ann@example.org", "email_verified": True}, Role.OPERATOR),
        ({"email": "ann@example.org", "email_verified": False}, Role.VIEWER),
        ({"email": "bob@example.org"}, Role.VIEWER),
        ({"email": None}, Role.VIEWER),
        ({}, Role.VIEWER),
    ],
)
def test_only_a_listed_address_that_is_vouched_for_makes_an_operator(
    user: dict[str, object], role: Role
) -> None:
    assert signed_in(user, ["ann@example.org", ""]).role is role


def test_a_password_is_never_said() -> None:
    assert masked("rediss://:p@ss@host:1/0") == "rediss://…@host:1/0"
    assert "p4ss" not in repr(Environment(redis_url="redis://:p4ss@host/0"))


@pytest.mark.parametrize("port", ["0", "65536", "-1", "²"])
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    with pytest.raises(EnvironmentProblem, match="expected a port number"):
        Environment.read({"OUTCRY_DASHBOARD__PORT": port})
