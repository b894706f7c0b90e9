"""
The Numenta Anomaly Benchmark (Lavin and Ahmad 2015): its scoring rules, and our scores.

One threshold for the whole corpus, the best; in a labelled window the earliest alarm counts, the
earlier the more; alarms outside cost by their distance from the window before. 0 is a detector that
says nothing, 100 a perfect one.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from detector.baseline import Floats
from detector.bench.life import judged, newborn
from detector.bench.world import World

FALSE_ALARM = 0.11  # the standard profile; a hit and a miss weigh 1
_RECORD_BINS = 864  # three days
_NOTHING = -50.0
_PEAK = 600.0  # reports a bin that the highest value of a series that is no count stands for
_MOST = 3_000.0  # a bin of a count: one bucket takes no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One file: *values* by row, and labelled windows as first and last row."""

    name: str
    values: Floats
    windows: tuple[tuple[int, int], ...]


def load(folder: Path) -> tuple[Series, ...]:
    """Read all series that `labels/combined_windows.json` lists."""
    listed = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return tuple(_series(folder, name, listed[name]) for name in sorted(listed))


def _series(folder: Path, name: str, windows: Sequence[Sequence[str]]) -> Series:
    with (folder / "data" / name).open(encoding="utf-8", newline="") as lines:
        rows = [(_instant(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    at = np.array([instant for instant, _ in rows])
    spans = tuple(
        (
            int(np.searchsorted(at, _instant(first))),
            int(np.searchsorted(at, _instant(last), side="right")) - 1,
        )
        for first, last in windows
    )
    return Series(name=name, values=np.array([value for _, value in rows]), windows=spans)


def _instant(text: str) -> float:
    return datetime.fromisoformat(f"{text.split('.')[0]}+00:00").timestamp()


def probation(n_rows: int) -> int:
    """Rows at the beginning in which nothing counts."""
    return int(min(0.15 * n_rows, 750))


def weights(series: Series) -> tuple[Floats, NDArray[np.intp]]:
    """What an alarm in each row is worth, and the number of its window, -1 outside of all."""
    n = len(series.values)
    worth, window = np.full(n, -FALSE_ALARM), np.full(n, -1, np.intp)
    for last, after in _gaps(series):
        first, end = last
        distance = (np.arange(end + 1, after) - end) / max(end - first, 1)
        worth[end + 1 : after] = FALSE_ALARM * _sigmoid(distance)
    for number, (first, end) in enumerate(series.windows):
        place = -(end - np.arange(first, end + 1) + 1) / (end - first + 1)
        worth[first : end + 1] = _sigmoid(place) / _sigmoid(np.array([-1.0]))
        window[first : end + 1] = number
    return worth, window


def _gaps(series: Series) -> list[tuple[tuple[int, int], int]]:
    after = [*(first for first, _ in series.windows[1:]), len(series.values)]
    return list(zip(series.windows, after, strict=False))


def _sigmoid(x: Floats) -> Floats:
    return np.where(x > 3, -1.0, 2 / (1 + np.exp(np.minimum(5 * x, 50))) - 1)


def score(corpus: Sequence[Series], anomaly: Mapping[str, Floats], threshold: float) -> float:
    """Normalised score at one *threshold*."""
    raw, n_windows = 0.0, sum(len(series.windows) for series in corpus)
    for series in corpus:
        worth, window = weights(series)
        rows = np.flatnonzero(anomaly[series.name] >= threshold)
        rows = rows[rows >= probation(len(worth))]
        raw += float(worth[rows[window[rows] < 0]].sum())
        for number in range(len(series.windows)):
            hits = worth[rows[window[rows] == number]]
            raw += float(hits.max()) if len(hits) else -1.0
    return 100 * (raw + n_windows) / (2 * n_windows)


def best(corpus: Sequence[Series], anomaly: Mapping[str, Floats]) -> tuple[float, float]:
    """
    The best score over all thresholds, and its threshold: the benchmark's own optimisation.

    One sweep from the highest anomaly down, every value a threshold: an alarm in a window adds what
    it is worth beyond the best before it, one outside adds its cost.
    """
    found, gained, n_windows = [], [], 0
    for series in corpus:
        worth, window = weights(series)
        rows = np.arange(probation(len(worth)), len(worth))
        rows = rows[np.argsort(-anomaly[series.name][rows], kind="stable")]
        gain = worth[rows]
        for number in range(len(series.windows)):
            inside = window[rows] == number
            so_far = np.maximum.accumulate(np.concatenate([[-1.0], gain[inside]]))
            gain[inside] = np.diff(so_far)
        found.append(anomaly[series.name][rows])
        gained.append(gain)
        n_windows += len(series.windows)
    every, gain = np.concatenate(found), np.concatenate(gained)
    order = np.argsort(-every, kind="stable")
    every, raw = every[order], np.cumsum(gain[order])
    last = np.flatnonzero(np.append(every[1:] != every[:-1], True))
    top = last[np.argmax(raw[last])]
    if raw[top] <= 0:
        return 0.0, float("inf")
    return 100 * float(raw[top]) / (2 * n_windows), float(every[top])


def statistics(corpus: Sequence[Series]) -> dict[str, Floats]:
    """
    Our statistic where it tops that of the last three days, -50 elsewhere.

    The benchmark rewards the beginning of what is new and fines each row of it after: a statistic
    that stays high while something lasts is told once. A bin of five minutes is judged as one
    bucket, so the detector's clock runs thirty times slower than live, and it sees no season. A
    series that is no count is scaled so that its highest value stands for 600 reports.
    """
    counts = np.zeros((len(corpus), max(len(series.values) for series in corpus)))
    for row, series in enumerate(corpus):
        counts[row, : len(series.values)] = _as_counts(series)
    world = World(np.ones(len(corpus)), 0)
    seen = np.array([statistic for _, statistic in judged(newborn(world), counts)]).T
    return {s.name: _records(seen[row, : len(s.values)]) for row, s in enumerate(corpus)}


def _records(statistic: Floats) -> Floats:
    seen = np.maximum(statistic, _NOTHING)
    before = np.concatenate([np.full(_RECORD_BINS, _NOTHING), seen])
    top = sliding_window_view(before, _RECORD_BINS).max(axis=1)[: len(seen)]
    return np.where(seen > top, seen, _NOTHING)


def _as_counts(series: Series) -> Floats:
    if series.name.startswith("realTweets/"):
        return np.minimum(series.values, _MOST)
    low, high = series.values.min(), series.values.max()
    return np.asarray(_PEAK * (series.values - low) / max(high - low, 1e-9))


def scores(folder: Path) -> dict[str, float]:
    """Our scores: over all series, and on those of realTweets at the same threshold."""
    corpus = load(folder)
    seen = statistics(corpus)
    total, threshold = best(corpus, seen)
    tweets = [series for series in corpus if series.name.startswith("realTweets/")]
    return {
        "all": round(total, 1),
        "realTweets": round(score(tweets, seen, threshold), 1),
        "realTweets_own_threshold": round(best(tweets, seen)[0], 1),
        "threshold": round(threshold, 2),
    }
