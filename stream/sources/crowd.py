"""When the crowd of a scenario posts, and about what: flows of posts and their times."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time

import numpy as np
import numpy.typing as npt

from stream.sources.scenario import Scenario
from stream.sources.script import Failure, Wave

STEP = 10.0  # seconds between the points at which intensities are summed
# Nobody posts the second that something fails: a minute to notice, then some minutes on average.
NOTICE_SECONDS = 60.0
POST_SECONDS = 150.0
RETURN_SECONDS = 900.0
# Most quiet in the European night, busiest in the American afternoon.
BUSIEST_HOUR = 18.0
DIURNAL = 0.4

Hours = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """
    *n* posts of one voice, about *service* where they name one.

    *points* are (seconds after midnight, intensity) with straight lines between; *delay* is the
    least time between what happens and the post about it, and the mean of what adds to it, both
    in seconds.
    """

    voice: str
    n: int
    points: Points
    service: str | None = None
    delay: tuple[float, float] = (0.0, 0.0)


def flows(scenario: Scenario) -> tuple[Flow, ...]:
    """Return all flows of *scenario*, in a fixed order."""
    return (
        *_failures(scenario),
        *_rumours(scenario),
        *_background(scenario),
        *_echo(scenario),
        *_made_up(scenario),
    )


def schedule(scenario: Scenario, crowd: tuple[Flow, ...]) -> tuple[Times, Times]:
    """
    Return the event times, in unix milliseconds, in order, and the index of the flow of each.

    The generator is NumPy's frozen one, whose sequence never changes for a seed.
    """
    uniform = np.random.RandomState(scenario.script.seed)
    midnight = datetime.combine(scenario.script.date, time(), UTC).timestamp()
    last = _seconds(scenario.script.end) - 1e-3
    parts = [np.minimum(_times(flow, uniform), last) for flow in crowd]
    at = np.rint((np.concatenate(parts) + midnight) * 1000).astype(np.int64)
    which = np.repeat(np.arange(len(crowd)), [flow.n for flow in crowd])
    order = np.lexsort((which, at))
    return at[order], which[order]


def _times(flow: Flow, uniform: np.random.RandomState) -> npt.NDArray[np.float64]:
    """Return seconds after midnight, distributed by the intensity, each plus its delay."""
    at, level = (np.array(column) for column in zip(*flow.points, strict=True))
    grid = np.arange(at[0], at[-1] + STEP, STEP)
    sums = np.concatenate(([0.0], np.cumsum(np.interp(grid[:-1] + STEP / 2, at, level))))
    happened = np.interp(uniform.random_sample(flow.n) * sums[-1], sums, grid)
    least, mean = flow.delay
    delay = least - mean * np.log1p(-uniform.random_sample(flow.n))
    return np.asarray(happened + delay, dtype=np.float64)


def diurnal(hours: Hours) -> Hours:
    """How much is talked at those *hours* of the day, UTC, x the mean of a day."""
    return np.asarray(1 + DIURNAL * np.cos((hours - BUSIEST_HOUR) / 24 * 2 * np.pi))


def _failures(scenario: Scenario) -> Iterator[Flow]:
    returns = scenario.script.crowd.recovered_share
    for wave in scenario.script.waves:
        rows = [
            row for group in scenario.script.truth if wave.id in group.waves for row in group.rows
        ]
        total = sum(row.weight for row in rows)
        for row in rows:
            n = round(wave.posts * row.weight / total)
            points = _clipped(wave, row)
            yield Flow(
                voice="failure",
                service=row.service,
                n=n,
                points=points,
                delay=(NOTICE_SECONDS, POST_SECONDS),
            )
            if wave.shape[-1][1] < max(level for _, level in wave.shape):
                yield _return(row.service, round(n * returns), points[-1][0])


def _return(service: str, n: int, end: float) -> Flow:
    points = [(end, 1.0), (end + STEP, 1.0)]
    delay = (NOTICE_SECONDS, RETURN_SECONDS)
    return Flow(voice="recovered", service=service, n=n, points=points, delay=delay)


def _clipped(wave: Wave, row: Failure) -> Points:
    """Return the wave's points between the row's start and end."""
    points = [(_seconds(at), level) for at, level in wave.shape]
    start = max(_seconds(row.start), points[0][0])
    end = min(_seconds(row.end), points[-1][0])
    known, levels = zip(*points, strict=True)
    ends = [(at, float(np.interp(at, known, levels))) for at in (start, end)]
    return [ends[0], *((at, level) for at, level in points if start < at < end), ends[1]]


def _rumours(scenario: Scenario) -> Iterator[Flow]:
    for spill in scenario.script.spillover:
        points = [(_seconds(spill.start), 1.0), (_seconds(spill.end), 1.0)]
        for row in spill.rows:
            n_naming = round(row.posts * spill.naming)
            yield Flow(voice="rumour", service=row.service, n=row.posts - n_naming, points=points)
            if n_naming:
                yield Flow(voice="naming", service=row.service, n=n_naming, points=points)


def _made_up(scenario: Scenario) -> Iterator[Flow]:
    """Yield talk about services that work, and reports by accounts that act together."""
    for talk in scenario.script.chatter:
        points = [(_seconds(talk.start), 1.0), (_seconds(talk.end), 0.3)]
        yield Flow(voice="mention", service=talk.service, n=talk.posts, points=points)
    for number, campaign in enumerate(scenario.script.campaign):
        points = [(_seconds(campaign.start), 1.0), (_seconds(campaign.end), 1.0)]
        yield Flow(voice=f"campaign:{number}", n=campaign.posts, points=points)


def _background(scenario: Scenario) -> Iterator[Flow]:
    crowd = scenario.script.crowd
    total = sum(character.mentions for character in scenario.cast.values())
    day = _diurnal(scenario)
    yield Flow(voice="noise", n=crowd.noise, points=day)
    for voice, n in (
        ("mention", crowd.mentions),
        ("single", crowd.single_complaints),
        ("own", crowd.own_outage_questions),
    ):
        due = 0.0
        for service, character in scenario.cast.items():
            # The remainder is carried on, so that the small ones are not all rounded to nothing.
            due += n * character.mentions / total
            yield Flow(voice=voice, service=service, n=int(due), points=day)
            due -= int(due)


def _echo(scenario: Scenario) -> Iterator[Flow]:
    """Yield what surrounds an outage: news and bots, from half an hour after it, and odd texts."""
    crowd = scenario.script.crowd
    points = [
        (_seconds(at) + 1800, level)
        for wave in scenario.script.waves
        for at, level in wave.shape
        if wave.shape[0][1] == 0
    ]
    if points:
        yield Flow(voice="news", n=crowd.news, points=sorted(points))
        yield Flow(voice="bot", n=crowd.bots, points=sorted(points))
    yield Flow(voice="edge", n=crowd.edge_cases, points=_diurnal(scenario))


def _diurnal(scenario: Scenario) -> Points:
    start, end = _seconds(scenario.script.start), _seconds(scenario.script.end)
    at = np.linspace(start, end, 75)
    return list(zip(at.tolist(), diurnal(at / 3600).tolist(), strict=True))


def _seconds(clock: time) -> float:
    return clock.hour * 3600.0 + clock.minute * 60 + clock.second
