"""
The ordinary weeks before a scenario: what a detector that is not new has learnt by then.

A scenario begins an hour or two before its outage, and a detector that knows its services no longer
than that is guarded against false incidents. The past passes in steps of an hour, by counts drawn
at random: in all as many reports and mentions as the scenario's own posts bring before anything
fails, by the hour of the day, and parted among the services by their fame. Who posts regularly has
been heard of by then. Nothing of the outage goes into it, and nothing is learnt of who depends on
whom.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

import numpy as np

from detector import baseline, learning, share, surge
from detector.baseline import HOUR, Floats
from detector.batch import Accepted
from detector.bucket import WIDTH, Bucket
from detector.past import lived
from detector.seasons import WEEK_HOURS
from detector.state import State, initial
from detector.texts import Texts, count_once
from stream.sources.crowd import diurnal
from stream.sources.scenario import Scenario
from stream.sources.synthesis import BY_REGULARS, REGULARS, person
from stream.tally import counted

_BUCKETS = HOUR // WIDTH
_MINUTES = 60
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """Reports and mentions in an hour of middling talk when nothing fails, by service."""

    reports: Floats
    mentions: Floats


def accustomed(
    scenario: Scenario, entries: Sequence[Accepted], services: Sequence[str], weeks: int
) -> tuple[State, Sequence[Bucket]]:
    """
    Return the state before the first of *entries* after so many ordinary *weeks*, 0 for none, and
    their buckets, in which only those are newcomers who were not heard of in those weeks.

    The same scenario gives the same past.
    """
    buckets = list(counted(entries))
    begin = buckets[0].start
    state = initial(services, begin)
    if not weeks:
        return state, buckets
    usual = ordinary(scenario, buckets, state.services)
    draw = np.random.RandomState(scenario.script.seed)
    hours = range(begin // HOUR - weeks * WEEK_HOURS, begin // HOUR)
    state = _lived(state, usual, hours, draw)
    met = _met(scenario, usual, len(hours), draw)
    said = float(usual.reports.sum()) * WEEK_HOURS
    new = 1 - BY_REGULARS * len(met) / REGULARS
    heard = replace(state.crowd, usual=np.array((said, said * new)))
    return replace(state, crowd=heard), list(counted(entries, met))


def _lived(state: State, usual: Ordinary, hours: range, draw: np.random.RandomState) -> State:
    """Let *hours*, counted from 1970, pass up to the state's next bucket."""
    base = baseline.cold(len(state.services), hours.start * HOUR)
    reports, mentions = np.zeros_like(usual.reports), np.zeros_like(usual.mentions)
    by_hour = diurnal(np.arange(24, dtype=np.float64) + 0.5).tolist()
    for hour in hours:
        talk = by_hour[hour % 24]
        mean = usual.reports[:, None] * talk / _MINUTES
        minutes = draw.poisson(mean, (len(mean), _MINUTES)).astype(np.float64)
        base = lived(base, hour * HOUR, minutes)
        keep = share.KEEP**_BUCKETS
        reports = reports * keep + minutes.sum(axis=1)
        mentions = mentions * keep + draw.poisson(usual.mentions * talk)
    base = learning.advanced(base, state.next_start)
    test = surge.cold(base, state.next_start)
    return replace(
        state,
        baseline=base,
        surge=replace(test, share_affected=reports, share_mentioned=mentions),
    )


def _met(
    scenario: Scenario, usual: Ordinary, n_hours: int, draw: np.random.RandomState
) -> tuple[str, ...]:
    """Draw the regulars who have named a service in so many hours."""
    posts = float(usual.reports.sum() + usual.mentions.sum()) * n_hours
    by_them = posts * (1 - scenario.script.crowd.again_share) * BY_REGULARS
    met = draw.random_sample(REGULARS) < 1 - np.exp(-by_them / REGULARS)
    return tuple(person(number) for number in np.flatnonzero(met).tolist())


def ordinary(scenario: Scenario, buckets: Sequence[Bucket], services: Sequence[str]) -> Ordinary:
    """Measure by the *buckets* before anything fails; services that nobody plays are not named."""
    cast = scenario.cast
    fame = np.array([cast[s].mentions if s in cast else 0.0 for s in services])
    quiet = list(_quiet(buckets, _disturbed_at(scenario).timestamp()))
    starts = np.array([bucket.start for bucket in quiet], np.float64)
    hours = float(diurnal(starts % _DAY / HOUR).sum()) / _BUCKETS
    part = fame / max(fame.sum() * hours, 1e-9)
    return Ordinary(
        reports=part * sum(_total(bucket.affected) for bucket in quiet),
        mentions=part * sum(_total(bucket.mentioned) for bucket in quiet),
    )


def _quiet(buckets: Sequence[Bucket], end: float) -> Iterator[Bucket]:
    """Yield the buckets before *end*, a copied text once, as the detector counts them."""
    texts: Texts = {}
    for raw in takewhile(lambda bucket: bucket.start < end, buckets):
        bucket, texts = count_once(raw, texts)
        yield bucket


def _disturbed_at(scenario: Scenario) -> datetime:
    """Return when people first post otherwise than on any day; at the end if they never do."""
    script = scenario.script
    begins = [wave.shape[0][0] for wave in script.waves]
    begins += [spill.start for spill in script.spillover]
    begins += [talk.start for talk in script.chatter]
    begins += [campaign.start for campaign in script.campaign]
    return scenario.at(min(begins, default=script.end))


def _total(counts: Mapping[str, int]) -> int:
    return sum(counts.values())
