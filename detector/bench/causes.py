"""What it costs to ask for the shared cause: many services, many providers, few or many failing."""

import time
from collections.abc import Sequence

import numpy as np

from detector.cause import explain
from detector.clues import Evidence
from detector.dependencies import Graph, graph
from detector.networks import NETWORKS
from models.catalogue import Catalogue, Dependency, Service

_EDGES = 3  # of each service, to providers at random
_ROUNDS = 9


def measured(
    n_services: int = 10_000,
    n_providers: int = 100,
    failing: Sequence[int] = (10, 200, 2_000),
    seed: int = 1,
) -> dict[str, float]:
    """
    Return milliseconds of processor, the median of some rounds, by number of failing services.

    One provider fails, and with it those that depend on it; where that is not enough, others do.
    """
    edges = _graph(n_services, n_providers, seed)
    return {str(n): _ms(edges, _evidence(edges, n, seed)) for n in failing}


def _graph(n_services: int, n_providers: int, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    providers = [
        Service(id=f"p{i:03d}", name=f"Provider {i}", industry="cloud") for i in range(n_providers)
    ]
    networks = Service(id=NETWORKS, name="National networks", industry="telecom")
    services = [
        Service(
            id=f"s{i:05d}",
            name=f"Service {i}",
            industry="test",
            depends_on=tuple(
                Dependency(provider=providers[p].id, strength=0.5)
                for p in rng.choice(n_providers, _EDGES, replace=False).tolist()
            ),
        )
        for i in range(n_services - n_providers - 1)
    ]
    catalogue = Catalogue({one.id: one for one in (networks, *providers, *services)})
    return graph(catalogue, tuple(catalogue.services))


def _evidence(edges: Graph, n_failing: int, seed: int) -> Evidence:
    rng = np.random.default_rng(seed)
    n = len(edges.services)
    culprit = edges.hypotheses[0].rows
    rest = np.setdiff1d(rng.permutation(n), culprit)
    failing = np.zeros(n, np.bool_)
    failing[np.concatenate([culprit, rest])[:n_failing]] = True
    return Evidence(
        abnormal=np.where(failing, 9.0, -1.0),
        per_minute=np.full(n, 0.05),
        learnt=np.ones(n, np.bool_),
        excess=np.where(failing, 8.0, 0.0),
        blamed=np.zeros(n),
        failing=failing,
        regions={},
        beside={},
        places={edges.services[row]: ((), (("en", 8),)) for row in np.flatnonzero(failing)},
    )


def _ms(edges: Graph, evidence: Evidence) -> float:
    spent = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        explain(edges, evidence)
        spent.append(time.process_time() - begin)
    return round(1_000 * float(np.median(spent)), 1)
