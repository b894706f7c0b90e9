"""
Buckets summed into minutes, for the series that people look at. Pure.

A minute is finished when a bucket of a later one comes; until then it is part of the watcher's
state, so that where a round ends cannot be seen in the series.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from detector.series import Point

_Packed = tuple[int, tuple[str, ...], list[bytes]]
Floats = npt.NDArray[np.float64]
LANDMARK = 10  # a quiet service keeps every tenth minute, so that its expected rate can be drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """
    The minute that is being summed, in unix minutes; arrays by service in the order of *services*.

    *observed* and *expected* are sums, *statistic* is a maximum.
    """

    minute: int
    services: tuple[str, ...]
    observed: Floats
    expected: Floats
    statistic: Floats


def begin(services: Sequence[str], bucket_start: int) -> Minute:
    """Start an empty minute that holds the bucket at *bucket_start*, unix seconds."""
    zeros = np.zeros(len(services))
    return Minute(
        minute=bucket_start // 60,
        services=tuple(services),
        observed=zeros,
        expected=zeros,
        statistic=zeros,
    )


def add(
    minute: Minute,
    bucket_start: int,
    observed: Floats,
    expected: Floats,
    statistic: Floats,
    keep: Collection[str],
) -> tuple[Minute, dict[str, Point]]:
    """
    Add one bucket; return the minute and, when it begins a new one, the points of the one before.

    Services in *keep* (those in an open incident) have a point every minute, others when something
    was observed, and at every `LANDMARK`.
    """
    points: dict[str, Point] = {}
    if bucket_start // 60 != minute.minute:
        points = _points(minute, keep)
        minute = begin(minute.services, bucket_start)
    summed = Minute(
        minute=minute.minute,
        services=minute.services,
        observed=minute.observed + observed,
        expected=minute.expected + expected,
        statistic=np.maximum(minute.statistic, statistic),
    )
    return summed, points


def _points(minute: Minute, keep: Collection[str]) -> dict[str, Point]:
    landmark = minute.minute % LANDMARK == 0
    return {
        service: Point(
            minute=minute.minute,
            observed=float(minute.observed[i]),
            expected=float(minute.expected[i]),
            statistic=float(minute.statistic[i]),
        )
        for i, service in enumerate(minute.services)
        if landmark or minute.observed[i] > 0 or service in keep
    }


def encode(minute: Minute) -> bytes:
    """Encode *minute* for the store."""
    arrays = (minute.observed, minute.expected, minute.statistic)
    return msgspec.msgpack.encode(
        (minute.minute, minute.services, [array.astype("<f8").tobytes() for array in arrays])
    )


def decode(data: bytes, services: Sequence[str]) -> Minute | None:
    """Decode a minute; None when the catalogue has changed since, which costs that one minute."""
    if not data:
        return None
    minute, known, arrays = msgspec.msgpack.decode(
        data, type=tuple[int, tuple[str, ...], list[bytes]]
    )
    if known != tuple(services):
        return None
    observed, expected, statistic = (np.frombuffer(array, "<f8") for array in arrays)
    return Minute(
        minute=minute, services=known, observed=observed, expected=expected, statistic=statistic
    )
