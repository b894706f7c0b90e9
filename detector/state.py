"""
All that the detector remembers between two buckets, and its form in bytes.

Arrays have one row a service, in the order of the sorted ids. `encode` and `decode` carry raw
little-endian array bytes in msgpack: a decoded state goes on exactly as the one that was encoded.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector import baseline, crowd, recovery, surge
from detector.baseline import Baseline
from detector.crowd import Crowd
from detector.evidence import Hint
from detector.incidents import Incident
from detector.recovery import Course
from detector.surge import Surge
from detector.suspects import Suspect

_VERSION = 4
_BY_CATALOGUE = frozenset({"catalogue_day", "catalogue_week", "usual"})  # have no row a service

Part = TypeVar("Part", Baseline, Surge, Course, Crowd)


class StateError(ValueError):
    """
    The stored state cannot be read: made by another version, or damaged. Rebuild it from the log.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """
    What is known after the bucket before *next_start*, unix seconds.

    *incidents* are the open ones and those resolved lately, which a second wave would re-open;
    *region_posts* the fading number of posts that name a provider together with a region of it.
    """

    services: tuple[str, ...]
    next_start: int
    baseline: Baseline
    surge: Surge
    course: Course
    crowd: Crowd
    incidents: tuple[Incident, ...] = ()
    hints: tuple[Hint, ...] = ()
    region_posts: tuple[tuple[str, str, float], ...] = ()
    suspects: tuple[Suspect, ...] = ()


class _Array(msgspec.Struct, array_like=True):
    kind: str
    shape: tuple[int, ...]
    data: bytes


class _Stored(msgspec.Struct):
    version: int
    services: tuple[str, ...]
    next_start: int
    arrays: dict[str, _Array]
    numbers: dict[str, int]
    incidents: tuple[Incident, ...]
    hints: tuple[Hint, ...]
    region_posts: tuple[tuple[str, str, float], ...]
    suspects: tuple[Suspect, ...]


class _Versioned(msgspec.Struct):
    version: int


def initial(service_ids: Sequence[str], start: int) -> State:
    """Know nothing of *service_ids* yet; the first bucket begins at *start*, unix seconds."""
    services = tuple(sorted(service_ids))
    unlearnt = baseline.cold(len(services), start)
    return State(
        services=services,
        next_start=start,
        baseline=unlearnt,
        surge=surge.cold(unlearnt, start),
        course=recovery.cold(len(services)),
        crowd=crowd.cold(len(services)),
    )


def encode(state: State) -> bytes:
    """Pack the state; about 1 kB for a service that was never named, 3 kB for a busy one."""
    arrays: dict[str, _Array] = {}
    numbers: dict[str, int] = {}
    for part in ("baseline", "surge", "course", "crowd"):
        for name, value in _contents(getattr(state, part)).items():
            if isinstance(value, np.ndarray):
                arrays[f"{part}.{name}"] = _packed(value)
            else:
                numbers[f"{part}.{name}"] = value
    stored = _Stored(
        version=_VERSION,
        services=state.services,
        next_start=state.next_start,
        arrays=arrays,
        numbers=numbers,
        incidents=state.incidents,
        hints=state.hints,
        region_posts=state.region_posts,
        suspects=state.suspects,
    )
    return msgspec.msgpack.encode(stored)


def decode(data: bytes, service_ids: Sequence[str]) -> State:
    """
    Unpack what `encode` made, for the catalogue of *service_ids*.

    Services that are new begin cold, those that are gone are forgotten; an incident that has one of
    these loses it in the next bucket. Raises `StateError`.
    """
    try:
        stored = msgspec.msgpack.decode(data, type=_Stored)
        _check_version(stored.version)
        return _aligned(stored, tuple(sorted(service_ids)))
    except StateError:
        raise
    except (msgspec.DecodeError, zlib.error, ValueError, KeyError, TypeError) as error:
        _check_version(_version_of(data))
        raise StateError(
            f"the detector's state is damaged: {error}; rebuild it from the log"
        ) from error


def _check_version(version: int) -> None:
    if version != _VERSION:
        raise StateError(
            f"the detector's state has version {version}, expected {_VERSION}; "
            "rebuild it from the log"
        )


def _version_of(data: bytes) -> int:
    try:
        return msgspec.msgpack.decode(data, type=_Versioned).version
    except msgspec.DecodeError:
        return _VERSION


def _aligned(stored: _Stored, services: tuple[str, ...]) -> State:
    fresh = initial(services, stored.next_start)
    row = {service: i for i, service in enumerate(stored.services)}
    here = np.array([i for i, s in enumerate(services) if s in row], np.intp)
    there = np.array([row[s] for s in services if s in row], np.intp)
    return replace(
        fresh,
        baseline=_filled(fresh.baseline, "baseline", stored, here, there),
        surge=_filled(fresh.surge, "surge", stored, here, there),
        course=_filled(fresh.course, "course", stored, here, there),
        crowd=_filled(fresh.crowd, "crowd", stored, here, there),
        incidents=stored.incidents,
        hints=tuple(hint for hint in stored.hints if hint.service in services),
        region_posts=stored.region_posts,
        suspects=tuple(one for one in stored.suspects if one.service in services),
    )


def _filled(
    part: Part, name: str, stored: _Stored, here: NDArray[np.intp], there: NDArray[np.intp]
) -> Part:
    changed: dict[str, Any] = {}
    for key, value in _contents(part).items():
        full = f"{name}.{key}"
        if not isinstance(value, np.ndarray):
            changed[key] = stored.numbers[full]
        elif key in _BY_CATALOGUE:
            changed[key] = _unpacked(stored.arrays[full], value, value.shape[0])
        else:
            old = _unpacked(stored.arrays[full], value, len(stored.services))
            changed[key] = value.copy()
            changed[key][here] = old[there]
    return replace(part, **changed)


def _contents(part: Baseline | Surge | Course | Crowd) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in fields(part)}


def _packed(array: NDArray[Any]) -> _Array:
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    # Most of a week's table is zero for most services; level 1 halves the size for little time.
    return _Array(little.dtype.str, array.shape, zlib.compress(little.tobytes(), 1))


def _unpacked(stored: _Array, like: NDArray[Any], n_rows: int) -> NDArray[Any]:
    shape = (n_rows, *like.shape[1:])
    if np.dtype(stored.kind) != like.dtype or stored.shape != shape:
        raise ValueError(f"array {stored.kind} {stored.shape}, expected {like.dtype.str} {shape}")
    return np.frombuffer(zlib.decompress(stored.data), like.dtype).reshape(shape).copy()
