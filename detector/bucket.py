"""One closed bucket of event time: what distinct authors said in it, over all partitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detector.incidents import Sample

WIDTH = 10  # seconds; 10 s saves 0.5 to 2.4 minutes of delay against 60 s at low and middling rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """
    Counts of distinct authors in [start, start + WIDTH), event time in unix seconds.

    Keys are catalogue ids. *affected* says that it fails, *recovered* that it works again, *mentioned*
    only names it, *blamed* names it as the cause of somebody else's failure. *symptoms* and *regions*
    break *affected* down. Absent keys are zero. *n_reports* counts every accepted report.
    """

    start: int
    affected: Mapping[str, int] = field(default_factory=dict)
    recovered: Mapping[str, int] = field(default_factory=dict)
    mentioned: Mapping[str, int] = field(default_factory=dict)
    blamed: Mapping[str, int] = field(default_factory=dict)
    symptoms: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    regions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    n_reports: int = 0
