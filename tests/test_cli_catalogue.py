"""`outcry catalogue` and `outcry risk`, as a person runs them."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis

from detector.unknown_store import Mention, UnknownNames
from models.catalogue import Catalogue
from stream.catalogue_entry import Entry, add_line
from stream.data_dir import Running, hold
from tests.test_cli import only_line, outcry


def test_an_added_service_is_shown_with_names_and_edges(tmp_path: Path) -> None:
    words = ("--alias", "Zorb", "--handle", "@zorbly", "--provider", "aws=0.4")
    added = outcry("catalogue", "add", "Zorbly Bank", *words, cwd=tmp_path)
    env = {"OUTCRY_CATALOGUE__FILES": "catalogue.toml"}
    shown = outcry("catalogue", "show", "zorb", cwd=tmp_path, env=env)

    assert added.stdout.splitlines()[0] == "added zorbly-bank to catalogue.toml"
    assert "Zorbly Bank (zorbly-bank), other" in shown.stdout
    assert "handles: @zorbly" in shown.stdout
    assert "depends on aws, 0.40: own knowledge" in shown.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("Netflix",), "in the catalogue already, as Netflix (netflix)"),
        (("Zorbly", "--provider", "nobody"), "'nobody': expected the id of a service"),
        (("Zorbly", "--provider", "aws=much"), "strength 'much': expected a number"),
        (("Zorbly", "--handle", "zorbly"), "'zorbly': expected an @ and an account name"),
        (("Zorbly", "--alias", "Netflix"), "'netflix': is a name of netflix as well"),
    ],
)
def test_what_cannot_be_added_is_one_line_and_leaves_no_file(
    words: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    result = outcry("catalogue", "add", *words, cwd=tmp_path)

    assert result.returncode == 2
    assert expected in only_line(result.stderr)
    assert list(tmp_path.iterdir()) == []


def test_each_wrong_entry_of_an_own_file_is_one_line(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[services.a]\nname = "Loop A"\ndepends_on = [{ provider = "b", strength = 0.5 }]\n'
        '[services.b]\nname = "Loop B"\ndepends_on = [{ provider = "a", strength = 0.5 }]\n'
        '[services.c]\nname = "Zorbly"\naliases = ["Netflix"]\n'
        '[services.d]\naliases = ["an alias of nobody"]\n'
        '[services.e]\nname = "Wrong"\nhandles = ["wrong"]\n'
    )
    result = outcry("catalogue", "check", "own.toml", cwd=tmp_path)

    assert result.returncode == 1
    for expected in (
        "services.a.depends_on: a → b → a: expected no cycle",
        "services.c: 'netflix': is a name of netflix as well",
        "services.d.name: missing",
        "services.e.handles: 'wrong': expected an @",
    ):
        assert sum(expected in line for line in result.stdout.splitlines()) == 1
    assert len(result.stdout.splitlines()) == 4


# --- names outside the catalogue ---


def test_a_name_that_surged_is_listed_with_the_line_that_adds_it(
    tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    at = datetime(2025, 10, 20, 7, 5, tzinfo=UTC)
    names = UnknownNames(redis, "outcry")
    for shown in ("Zorbly Bank", "ゾーブリー"):
        key = shown.lower().replace(" ", "")
        names.add(Mention(event_at=at, author=f"{i:032x}", key=key, shown=shown) for i in range(30))
    names.judge(int(at.timestamp()) + 600)
    env = {"OUTCRY_REDIS__URL": redis_url, "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"}

    listed = outcry("catalogue", "unknown", cwd=tmp_path, env=env)
    rows = json.loads(outcry("catalogue", "unknown", "--json", cwd=tmp_path, env=env).stdout)

    assert len(listed.stdout.splitlines()) == 2, listed.stderr
    assert "outcry catalogue add 'Zorbly Bank'" in listed.stdout
    assert {row["shown"] for row in rows} == {"Zorbly Bank", "ゾーブリー"}


@pytest.mark.parametrize("name", ["Zorbly Bank", "ゾーブリー", 'a"b\\c', "x" * 90, "지라"])
def test_any_name_makes_a_sound_entry(name: str, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(Entry(name, handles=("@zorbly",)).as_toml(), encoding="utf-8")

    (id,) = tomllib.loads(own.read_text("utf-8"))["services"]
    assert Catalogue.load([own], shipped=tmp_path / "none").services[id].name == name


def test_a_line_to_paste_is_quoted() -> None:
    assert add_line("a; rm -rf ~") == "outcry catalogue add 'a; rm -rf ~'"


# --- risk ---


def test_the_risk_of_a_stack_names_the_provider_that_carries_most(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('vendors = ["slack", "Zoom", "Stripe", "zorbly"]')
    result = outcry("risk", "--stack", "stack.toml", cwd=tmp_path)
    found = json.loads(outcry("risk", "--stack", "stack.toml", "--json", cwd=tmp_path).stdout)

    assert "aws" in result.stdout.splitlines()[1]
    assert "aws-2025-10-20" in result.stdout
    assert only_line(result.stderr) == (
        "outcry: 'zorbly' is not in the catalogue; outcry catalogue add zorbly"
    )
    assert found["vendors"] == ["slack", "stripe", "zoom"]
    assert found["unknown"] == ["zorbly"]
    assert found["concentration"][0]["provider"] == "aws"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "stack.toml: No such file"),
        ("vendors = [", "no valid TOML"),
        ("vendors = []", "is empty"),
        ("vendors = [3]", 'expected vendors = ["slack", "stripe"]'),
        ('vendors = ["zorbly"]', "not in the catalogue: zorbly"),
    ],
)
def test_a_wrong_stack_is_one_line(text: str | None, expected: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "stack.toml").write_text(text)
    result = outcry("risk", "--stack", "stack.toml", cwd=tmp_path)

    assert result.returncode == 2
    assert expected in only_line(result.stderr)


def test_the_stack_of_the_settings_counts_where_none_is_given(tmp_path: Path) -> None:
    env = {"OUTCRY_STACK__VENDORS": "slack,zoom"}
    found = json.loads(outcry("risk", "--json", cwd=tmp_path, env=env).stdout)

    assert found["vendors"] == ["slack", "zoom"]
    assert "no vendors" in only_line(outcry("risk", cwd=tmp_path).stderr)


# --- which Redis ---


def test_who_reads_finds_the_only_replay_that_runs_and_its_keys(
    tmp_path: Path, redis: Redis, redis_url: str
) -> None:
    at = datetime(2025, 10, 20, 7, 5, tzinfo=UTC)
    names = UnknownNames(redis, "outcry.replay-x")
    names.add(
        Mention(event_at=at, author=f"{i:032x}", key="zorbly", shown="Zorbly") for i in range(30)
    )
    names.judge(int(at.timestamp()) + 600)

    with hold(tmp_path / "outcry-data" / "replay-x") as held:
        held.say(Running(pid=1, kafka="127.0.0.1:9", redis=redis_url, prefix="outcry.replay-x"))
        listed = outcry("catalogue", "unknown", cwd=tmp_path)

    assert "outcry catalogue add Zorbly" in only_line(listed.stdout)
