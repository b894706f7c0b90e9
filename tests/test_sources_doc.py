"""The examples of docs/sources.md: what is pasted from there works."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from stream.authors import Authors
from stream.cli import app
from stream.configuration import load
from stream.report import decode
from stream.sources.posts import parse
from tests.source_cases import NOW

DOC = Path(__file__).parent.parent / "docs" / "sources.md"
TEXT = DOC.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"))
def test_each_table_is_valid_settings(block: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret of the test\n")
    config = tmp_path / "outcry.toml"
    config.write_text(re.sub(r'"/run/secrets/\w+"', f'"{secret}"', block))

    settings = load(config)

    for name, table in tomllib.loads(block).get("sources", {}).items():
        for key in table:
            assert getattr(getattr(settings.sources, name), key) is not None


def commands() -> list[list[str]]:
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines]


def test_each_command_is_one() -> None:
    found = [words[words.index("outcry") :] for words in commands() if "outcry" in words]

    assert {" ".join(words) for words in found} >= {
        "outcry up --source bluesky",
        "outcry up --source bluesky --source hackernews",
        "outcry up --source http",
    }
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert {words[1] for words in found} <= names


def test_what_curl_sends_is_a_report() -> None:
    (curl,) = (words for words in commands() if words[0] == "curl")

    report = parse(
        curl[curl.index("-d") + 1].encode(), authors=Authors(b"0" * 16), source="http", at="now",
        now=NOW,
    )  # fmt: skip

    assert (report.text, report.country) == ("cannot log in to the bank", "GB")


def test_what_a_kafka_producer_may_write_is_a_report() -> None:
    (block,) = blocks("json")

    assert decode(block.encode()).source == "tickets"


def test_the_tests_that_are_named_exist() -> None:
    there = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TEXT))

    assert len(named) > 15
    assert {name for name in named if f"def {name}(" not in there} == set()
