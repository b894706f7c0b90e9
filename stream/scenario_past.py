"""
The ordinary weeks before a scenario: what a detector that is not new has learnt by then.

A scenario begins an hour or two before its outage, and a detector that knows its services no longer
than that is guarded against false incidents. The past passes in steps of an hour, by counts drawn
at random: in all as many reports and mentions as the scenario's own posts bring before anything
fails, by the hour of the day, and parted among the services by their fame. Nothing of the outage
goes into it, and nothing is learnt of who depends on whom.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

import numpy as np

from detector import baseline, share, surge
from detector.baseline import HOUR, Floats
from detector.bucket import WIDTH, Bucket
from detector.past import lived
from detector.seasons import WEEK_HOURS
from detector.state import State, initial
from detector.texts import Texts, count_once
from stream.sources.crowd import diurnal
from stream.sources.scenario import Scenario

_BUCKETS = HOUR // WIDTH
_MINUTES = 60
_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """Reports and mentions in an hour of middling talk when nothing fails, by service."""

    reports: Floats
    mentions: Floats


def accustomed(
    scenario: Scenario, buckets: Sequence[Bucket], services: Sequence[str], weeks: int
) -> State:
    """
    Return the state before the first of *buckets* after so many ordinary *weeks*, 0 for none.

    The same scenario gives the same past.
    """
    begin = buckets[0].start
    state = initial(services, begin)
    if not weeks:
        return state
    usual = ordinary(scenario, buckets, state.services)
    draw = np.random.RandomState(scenario.script.seed)
    last = begin // HOUR
    first = last - weeks * WEEK_HOURS
    base = baseline.cold(len(state.services), first * HOUR)
    reports, mentions = np.zeros_like(usual.reports), np.zeros_like(usual.mentions)
    by_hour = diurnal(np.arange(24, dtype=np.float64) + 0.5).tolist()
    for hour in range(first, last):
        talk = by_hour[hour % 24]
        mean = usual.reports[:, None] * talk / _MINUTES
        minutes = draw.poisson(mean, (len(mean), _MINUTES)).astype(np.float64)
        base = lived(base, hour * HOUR, minutes)
        keep = share.KEEP**_BUCKETS
        reports = reports * keep + minutes.sum(axis=1)
        mentions = mentions * keep + draw.poisson(usual.mentions * talk)
    base = baseline.advanced(base, begin)
    test = surge.cold(base, begin)
    return replace(
        state,
        baseline=base,
        surge=replace(test, share_affected=reports, share_mentioned=mentions),
    )


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
