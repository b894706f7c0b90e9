import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from stream.author_key import author_key
from stream.configuration import (
    as_toml,
    change,
    effective,
    environment,
    fields,
    load,
)
from stream.settings import SettingsError

EXAMPLE = Path(__file__).parent.parent / "outcry.example.toml"
SECRET = "xoxb-never-to-be-seen"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OUTCRY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_anything_the_defaults_hold() -> None:
    settings = load()

    assert settings.kafka.bootstrap_servers == ()
    assert settings.kafka.topic == "outcry.reports"
    assert settings.redis.url.get_secret_value() == ""
    assert settings.dashboard.port == 8501


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(
        tmp_path / "o.toml", '[kafka]\ntopic = "file"\ngroup_id = "file"\npartitions = 7'
    )
    monkeypatch.setenv("OUTCRY_KAFKA__TOPIC", "variable")
    monkeypatch.setenv("OUTCRY_KAFKA__GROUP_ID", "variable")

    kafka = load(path, {"kafka": {"topic": "flag"}}).kafka

    assert (kafka.topic, kafka.group_id, kafka.partitions) == ("flag", "variable", 7)
    assert kafka.dead_letter_topic == "outcry.deadletter"


def test_the_file_is_the_named_one_else_that_of_the_variable_else_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "outcry.toml", '[redis]\nprefix = "here"')
    assert load().redis.prefix == "here"

    other = written(tmp_path / "other.toml", '[redis]\nprefix = "variable"')
    monkeypatch.setenv("OUTCRY_CONFIG", str(other))
    assert load().redis.prefix == "variable"

    named = written(tmp_path / "named.toml", '[redis]\nprefix = "named"')
    assert load(named).redis.prefix == "named"


def test_lists_are_written_with_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTCRY_KAFKA__BOOTSTRAP_SERVERS", "a:9092, b:9093")
    monkeypatch.setenv("OUTCRY_CATALOGUE__FILES", "one.toml,two.toml")

    settings = load()

    assert settings.kafka.bootstrap_servers == ("a:9092", "b:9093")
    assert settings.catalogue.files == (Path("one.toml"), Path("two.toml"))


def test_an_empty_variable_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTCRY_KAFKA__PARTITIONS", "")

    assert load().kafka.partitions == 4


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().redis.prefix = "other"


BAD_FILES = {
    "unknown table": ("[kafak]\ntopic = 'x'", "kafak in .* is no setting"),
    "unknown field": ("[kafka]\ntopics = 'x'", r"kafka\.topics in .*did you mean kafka\.topic\?"),
    "wrong type": ("[kafka]\npartitions = 'many'", "kafka.partitions = 'many' in .*valid integer"),
    "too small": (
        "[kafka]\npartitions = 0",
        "kafka.partitions = 0 in .*greater than or equal to 1",
    ),
    "topic name": ("[kafka]\ntopic = 'a b'", "kafka.topic = 'a b' in .*matches"),
    "no port": ("[kafka]\nbootstrap_servers = ['localhost']", "'localhost' in .*matches"),
    "half a login": ("[kafka]\nsecurity_protocol = 'SASL_SSL'", "also needs sasl_mechanism"),
    "not redis": ("[redis]\nurl = 'http://x'", "redis.url in .*starts with redis://"),
    "budget": ("[detection]\nfalse_incidents_per_service_year = 0", "greater than 0"),
    "port": ("[dashboard]\nport = 70000", "dashboard.port = 70000 in .*65535"),
    "token alone": ("[alerts.slack]\nbot_token = 'x'", "bot_token is set without channel"),
    "two slacks": (
        "[alerts.slack]\nbot_token = 'x'\nchannel = 'c'\nwebhook_url = 'https://h'",
        "both set; expected one",
    ),
    "secret twice": ("[redis]\nurl = 'redis://a'\nurl_file = '/dev/null'", "both set"),
    "secret file": ("[redis]\nurl_file = 'absent'", "url_file 'absent' is not readable"),
    "short key": ("[privacy]\nauthor_key = 'short'", "privacy.author_key in .*at least 16"),
    "no TOML": ("[kafka\n", "not a readable TOML file"),
}


@pytest.mark.parametrize(("text", "expected"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_in_one_line_that_names_it(
    text: str, expected: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "bad.toml", text)

    with pytest.raises(SettingsError, match=expected) as caught:
        load(path)

    assert "\n" not in str(caught.value)
    assert "bad.toml" in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"no configuration file at .*absent\.toml; name another"
    ):
        load(tmp_path / "absent.toml")


@pytest.mark.parametrize("name", ["OUTCRY_TOPIC", "OUTCRY_KAFKA__TOPICS", "outcry_kafka__topics"])
def test_an_unknown_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "x")

    with pytest.raises(SettingsError, match=f"{name} in the environment is no setting"):
        load()


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTCRY_DASHBOARD__PORT", "eighty")

    with pytest.raises(
        SettingsError, match=r"dashboard\.port = 'eighty' in OUTCRY_DASHBOARD__PORT"
    ):
        load()


@pytest.mark.parametrize(
    "flags",
    [
        {"alerts": {"slack": {"bot_token": SECRET}}},
        {"redis": {"url": SECRET}},
        {"alerts": {"slack": {"bot_token": [SECRET], "channel": "c"}}},
    ],
    ids=["incomplete", "malformed", "of the wrong type"],
)
def test_no_error_shows_a_secret(flags: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(flags=flags)

    assert SECRET not in str(caught.value)


def test_secrets_come_from_files_and_are_shown_nowhere(tmp_path: Path) -> None:
    token = written(tmp_path / "token", SECRET + "\n")
    settings = load(flags={"alerts": {"slack": {"bot_token_file": str(token), "channel": "#c"}}})

    assert settings.alerts.slack.bot_token is not None
    assert settings.alerts.slack.bot_token.get_secret_value() == SECRET
    assert SECRET not in repr(settings)
    assert SECRET not in json.dumps(effective(settings))
    assert SECRET not in as_toml(settings)


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    settings = load(flags={"kafka": {"bootstrap_servers": ["a:1"]}, "ingest": {"workers": 3}})

    again = load(written(tmp_path / "printed.toml", as_toml(settings)))

    assert again.model_dump() == settings.model_dump()


def test_a_child_gets_exactly_these_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = written(tmp_path / "token", SECRET)
    text = f'[alerts.slack]\nbot_token_file = "{token}"\nchannel = "c"\n[redis]\nprefix = "p"'
    written(tmp_path / "outcry.toml", text)
    settings = change(load(), kafka={"bootstrap_servers": ("a:1", "b:2")}, redis={"prefix": "q"})

    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    child = load()

    assert child.kafka == settings.kafka
    assert child.redis.prefix == "q"
    assert child.alerts.slack.bot_token == settings.alerts.slack.bot_token


def test_the_author_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    settings = load(flags={"up": {"data_dir": str(tmp_path / "data")}})

    key = author_key(settings)

    assert len(key) >= 32
    assert author_key(settings) == key
    assert stat.S_IMODE((tmp_path / "data" / "author.key").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["author.key"]


def test_a_configured_author_key_is_taken() -> None:
    settings = load(flags={"privacy": {"author_key": "0123456789abcdef"}})

    assert author_key(settings) == b"0123456789abcdef"


def test_a_data_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    settings = load(flags={"up": {"data_dir": str(tmp_path / "file" / "data")}})

    with pytest.raises(SettingsError, match=r"no author key at .*Not a directory"):
        author_key(settings)


def test_kafka_gets_the_names_of_kafka_python() -> None:
    login = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "u",
        "sasl_password": SECRET,
        "ssl_cafile": "/ca.pem",
    }

    assert load(flags={"kafka": login}).kafka.security() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": SECRET,
        "ssl_cafile": "/ca.pem",
    }


def example_fields() -> list[tuple[str, ...]]:
    """The fields in outcry.example.toml, in order, each checked to have a comment above it."""
    found: list[tuple[str, ...]] = []
    table: tuple[str, ...] = ()
    above = ""
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if header := re.fullmatch(r"\[([a-z.]+)\]", line):
            table = tuple(header[1].split("."))
        elif field := re.match(r"(?:# )?([a-z_]+) = ", line):
            assert above.startswith("# "), f"{field[1]} has no comment"
            assert not re.match(r"# [a-z_]+ = ", above), f"{field[1]} has no comment of its own"
            found.append((*table, field[1]))
        above = line
    return found


def test_the_example_has_every_setting_and_no_other_in_the_same_order() -> None:
    assert example_fields() == [field.path for field in fields()]


def test_the_example_shows_the_defaults() -> None:
    assert load(EXAMPLE).model_dump() == load().model_dump()


def test_each_example_that_is_commented_out_is_valid(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    for line in re.findall(r"^# ([a-z_]+ = .*)$", text, re.MULTILINE):
        assert tomllib.loads(line)
