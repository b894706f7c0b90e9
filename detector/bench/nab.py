"""
The Numenta Anomaly Benchmark (Lavin and Ahmad 2015): its files and its scoring rules.

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
from numpy.typing import NDArray

from detector.baseline import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a false alarm and a missed window weigh where a window that is found weighs 1."""

    false_alarm: float
    miss: float


STANDARD = Profile(false_alarm=0.11, miss=1.0)
PROFILES = {
    "standard": STANDARD,
    "reward_low_FP_rate": Profile(false_alarm=0.22, miss=1.0),
    "reward_low_FN_rate": Profile(false_alarm=0.11, miss=2.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """
    One file: *values* by row, *at* in unix seconds, and labelled windows as first and last row.
    """

    name: str
    at: Floats
    values: Floats
    windows: tuple[tuple[int, int], ...]


def load(folder: Path) -> tuple[Series, ...]:
    """Read all series that `labels/combined_windows.json` lists."""
    listed = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    return tuple(_series(folder, name, listed[name]) for name in sorted(listed))


def published(folder: Path) -> dict[str, dict[str, float]]:
    """Scores over all series as Numenta publishes them, by detector and profile."""
    text = (folder / "published_final_results.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, float]] = json.loads(text)
    return found


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
    return Series(name=name, at=at, values=np.array([value for _, value in rows]), windows=spans)


def _instant(text: str) -> float:
    return datetime.fromisoformat(f"{text.split('.')[0]}+00:00").timestamp()


def probation(n_rows: int) -> int:
    """Rows at the beginning in which nothing counts."""
    return int(min(0.15 * n_rows, 750))


def weights(series: Series, profile: Profile = STANDARD) -> tuple[Floats, NDArray[np.intp]]:
    """What an alarm in each row is worth, and the number of its window, -1 outside of all."""
    n = len(series.values)
    worth, window = np.full(n, -profile.false_alarm), np.full(n, -1, np.intp)
    for last, after in _gaps(series):
        first, end = last
        distance = (np.arange(end + 1, after) - end) / max(end - first, 1)
        worth[end + 1 : after] = profile.false_alarm * _sigmoid(distance)
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


def raw_score(
    series: Series, anomaly: Floats, threshold: float, profile: Profile = STANDARD
) -> float:
    """Sum of one file at one *threshold*: 1 a window that is found at once, 0 without windows."""
    worth, window = weights(series, profile)
    rows = np.flatnonzero(anomaly >= threshold)
    rows = rows[rows >= probation(len(worth))]
    total = float(worth[rows[window[rows] < 0]].sum())
    for number in range(len(series.windows)):
        hits = worth[rows[window[rows] == number]]
        total += float(hits.max()) if len(hits) else -profile.miss
    return total


def told(series: Series, anomaly: Floats, threshold: float) -> tuple[int, int]:
    """Windows of one file that are found at *threshold*, and alarms outside of all."""
    _, window = weights(series)
    rows = np.flatnonzero(anomaly >= threshold)
    where = window[rows[rows >= probation(len(window))]]
    return len(np.unique(where[where >= 0])), int((where < 0).sum())


def score(
    corpus: Sequence[Series],
    anomaly: Mapping[str, Floats],
    threshold: float,
    profile: Profile = STANDARD,
) -> float:
    """Normalised score at one *threshold*."""
    raw = sum(raw_score(one, anomaly[one.name], threshold, profile) for one in corpus)
    n_windows = sum(len(series.windows) for series in corpus)
    return 100 * (raw + profile.miss * n_windows) / ((1 + profile.miss) * n_windows)


def best(
    corpus: Sequence[Series], anomaly: Mapping[str, Floats], profile: Profile = STANDARD
) -> tuple[float, float]:
    """
    The best score over all thresholds, and its threshold: the benchmark's own optimisation.

    One sweep from the highest anomaly down, every value a threshold: an alarm in a window adds what
    it is worth beyond the best before it, one outside adds its cost.
    """
    found, gained, n_windows = [], [], 0
    for series in corpus:
        worth, window = weights(series, profile)
        rows = np.arange(probation(len(worth)), len(worth))
        rows = rows[np.argsort(-anomaly[series.name][rows], kind="stable")]
        gain = worth[rows]
        for number in range(len(series.windows)):
            inside = window[rows] == number
            so_far = np.maximum.accumulate(np.concatenate([[-profile.miss], gain[inside]]))
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
    return 100 * float(raw[top]) / ((1 + profile.miss) * n_windows), float(every[top])
