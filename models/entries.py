"""
Files of services: TOML tables ``[services.<id>]``, checked entry by entry.

Every check gives lines (file, entry, value, what was expected) and none raises, so that a user sees
all mistakes at once. What takes more than one entry to judge is checked in `models.catalogue`.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from models.fold import fold
from models.service import Dependency, Service

SHIPPED = Path(__file__).parent / "services"

Table = Mapping[str, Any]
Check = Callable[[Any], str | None]

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HANDLE = re.compile(r"@[\w.-]{1,99}")
_HASHTAG = re.compile(r"#[^\s#@]{1,99}")
_REGION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_URL = re.compile(r"https?://\S{1,2000}")


def _text(value: Any) -> str | None:
    if isinstance(value, str) and value.strip() and len(value) <= 200:
        return None
    return f"{value!r}: expected a text of 1 to 200 characters"


def _each(valid: Callable[[str], Any], expected: str) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return f"{value!r}: expected a list, each {expected}"
        bad = [item for item in value if not (isinstance(item, str) and valid(item))]
        return f"{bad[0]!r}: expected {expected}" if bad else None

    return check


def _one(valid: Callable[[str], Any], expected: str) -> Check:
    def check(value: Any) -> str | None:
        ok = isinstance(value, str) and valid(value)
        return None if ok else f"{value!r}: expected {expected}"

    return check


def _edges(value: Any) -> str | None:
    if not (isinstance(value, list) and all(isinstance(edge, dict) for edge in value)):
        return f'{value!r}: expected a list of tables like {{provider = "aws", strength = 0.8}}'
    problems = (problem for edge in value for problem in _edge(edge))
    ends = [(edge.get("provider"), edge.get("region")) for edge in value]
    twice = (f"{end!r}: expected once in the list" for end in ends if ends.count(end) > 1)
    return next(problems, None) or next(twice, None)


def _edge(edge: Table) -> Iterator[str]:
    if unknown := sorted(edge.keys() - {"provider", "strength", "region", "evidence"}):
        yield f"{unknown[0]!r}: unknown key, expected provider, strength, region or evidence"
    if not _is_id(edge.get("provider")):
        yield f"provider {edge.get('provider')!r}: expected the id of a service"
    if not _is_share(edge.get("strength")):
        yield f"strength {edge.get('strength')!r}: expected a number above 0 and at most 1"
    for key in ("region", "evidence"):
        if not isinstance(edge.get(key, ""), str):
            yield f"{key} {edge[key]!r}: expected a text"


def _is_share(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 < value <= 1


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _is_name(value: str) -> bool:
    return len(value) <= 100 and any(letter.isalnum() for letter in fold(value))


_names = _each(_is_name, "a name of 1 to 100 characters with a letter or digit")
_FIELDS: dict[str, Check] = {
    "name": _text,
    "industry": _text,
    "aliases": _names,
    "handles": _each(_HANDLE.fullmatch, 'an @ and an account name, like "@awscloud"'),
    "hashtags": _each(_HASHTAG.fullmatch, 'a # and a word, like "#LeagueDown"'),
    "misspellings": _names,
    "ambiguous": _names,
    "context": _names,
    "lookalikes": _names,
    "depends_on": _edges,
    "regions": _each(_REGION.fullmatch, 'a region code in lower case, like "us-east-1"'),
    "products": _names,
    "owner": _one(_is_id, "the id of a service"),
    "status_url": _one(_URL.fullmatch, "an http or https address"),
    "status_kind": _text,
}


def read(path: Path) -> tuple[dict[str, Table], list[str], frozenset[str]]:
    """Read the entries of one file, the problems of those that are left out, and their ids."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, [f"{path}: cannot be read: {error.strerror}"], frozenset()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return {}, [f"{path}: no valid TOML: {error}"], frozenset()
    problems = [
        f"{path}: {key}: unknown key, expected tables [services.<id>]"
        for key in document
        if key != "services"
    ]
    entries = document.get("services", {})
    if not isinstance(entries, dict):
        problems.append(f"{path}: services: {entries!r}: expected tables [services.<id>]")
        return {}, problems, frozenset()
    sound = _sound(path, entries, problems)
    return sound, problems, frozenset(entries.keys() - sound.keys())


def _sound(path: Path, entries: Table, problems: list[str]) -> dict[str, Table]:
    """Keep the entries that are right, and add a line to *problems* for each of the others."""
    sound = {}
    for id, entry in entries.items():
        found = [f"{path}: services.{id}{problem}" for problem in _wrong(id, entry)]
        problems += found
        if not found:
            sound[id] = entry
    return sound


def _wrong(id: str, entry: Any) -> Iterator[str]:
    if not _is_id(id):
        yield ": expected an id of lower-case letters, digits and hyphens, at most 64"
    if not isinstance(entry, dict):
        yield f": {entry!r}: expected a table of fields"
        return
    for key, value in entry.items():
        check = _FIELDS.get(key)
        problem = check(value) if check else f"unknown key, expected one of {', '.join(_FIELDS)}"
        if problem:
            yield f".{key}: {problem}"


def build(id: str, entry: Table) -> Service:
    """Make the service of a sound, merged *entry*; the industry of one without is "other"."""
    edges = tuple(
        Dependency(**{**edge, "strength": float(edge["strength"])})
        for edge in entry.get("depends_on", ())
    )
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    return Service(**{"industry": "other", **fields, "id": id, "depends_on": edges})
