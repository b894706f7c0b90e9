import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

OUTCRY = (sys.executable, "-m", "stream")
COMMANDS = ("up", "ingest", "watch", "dashboard", "source", "check", "train", "evaluate", "config")


def outcry(
    *words: str, cwd: Path, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OUTCRY_")}
    return subprocess.run(
        [*OUTCRY, *words], cwd=cwd, env={**kept, **(env or {})}, capture_output=True, text=True
    )


def only_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_help_names_every_command(tmp_path: Path) -> None:
    result = outcry("--help", cwd=tmp_path)

    assert result.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


def test_help_loads_nothing_that_is_slow(tmp_path: Path) -> None:
    slow = ("pydantic", "kafka", "redis", "spacy", "sklearn", "numpy", "structlog", "slack_sdk")
    program = (
        "import sys; from stream.cli import app\n"
        "try: app(['--help'])\n"
        f"except SystemExit: print([name for name in {slow!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("train", "evaluate")])
def test_every_command_has_help(command: str, tmp_path: Path) -> None:
    result = outcry(command, "--help", cwd=tmp_path)

    assert result.returncode == 0
    assert "Usage: " in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--config", "absent.toml", "config"], "no configuration file at absent.toml"),
        (["up", "--workers", "0"], "ingest.workers = 0 in the command line"),
        (["ingest"], "kafka.bootstrap_servers is not set and no `outcry up` runs in outcry-data"),
        (["watch"], "kafka.bootstrap_servers is not set"),
        (["dashboard"], "kafka.bootstrap_servers is not set"),
        (["source", "file", "x.jsonl"], "kafka.bootstrap_servers is not set"),
        (["up", "--source", "carrier-pigeon:x"], "'carrier-pigeon:x' is no source"),
        (["up", "--replay", "absent.jsonl"], "absent.jsonl"),
        (["up", "--replay", "atlantis"], "atlantis"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_setting_or_environment_is_one_line_and_exit_code_2(
    words: list[str], expected: str, tmp_path: Path
) -> None:
    result = outcry(*words, cwd=tmp_path)

    assert result.returncode == 2, result.stderr
    assert only_line(result.stderr).startswith("outcry: ")
    assert expected in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "words", [["no-such-command"], ["up", "--no-such-option"], ["up", "--until-done"]]
)
def test_a_wrong_option_is_exit_code_2(words: list[str], tmp_path: Path) -> None:
    result = outcry(*words, cwd=tmp_path)

    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_an_unreachable_broker_is_one_line_within_15_seconds(
    tmp_path: Path, redis_url: str
) -> None:
    env = {"OUTCRY_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9", "OUTCRY_REDIS__URL": redis_url}
    began = time.monotonic()
    result = outcry("source", "file", "x.jsonl", cwd=tmp_path, env=env)

    assert result.returncode == 2
    assert "127.0.0.1:9" in only_line(result.stderr)
    assert time.monotonic() - began < 15


def test_an_unreachable_redis_is_one_line_without_its_password(tmp_path: Path, kafka: str) -> None:
    env = {
        "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "OUTCRY_REDIS__URL": "redis://user:hunter2@127.0.0.1:9/0",
    }
    result = outcry("watch", cwd=tmp_path, env=env)

    assert result.returncode == 2, result.stderr
    assert "Redis at 127.0.0.1:9 does not answer" in only_line(result.stderr)
    assert "hunter2" not in result.stderr


def test_config_prints_one_object_with_secrets_masked(tmp_path: Path) -> None:
    env = {"OUTCRY_REDIS__URL": "redis://:hunter2@h:1/0", "OUTCRY_UP__DATA_DIR": "there"}
    result = outcry("config", "--json", cwd=tmp_path, env=env)

    found = json.loads(result.stdout)
    assert found["up"]["data_dir"] == "there"
    assert "hunter2" not in result.stdout


def test_check_says_what_is_right_and_what_is_wrong(
    tmp_path: Path, kafka: str, topic: str, redis_url: str
) -> None:
    env = {
        "OUTCRY_KAFKA__BOOTSTRAP_SERVERS": kafka,
        "OUTCRY_KAFKA__TOPIC": topic,
        "OUTCRY_REDIS__URL": redis_url,
        "OUTCRY_MODEL__PATH": str(tmp_path / "absent"),
    }
    result = outcry("check", "--json", cwd=tmp_path, env=env)

    found = json.loads(result.stdout)
    assert result.returncode == 1
    assert {name for name, one in found.items() if not one["ok"]} == {"model"}
    assert "4 partitions" in found["kafka"]["detail"]
    assert "absent" in found["model"]["detail"]


def test_check_without_anything_configured_finds_the_shipped_parts(tmp_path: Path) -> None:
    result = outcry("check", cwd=tmp_path)

    assert result.returncode == 0, result.stdout
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())
