"""Why a provider is blamed, or a service cleared, in plain words."""

from detector.baseline import Flags, Floats
from detector.dependencies import Graph, Hypothesis


def reasons(
    hypothesis: Hypothesis, graph: Graph, failing: Flags, blamed: Floats
) -> tuple[str, ...]:
    """Say what speaks for *hypothesis*; *blamed* are authors of the last five minutes, by row."""
    name = graph.names.get(hypothesis.provider, hypothesis.provider)
    place = f"{name} {hypothesis.region}" if hypothesis.region else name
    row = graph.row(hypothesis.provider)
    dependents = hypothesis.rows[hypothesis.rows != (-1 if row is None else row)]
    n_failing = int(failing[dependents].sum())
    depend = f"{n_failing} of {len(dependents)} services that depend on {place}"
    found = [f"{depend} report failures"] if n_failing else []
    beyond = int(failing.sum()) - int(failing[hypothesis.rows].sum())
    if hypothesis.wide and beyond:
        found.append(f"{beyond} other services fail at the same time")
    if row is not None:
        if failing[row]:
            found.append(f"{name} itself is reported as failing")
        # A steady stream of one author a minute adds up to five in a memory of five minutes.
        if (per_minute := blamed[row] / 5) >= 0.1:
            times = f"{per_minute:.0f}" if per_minute >= 2 else f"{per_minute:.1f}"
            found.append(f"posts blame {name} {times} times a minute")
    if hypothesis.region:
        found.append(f"posts name {hypothesis.region}")
    return tuple(found)


def spilt_over(share: float, culprit: str) -> str:
    """Say why a service is cleared, *share* of whose reports name the *culprit*."""
    if share >= 0.05:
        return f"{percent(share)} of its reports name {culprit}"
    return f"its reports rose with those of {culprit}, at a small share of their number"


def percent(share: float) -> str:
    """Write a share in whole percent."""
    return f"{round(100 * share)} %"
