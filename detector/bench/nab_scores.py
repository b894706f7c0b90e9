"""
Our scores on the Numenta Anomaly Benchmark, what they owe to what, and the check of the rules.

The windowed Gaussian of Numenta's is re-implemented, as its published score proves the rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from math import erfc, isfinite, sqrt
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from detector.baseline import HOUR, Floats
from detector.bench.bins import judged
from detector.bench.nab import PROFILES, Series, best, load, probation, published, score, told
from detector.bench.rarity import return_period, told_once
from detector.seasons import WEEK_HOURS
from detector.tick import Policy

_WIDTHS = np.array((300, 600, 900, 1800, 3600))  # seconds that a bin may last
_COUNTS = "realTweets/"  # the folder whose values count what people wrote
_HELD = round(Policy().reopen_hours * HOUR)  # seconds in which what comes back is not new
_NOISE, _MOST = 1.6, 3_000.0  # dispersion of a service like any other; what a bin holds at most
_GAUSSIAN_ROWS, _GAUSSIAN_STEP = 6_400, 100
_Clock = tuple[int, int]

Anomaly = Mapping[str, Floats]


def scores(folder: Path, processes: int = 2) -> dict[str, Any]:
    """
    Score everything at the standard profile, ours at the other two as well.

    *all* is over all series, *realTweets* over these at the same threshold, which the benchmark's
    own optimisation chose, *realTweets_own_threshold* at one of their own.
    """
    corpus = load(folder)
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        gaussian = pool.submit(_gaussians, corpus)
        seen = _statistics(corpus, pool)
    nats, sums = ({name: both[kind] for name, both in seen.items()} for kind in (0, 1))
    ours = {series.name: _told(series, nats[series.name]) for series in corpus}
    return {
        **_scored(corpus, ours),
        "profiles": {
            name: round(best(corpus, ours, profile)[0], 1) for name, profile in PROFILES.items()
        },
        "folders": _by_folder(corpus, ours),
        "without_return_period": _scored(corpus, nats),
        "return_period_of_the_sum": _scored(
            corpus, {series.name: _told(series, sums[series.name]) for series in corpus}
        ),
        "return_period_of_bare_counts": _scored(
            corpus, {series.name: _told(series, as_counts(series)) for series in corpus}
        ),
        "windowed_gaussian": _checked(corpus, gaussian.result(), published(folder)),
    }


def _scored(corpus: Sequence[Series], anomaly: Anomaly) -> dict[str, float | None]:
    total, threshold = best(corpus, anomaly)
    tweets = [series for series in corpus if series.name.startswith(_COUNTS)]
    return {
        "all": round(total, 1),
        "realTweets": round(score(tweets, anomaly, threshold), 1),
        "realTweets_own_threshold": round(best(tweets, anomaly)[0], 1),
        "threshold": round(threshold, 2) if isfinite(threshold) else None,
    }


def _by_folder(corpus: Sequence[Series], anomaly: Anomaly) -> dict[str, str]:
    """What is found at the best threshold of the whole corpus, in words."""
    _, threshold = best(corpus, anomaly)
    folders: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for series in corpus:
        found, false = told(series, anomaly[series.name], threshold)
        folders[series.name.split("/")[0]].append((found, len(series.windows), false))
    sums = {
        name: [sum(column) for column in zip(*rows, strict=True)] for name, rows in folders.items()
    }
    return {
        name: f"{found} of {n} windows, {false} false alarms"
        for name, (found, n, false) in sums.items()
    }


def _checked(
    corpus: Sequence[Series], anomaly: Anomaly, known: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    return {
        name: {
            "ours": round(best(corpus, anomaly, profile)[0], 3),
            "published": round(known["windowedGaussian"][name], 3),
        }
        for name, profile in PROFILES.items()
    }


def _told(series: Series, statistic: Floats) -> Floats:
    width, _ = _clock(series)
    return told_once(return_period(statistic), _HELD // width)


def _statistics(corpus: Sequence[Series], pool: Executor) -> dict[str, tuple[Floats, Floats]]:
    """Judge series together that begin in the same hour of the week and have bins as wide."""
    groups = defaultdict(list)
    for series in corpus:
        groups[_clock(series)].append(series)
    found = [pool.submit(_judged, clock, group) for clock, group in groups.items()]
    return {name: both for future in found for name, both in future.result().items()}


def _judged(clock: _Clock, group: Sequence[Series]) -> dict[str, tuple[Floats, Floats]]:
    width, start = clock
    counts = np.zeros((len(group), max(len(series.values) for series in group)))
    for row, series in enumerate(group):
        counts[row, : len(series.values)] = as_counts(series)
    abnormal, statistic = judged(counts, start, width)
    ends = [len(series.values) for series in group]
    return {
        series.name: (abnormal[row, :end], statistic[row, :end])
        for row, (series, end) in enumerate(zip(group, ends, strict=True))
    }


def _clock(series: Series) -> _Clock:
    """Width of the bins, seconds, and the start: on the grid, in the first weeks of the epoch."""
    typical = np.median(np.diff(series.at))
    width = int(_WIDTHS[np.argmin(np.abs(np.log(_WIDTHS / typical)))])
    return width, int(series.at[0]) % (WEEK_HOURS * HOUR) // width * width


def as_counts(series: Series) -> Floats:
    """
    Give the series as counts: what counts no people is scaled until its first rows, the probation,
    are as noisy from one to the next as counts are.
    """
    if series.name.startswith(_COUNTS):
        return series.values
    values = series.values - series.values.min()
    first = values[: max(probation(len(values)), 2)]
    rough = float(np.mean(np.diff(first) ** 2)) / 2
    most = _MOST / max(float(values.max()), 1e-9)
    return np.asarray(values * min(_NOISE * float(first.mean()) / max(rough, 1e-12), most))


def _gaussians(corpus: Iterable[Series]) -> dict[str, Floats]:
    return {series.name: windowed_gaussian(series.values) for series in corpus}


def windowed_gaussian(values: Floats) -> Floats:
    """
    Probability of values nearer to the mean of the last rows, under a normal distribution.

    As `windowedGaussian` of the benchmark, whose published results keep twelve digits: what is
    surer than that ties.
    """
    seen = np.zeros(len(values))
    mean = deviation = 0.0
    for row, value in enumerate(values):
        if row:
            seen[row] = round(1 - erfc(abs(value - mean) / deviation / sqrt(2)) / 2, 12)
        late = row + 1 - _GAUSSIAN_ROWS
        if late <= 0 or late % _GAUSSIAN_STEP == 0:
            window = values[max(late, 0) : row + 1]
            mean, deviation = float(window.mean()), float(window.std()) or 1e-6
    return seen
