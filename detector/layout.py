"""Which row a service has in the detector's arrays, and what of the catalogue is laid out by it."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import repeat

import numpy as np

from detector.baseline import Floats
from detector.dependencies import Graph, graph
from models.catalogue import Catalogue


@lru_cache(maxsize=4)
def index(services: tuple[str, ...]) -> Mapping[str, int]:
    """Row by service; kept, as the services are the same all day."""
    return {service: row for row, service in enumerate(services)}


def column(services: tuple[str, ...], counts: Mapping[str, float]) -> Floats:
    """
    Lay out *counts* by row; services outside the catalogue are left out, as nothing is known of
    them.
    """
    rows = index(services)
    result = np.zeros(len(services) + 1)  # the last row is of those that have none
    at = np.fromiter(map(rows.get, counts, repeat(-1)), np.intp, len(counts))
    result[at] = np.fromiter(counts.values(), np.float64, len(counts))
    return result[:-1]


_KEPT = 32  # a watcher has one catalogue all day, a back-test one for each of its runs
_graphs: dict[int, tuple[Catalogue, tuple[str, ...], Graph]] = {}


def edges(catalogue: Catalogue, services: tuple[str, ...]) -> Graph:
    """Lay out the catalogue's edges; the last few are kept, by the catalogue's identity."""
    known = _graphs.get(id(catalogue))
    if known and known[0] is catalogue and known[1] == services:
        return known[2]
    laid_out = graph(catalogue, services)
    if len(_graphs) >= _KEPT:
        del _graphs[next(iter(_graphs))]
    _graphs[id(catalogue)] = (catalogue, services, laid_out)
    return laid_out
