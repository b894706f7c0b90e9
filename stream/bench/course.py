"""What a run of `outcry bench intake` was seen to do, moment by moment, and its figures. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WARM_UP = 60.0  # seconds until memory is compared: models are loaded, pools filled


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one process holds and has used: memory in MB, processor seconds since it began."""

    rss: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was seen at one time, in seconds of a steady clock."""

    at: float
    n_made: int
    n_counted: int
    uses: Mapping[str, Use]

    @property
    def lag(self) -> int:
        """Posts that were sent and are not counted yet."""
        return max(0, self.n_made - self.n_counted)


def figures(moments: Sequence[Moment], seconds: float) -> dict[str, Any]:
    """
    Return the figures of a run of *seconds*; the last of *moments* is when all was counted.

    Rates and memory leave the warm-up out; processor seconds are those of all posts but the first
    few, which come while the parts still load.
    """
    seen = [one for one in moments if one.n_counted] or list(moments)
    live = [one for one in seen if one.at - seen[0].at <= seconds] or seen
    warm = [one for one in live if one.at - live[0].at >= min(WARM_UP, seconds / 3)] or live
    first, last = warm[0], warm[-1]
    span = max(last.at - first.at, 1e-9)
    cpu = _by_part(seen[0], seen[-1], lambda a, b: b.cpu - a.cpu)
    per_thousand = 1000 / max(1, seen[-1].n_counted - seen[0].n_counted)
    return {
        "posts_per_second": round((last.n_counted - first.n_counted) / span, 1),
        "seconds": round(span, 1),
        "posts_sent": moments[-1].n_made,
        "posts_counted": moments[-1].n_counted,
        "lag_max": max(one.lag for one in warm),
        "lag_last": last.lag,
        "rss_mb_first": _by_part(first, last, lambda a, b: a.rss),
        "rss_mb_last": _by_part(first, last, lambda a, b: b.rss),
        "cpu_seconds": cpu,
        "cpu_seconds_per_1000_posts": {
            **{name: round(used * per_thousand, 4) for name, used in cpu.items()},
            "all": round(sum(cpu.values()) * per_thousand, 4),
        },
        "cores": _by_part(first, last, lambda a, b: (b.cpu - a.cpu) / span),
    }


def _by_part(first: Moment, last: Moment, figure: Callable[[Use, Use], float]) -> dict[str, float]:
    return {
        name: round(figure(use, last.uses.get(name, use)), 2) for name, use in first.uses.items()
    }
