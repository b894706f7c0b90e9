"""Back-tests of several scenarios at once: one process a core."""

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from detector.tick import Policy
from models.catalogue import Catalogue
from models.tagger import Tagger
from stream.scenario_backtest import Result, played
from stream.sources.scenario import load_scenario
from stream.tally import accepted

_LONGEST = "aws-2025-10-20"  # begun first, so that no core waits for it at the end


def results(
    names: Sequence[str],
    own_files: Sequence[Path],
    model: Path | None,
    seeds: Sequence[int],
    weeks: int,
) -> Iterator[Result]:
    """
    Yield the result of each scenario of *names*, after so many ordinary *weeks*, as they are ready.

    *own_files* of the catalogue and the *model* are those of the settings; each process reads them.

    Raises `stream.sources.scenario.ScenarioError` for one that is unknown or wrong.
    """
    for name in names:
        load_scenario(name)
    n = min(len(names), os.cpu_count() or 1)
    if n < 2:
        for name in names:
            yield _result(name, own_files, model, seeds, weeks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n, mp_context=context, initializer=_end_with_parent) as pool:
        ordered = sorted(names, key=lambda name: (name != _LONGEST, name))
        waiting = [pool.submit(_result, name, own_files, model, seeds, weeks) for name in ordered]
        for one in as_completed(waiting):
            yield one.result()


def _end_with_parent() -> None:
    """A command that is killed leaves nothing behind that computes on."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _result(
    name: str, own_files: Sequence[Path], model: Path | None, seeds: Sequence[int], weeks: int
) -> Result:
    scenario, catalogue = load_scenario(name), Catalogue.load(own_files)
    entries = list(accepted(scenario.reports(), Tagger.load(catalogue, model)))
    return played(scenario, entries, catalogue, Policy(), seeds, weeks)
