"""
How well names outside the catalogue are found.

A share of the catalogue is taken out, and its services must be found again: as names in the
held-out posts of the corpus, and as surges in the posts of a scenario.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from detector.unknown import SPAN, Named, Past, Surge, judged
from models.catalogue import Catalogue, Service
from models.examples import CORPUS, Example, read
from models.fold import fold
from models.mentions import Matcher
from models.unknown import Unknown, letters
from stream.sources.scenario import load_scenario

_REMOVED = 0.3
_SEEN = 15  # authors who name a service beside words of outage, from which it ought to be found


@dataclass(frozen=True, slots=True)
class _World:
    """A catalogue with some services taken out, and by what key each of these is found."""

    matcher: Matcher
    unknown: Unknown
    removed: Mapping[str, str]


def bench_unknown(scenarios: Sequence[str], *, seed: int = 0) -> dict[str, Any]:
    """Measure on the held-out corpus, and on each of *scenarios*; what it costs: `models.bench`."""
    known = Catalogue.load()
    world = _world(known, seed)
    posts = [post for path in sorted((CORPUS / "held_out").glob("*.jsonl")) for post in read(path)]
    return {
        "held_out": _held_out(posts, known, world),
        "scenarios": {name: _scenario(name, world) for name in scenarios},
    }


def _world(known: Catalogue, seed: int) -> _World:
    draw = random.Random(seed)
    gone = {id for id in known.services if draw.random() < _REMOVED}
    left = {
        id: replace(
            service, depends_on=tuple(e for e in service.depends_on if e.provider not in gone)
        )
        for id, service in known.services.items()
        if id not in gone
    }
    catalogue = Catalogue(left)
    keys = {key: id for id in sorted(gone) for key in _keys(known.services[id])}
    return _World(Matcher(catalogue), Unknown(catalogue), keys)


def _keys(service: Service) -> Iterable[str]:
    names = (service.name, *service.aliases, *service.ambiguous, *service.misspellings)
    handles = (handle[1:] for handle in service.handles)
    return (letters(fold(name)) for name in (service.id, *names, *handles))


def _held_out(posts: Sequence[Example], known: Catalogue, world: _World) -> dict[str, Any]:
    """Of the reports on services taken out, the share whose name is found; names that are wrong."""
    n_reports = n_found = n_right = n_names = 0
    gone = set(world.removed.values())
    for post in posts:
        if world.matcher.find(post.text).mentions:
            continue
        said = {letters(fold(label.service)) for label in post.labels}
        found = {world.removed.get(one.key, one.key) for one in world.unknown.names(post.text)}
        down = (known.find(label.service) for label in post.labels if label.is_down)
        wanted = {service.id for service in down if service and service.id in gone}
        n_names += len(found)
        n_right += len(found & (gone | said))
        n_reports += bool(wanted)
        n_found += bool(found & wanted)
    return {
        "reports": n_reports,
        "found": n_found,
        "recall": round(n_found / max(n_reports, 1), 3),
        "names": n_names,
        "precision": round(n_right / max(n_names, 1), 3),
    }


def _scenario(name: str, world: _World) -> dict[str, Any]:
    """Which of the services that failed, and were taken out, surge as names; what else does."""
    scenario = load_scenario(name)
    failed = {truth.service for truth in scenario.truth} & set(world.removed.values())
    spans: defaultdict[int, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    authors: defaultdict[str, set[str]] = defaultdict(set)
    for report in scenario.reports():
        if report.repost_of or report.service or world.matcher.find(report.text).mentions:
            continue
        start = int(report.posted_at.timestamp()) // SPAN * SPAN
        for one in world.unknown.names(report.text):
            spans[start][one.key].add(report.author)
            authors[world.removed.get(one.key, "")].add(report.author)
    surged = _surged(spans)
    found = {world.removed[key] for key in surged if key in world.removed}
    often = {service for service in failed if len(authors[service]) >= _SEEN}
    return {
        "failed": len(failed),
        "named often": len(often),
        "found": len(found & failed),
        "found of those named often": len(found & often),
        "other names": sorted(key for key in surged if key not in world.removed),
    }


def _surged(spans: Mapping[int, Mapping[str, set[str]]]) -> set[str]:
    past, keys = Past(), set[str]()
    surges: tuple[Surge, ...] = ()
    for start in range(min(spans, default=0), max(spans, default=0) + 1, SPAN):
        named = [Named(key=k, shown=k, authors=len(who)) for k, who in sorted(spans[start].items())]
        past, surges = judged(past, surges, start, named)
        keys |= {one.key for one in surges}
    return keys
