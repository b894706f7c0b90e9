"""Many incidents at once in few lines: what a storm is told as, instead of a message for each."""

from collections import Counter
from collections.abc import Sequence

from detector.incidents import Incident, Severity, Status
from models.catalogue import Catalogue
from stream.alerts import wording
from stream.alerts.headline import headline
from stream.alerts.rules import RANK

_SHOWN = 25


def tell(incidents: Sequence[Incident], catalogue: Catalogue) -> tuple[str, list[str]]:
    """Return a sentence on all *incidents*, and a line for each of the worst, at most 26 lines."""
    over = sum(one.status is Status.RESOLVED for one in incidents)
    line = f"Storm: {wording.plural(len(incidents), 'more incident')} in one message"
    counts = Counter(one.severity for one in incidents if one.status is not Status.RESOLVED)
    parts = [f"{counts[one]} {one}" for one in reversed(list(Severity)) if counts[one]]
    parts += [f"{over} resolved"] if over else []
    ranked = sorted(incidents, key=_rank)
    items = [headline(one, catalogue) for one in ranked[:_SHOWN]]
    if (n_more := len(ranked) - _SHOWN) > 0:
        items.append(f"and {n_more} more, on the page")
    return f"{line}: {', '.join(parts)}", items


def _rank(incident: Incident) -> tuple[bool, int, float]:
    over = incident.status is Status.RESOLVED
    return over, -RANK[incident.severity], -incident.opened_at.timestamp()
