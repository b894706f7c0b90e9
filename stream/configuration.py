"""Finds, merges and checks the settings, and says in one line what is wrong with them."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import InitSettingsSource, PydanticBaseSettingsSource

from stream.alert_settings import plain_tables
from stream.settings import PREFIX, Settings, SettingsError

DEFAULT_FILE = Path("outcry.toml")
CONFIG = "OUTCRY_CONFIG"
# Names that are no settings: the path of the file itself, and what only the tests read.
_OTHER_NAMES = (CONFIG, "OUTCRY_TEST_")
# What the page is told besides its own section, and the text of all settings that it shows.
_OF_THE_PAGE = ("OUTCRY_REDIS__", "OUTCRY_DASHBOARD__", "OUTCRY_CATALOGUE__", "OUTCRY_DETECTION__")
SHOWN = "OUTCRY_SHOWN_SETTINGS"

Table = Mapping[str, Any]


class SettingField(NamedTuple):
    """One setting: its path in the file and what pydantic knows of it."""

    path: tuple[str, ...]
    info: FieldInfo

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + "__".join(self.path).upper()

    @property
    def secret(self) -> bool:
        """Whether its value may never be shown."""
        return "SecretStr" in repr(self.info.annotation)


def fields(model: type[BaseModel] = Settings, path: tuple[str, ...] = ()) -> Iterator[SettingField]:
    """Every setting, in the order of the file."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from fields(inner, (*path, name))
        else:
            yield SettingField((*path, name), info)


def load(config: Path | None = None, flags: Table | None = None) -> Settings:
    """
    Merge *flags* over the environment over the file over the defaults, and check the result.

    The file is *config*, else the one that ``OUTCRY_CONFIG`` names, else ./outcry.toml if there is
    one. *flags* has the shape of the file. Raises `SettingsError`.
    """
    path = _path(config)
    table = _read(path) if path else {}
    _refuse_unknown_variables()

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[Settings],  # type: ignore[override]
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = InitSettingsSource(settings_cls, init_kwargs=dict(table))
            return init_settings, env_settings, file

    try:
        return Loaded(**(flags or {}))
    except ValidationError as error:
        problems = [_describe(detail, flags or {}, path) for detail in error.errors()]
        raise SettingsError("; ".join(problems)) from error


def effective(settings: Settings) -> dict[str, Any]:
    """*settings* as plain JSON values in the shape of the file, every secret masked."""
    return settings.model_dump(mode="json")


def as_toml(settings: Settings) -> str:
    """*settings* as a file of settings, every secret masked; what is not set is a comment."""
    masked = effective(settings)
    lines: list[str] = []
    table: tuple[str, ...] = ()
    for field in fields():
        if field.path[:-1] != table:
            table = field.path[:-1]
            lines += ["", f"[{'.'.join(table)}]"]
        value: Any = masked
        for name in field.path:
            value = value[name]
        name = field.path[-1]
        lines.append(f"# {name} is not set" if value is None else f"{name} = {_as_toml(value)}")
    return "\n".join(lines[1:])


def _as_toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{name} = {_as_toml(one)}" for name, one in value.items() if one is not None)
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_toml, value))}]"
    return json.dumps(value)


def change(settings: Settings, **sections: Table) -> Settings:
    """Return *settings* with some fields of some sections replaced, unchecked."""
    return settings.model_copy(
        update={
            name: getattr(settings, name).model_copy(update=dict(replaced))
            for name, replaced in sections.items()
        }
    )


def environment(settings: Settings) -> dict[str, str]:
    """
    Return this process's environment for a child that shall have exactly *settings*.

    No file is read by that child. Holds the secrets.
    """
    kept = {name: value for name, value in os.environ.items() if _is_foreign(name)}
    return {**kept, **_variables(settings), CONFIG: os.devnull}


def page_environment(settings: Settings) -> dict[str, str]:
    """
    Return the environment of the page: no secret but the address of Redis.

    The settings in effect go along as a text with every secret masked, to be shown.
    """
    own = environment(settings)
    kept = {name: value for name, value in own.items() if _is_foreign(name)}
    ours = {name: own[name] for name in own if name.startswith(_OF_THE_PAGE)}
    return {**kept, **ours, SHOWN: as_toml(settings)}


def _is_foreign(name: str) -> bool:
    return not name.upper().startswith(PREFIX) or name.upper().startswith("OUTCRY_TEST_")


def _variables(settings: Settings) -> dict[str, str]:
    found = {}
    for field in fields():
        value: Any = settings
        for name in field.path:
            value = getattr(value, name)
        if not field.path[-1].endswith("_file") and value not in (None, ()):
            found[field.variable] = _as_text(value)
    return found


def _path(config: Path | None) -> Path | None:
    named = config or (Path(os.environ[CONFIG]) if os.environ.get(CONFIG) else None)
    if named and (named.is_dir() or not named.exists()):
        raise SettingsError(
            f"no configuration file at {named}; name another by --config or {CONFIG}, "
            "or copy outcry.example.toml there"
        )
    return named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} is not a readable TOML file: {error}; correct it") from error


def _refuse_unknown_variables() -> None:
    known = [field.variable for field in fields()]
    ours = [name for name in os.environ if name.upper().startswith(PREFIX)]
    for name in sorted(ours):
        if name.upper() not in known and not name.upper().startswith(_OTHER_NAMES):
            raise SettingsError(
                f"{name} in the environment is no setting{_nearest(name.upper(), known)}; "
                "unset it, or see outcry.example.toml for the names"
            )


def _describe(detail: ErrorDetails, flags: Table, path: Path | None) -> str:
    where = tuple(str(part) for part in detail["loc"])
    name = ".".join(where)
    origin = _origin(where, flags, path)
    known = [".".join(field.path) for field in fields()]
    if detail["type"] == "extra_forbidden":
        return f"{name} in {origin} is no setting{_nearest(name, known)}; correct or remove it"
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    message = message.replace("String should match", "expected a text that matches")
    if detail["type"] == "value_error" or _holds_secret(where):
        return f"{name} in {origin}: {message}; correct it"
    return f"{name} = {detail['input']!r} in {origin}: {message}; correct it"


def _origin(where: tuple[str, ...], flags: Table, path: Path | None) -> str:
    upper = {name.upper(): name for name in os.environ}
    inside: Any = flags
    for part in where:
        inside = inside.get(part) if isinstance(inside, Mapping) else inside
    if inside is not None:
        return "the command line"
    prefixes = ["__".join(where[:length]).upper() for length in range(len(where), 0, -1)]
    for prefix in prefixes[:2]:
        for name in upper:
            if name == PREFIX + prefix:
                return upper[name]
    return str(path or "the environment")


def _holds_secret(where: tuple[str, ...]) -> bool:
    return any(field.secret and field.path == where[: len(field.path)] for field in fields())


def _nearest(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _as_text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return json.dumps(plain_tables(value))
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
