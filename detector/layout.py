"""Which row a service has in the detector's arrays, and what of the catalogue is laid out by it."""

from collections.abc import Mapping
from functools import lru_cache

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
    result = np.zeros(len(services))
    for service, count in counts.items():
        if (row := rows.get(service)) is not None:
            result[row] = count
    return result


_last_graph: list[tuple[Catalogue, tuple[str, ...], Graph]] = []


def edges(catalogue: Catalogue, services: tuple[str, ...]) -> Graph:
    """
    Lay out the catalogue's edges once: a memo of one entry, as the catalogue is the same all day.
    """
    if _last_graph and _last_graph[0][0] is catalogue and _last_graph[0][1] == services:
        return _last_graph[0][2]
    laid_out = graph(catalogue, services)
    _last_graph[:] = [(catalogue, services, laid_out)]
    return laid_out
