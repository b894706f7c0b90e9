"""A service's minutes for charts and reports: observed against expected, packed small."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

_POINT = struct.Struct("<Ifff")
KEPT_MINUTES = 3 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """
    One minute of one service.

    *minute* is unix time in minutes; *observed* and *expected* are reports in that minute,
    *statistic* is the detector's greatest in it, in nats.
    """

    minute: int
    observed: float
    expected: float
    statistic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """
    Points as columns, minutes ascending.

    Quiet minutes are thinned out: where a minute is missing nothing was observed.
    """

    minute: list[int]
    observed: list[float]
    expected: list[float]
    statistic: list[float]


def pack(point: Point) -> bytes:
    """Encode *point* in 16 bytes; fractions keep six digits."""
    return _POINT.pack(point.minute, point.observed, point.expected, point.statistic)


def unpack(rows: Iterable[bytes], since: int) -> Series:
    """Decode points of minute *since* and later."""
    points = [point for row in rows if (point := _POINT.unpack(row))[0] >= since]
    minute, observed, expected, statistic = zip(*points, strict=True) if points else ((),) * 4
    return Series(
        minute=list(minute),
        observed=list(observed),
        expected=list(expected),
        statistic=list(statistic),
    )
