"""What a tick and a service cost."""

import time
from dataclasses import dataclass

import numpy as np

from detector.bucket import KIN_CELLS, KIN_KINDS, WIDTH, Bucket
from detector.incidents import Sample
from detector.state import State, encode, initial
from detector.tick import Policy, tick
from detector.verdicts import instant
from models.catalogue import Catalogue, Dependency, Service

START = 1_760_918_400
_PER_BUCKET = 0.05  # reports of a service
_WARM_UP = 120  # ticks, until the level filter knows something
_KIN = tuple(f"{i % KIN_CELLS:02d}" * KIN_KINDS for i in range(50))  # cells of texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """
    Milliseconds of processor a tick, median and 99th percentile, and packed bytes a service.

    *quiet* is an ordinary tick; *outage* one in the first three minutes after a fifth of the
    services began to fail by one cause; *failing* one when all of these are in the incident.
    """

    quiet_ms: float
    quiet_p99_ms: float
    outage_ms: float
    outage_p99_ms: float
    failing_ms: float
    failing_p99_ms: float
    n_failing: int
    state_bytes_per_service: float


def measured(n_services: int = 10_000, n_ticks: int = 60, seed: int = 1) -> Cost:
    """Time ticks with symptoms and samples of all that people report."""
    names = _catalogue(n_services)
    state = initial(tuple(names.services), START)
    rng = np.random.default_rng(seed)
    state, _ = _lived(state, names, rng, _WARM_UP, 1.0)
    state, quiet = _lived(state, names, rng, n_ticks, 1.0)
    state, outage = _lived(state, names, rng, 18, 40.0)
    state, _ = _lived(state, names, rng, 12, 40.0)
    state, failing = _lived(state, names, rng, n_ticks // 2, 40.0)
    return Cost(
        quiet_ms=_ms(quiet, 50),
        quiet_p99_ms=_ms(quiet, 99),
        outage_ms=_ms(outage, 50),
        outage_p99_ms=_ms(outage, 99),
        failing_ms=_ms(failing, 50),
        failing_p99_ms=_ms(failing, 99),
        n_failing=int(np.count_nonzero(state.course.phase)),
        state_bytes_per_service=round(len(encode(state)) / n_services, 1),
    )


def _lived(
    state: State, names: Catalogue, rng: np.random.Generator, n_ticks: int, factor: float
) -> tuple[State, list[float]]:
    ids = state.services
    rate = np.full(len(ids), _PER_BUCKET)
    rate[[bool(names.services[i].depends_on) for i in ids]] *= factor
    spent = []
    for _ in range(n_ticks):
        seen = rng.poisson(rate)
        affected = {ids[row]: int(seen[row]) for row in np.flatnonzero(seen)}
        bucket = _bucket(state.next_start, affected)
        begin = time.process_time()
        state = tick(state, bucket, names, Policy()).state
        spent.append(time.process_time() - begin)
    assert state.next_start % WIDTH == 0
    return state, spent


def _bucket(start: int, affected: dict[str, int]) -> Bucket:
    at = instant(start)
    samples = {
        service: (
            Sample(
                report_id=f"{service}-{start}",
                service=service,
                text=f"{service} down since {start}",
                source="bench",
                posted_at=at,
                score=1.0,
            ),
        )
        for service in affected
    }
    symptoms = {service: {"loading": n} for service, n in affected.items()}
    kin = {service: {_KIN[(start // WIDTH + n) % len(_KIN)]: n} for service, n in affected.items()}
    return Bucket(
        start=start,
        affected=affected,
        symptoms=symptoms,
        samples=samples,
        posts=affected,
        newcomers={service: n // 2 for service, n in affected.items()},
        kin=kin,
    )


def _catalogue(n: int) -> Catalogue:
    edge = Dependency(provider="cloud", strength=0.7)
    services = [Service(id="cloud", name="Cloud", industry="cloud")]
    services += [
        Service(
            id=f"s{i:05d}",
            name=f"Service {i}",
            industry="test",
            depends_on=(edge,) if i % 5 == 0 else (),
        )
        for i in range(n - 1)
    ]
    return Catalogue({service.id: service for service in services})


def _ms(spent: list[float], percentile: int) -> float:
    return round(float(np.percentile(spent, percentile)) * 1000, 2)
