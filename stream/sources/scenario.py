"""
Scenarios: sourced facts of a past outage in TOML, from which synthetic posts are generated.

Nobody has published the posts of the big outages. Whatever comes out of here carries
``synthetic=True`` and the source ``scenario``; no claim of accuracy may rest on it alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cache, cached_property
from pathlib import Path

import msgspec

from models.catalogue import Catalogue
from stream.report import Report
from stream.sources.phrases import Phrases, load_phrases
from stream.sources.script import Cast, Character, Script, Standing

DIRECTORY = Path(__file__).parent.parent / "scenarios"
CAST = DIRECTORY / "cast"
# What the generator fills in: a service, its handle, its hashtag, another service, the provider.
WORDS = frozenset({"X", "H", "T", "Y", "P"})
ON_FAILURES = ("complaint", "question", "reply", "joke", "blame", "cause", "elsewhere", "recovered")
AROUND_THEM = ("mention", "single", "own", "news", "bot", "noise")

GENRES = {
    "airline": "travel",
    "betting": "bet",
    "education": "school",
    "finance": "bank",
    "fitness": "fitness",
    "gaming": "game",
    "government": "gov",
    "messaging": "signal",
    "retail": "shop",
    "smart-home": "home",
    "streaming": "video",
    "telecom": "telecom",
    "work": "work",
}


class ScenarioError(Exception):
    """A scenario is unknown or wrong; the message names it, and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What was planted: *service* fails in [start, end), because of *cause*."""

    service: str
    start: datetime
    end: datetime
    cause: str | None
    standing: Standing


@dataclass(frozen=True)
class Scenario:
    """A script with its cast: the services that are talked about, and how each language talks."""

    script: Script
    cast: dict[str, Character]
    phrases: dict[str, Phrases]

    def at(self, clock: time) -> datetime:
        """Return *clock* of the scenario's day as an instant."""
        return datetime.combine(self.script.date, clock, UTC)

    @cached_property
    def truth(self) -> tuple[Truth, ...]:
        """What was planted, by start and service; a service that fails twice is there twice."""
        planted = (
            Truth(
                service=row.service,
                start=self.at(row.start),
                end=self.at(row.end),
                cause=self.script.provider,
                standing=row.standing,
            )
            for group in self.script.truth
            for row in group.rows
        )
        return tuple(sorted(planted, key=lambda truth: (truth.start, truth.service)))

    def reports(self) -> Iterator[Report]:
        """Yield the synthetic posts in event-time order: the same, byte for byte, each time."""
        from stream.sources.synthesis import synthesise  # it needs NumPy, and this module does not

        return synthesise(self)


def known_scenarios() -> tuple[str, ...]:
    """Return the names of the shipped scenarios."""
    return tuple(sorted(path.stem for path in DIRECTORY.glob("*.toml")))


def load_scenario(name_or_path: str) -> Scenario:
    """Load a shipped scenario by its name, or any by its TOML file; raises `ScenarioError`."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in known_scenarios():
            raise ScenarioError(
                f"no scenario {name_or_path!r}; there are: {', '.join(known_scenarios())}; "
                "or give a .toml, .jsonl or .jsonl.gz file"
            )
        path = DIRECTORY / f"{name_or_path}.toml"
    try:
        script = msgspec.toml.decode(path.read_bytes(), type=Script)
        cast = msgspec.toml.decode((CAST / "services.toml").read_bytes(), type=Cast).services
        cast |= _extras(script, cast)
        languages = {language for shares in script.languages.values() for language in shares}
        phrases = {language: load_phrases(CAST, language) for language in sorted(languages)}
    except OSError as error:
        raise ScenarioError(f"cannot read scenario {path}: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {path}: {error}") from error
    scenario = Scenario(script, cast, phrases)
    if problems := list(_problems(scenario)):
        raise ScenarioError(f"scenario {path}: " + "; ".join(problems))
    return scenario


def _named(script: Script) -> set[str]:
    """Ids of all services that the script speaks of."""
    named = {row.service for group in script.truth for row in group.rows}
    named |= {rumour.service for spill in script.spillover for rumour in spill.rows}
    named |= {post.service for post in script.official}
    named |= {talk.service for talk in script.chatter}
    named |= {service for campaign in script.campaign for service in campaign.services}
    return named | ({script.provider} if script.provider else set())


@cache
def _shipped() -> Catalogue:
    # A second to read, and asked for by nearly every scenario.
    return Catalogue.load()


def _extras(script: Script, cast: Mapping[str, Character]) -> dict[str, Character]:
    """Characters of the services that only the catalogue knows: posts use their plain name."""
    wanted = sorted(_named(script) - cast.keys())
    if not wanted:
        return {}
    services = _shipped().services
    return {
        id: Character(names=[services[id].name], genre=GENRES.get(services[id].industry, "any"))
        for id in wanted
        if id in services
    }


def _problems(scenario: Scenario) -> Iterator[str]:
    script = scenario.script
    rows = [row for group in script.truth for row in group.rows]
    for service in sorted(_named(script) - scenario.cast.keys()):
        yield f"service {service!r} is not in cast/services.toml, nor in the catalogue"
    for row in rows:
        if not script.start <= row.start < row.end <= script.end:
            yield f"{row.service}: start {row.start} and end {row.end} are not in order, or outside"
    waves = {wave.id for wave in script.waves}
    for name in sorted({name for group in script.truth for name in group.waves} - waves):
        yield f"unknown wave {name!r}"
    for wave in script.waves:
        times = [at for at, _ in wave.shape]
        if len(times) < 2 or times != sorted(set(times)):
            yield f"wave {wave.id!r}: expected at least two points in the order of time"
    for language, phrases in scenario.phrases.items():
        if missing := sorted({*ON_FAILURES, *AROUND_THEM} - phrases.voices.keys()):
            yield f"cast/{language}.toml has no voices {', '.join(missing)}"
        if unknown := phrases.problems(WORDS):
            yield f"cast/{language}.toml has no slots {', '.join(unknown)}"
