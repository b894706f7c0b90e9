"""Posts that their authors deleted leave the evidence; what was counted stays counted. Pure."""

from collections.abc import Set
from dataclasses import replace

import msgspec

from detector.bucket import Bucket
from detector.evidence import Hint
from detector.incidents import Incident, Sample
from detector.state import State


def erased(state: State, bucket: Bucket) -> tuple[State, Bucket]:
    """Take the samples of what was deleted in *bucket* out of it and out of the memory."""
    if not bucket.deleted:
        return state, bucket
    samples = {
        service: kept
        for service, found in bucket.samples.items()
        if (kept := without(found, bucket.deleted))
    }
    incidents = tuple(forgetful(incident, bucket.deleted) for incident in state.incidents)
    hints = tuple(_hint(hint, bucket.deleted) for hint in state.hints)
    return replace(state, incidents=incidents, hints=hints), replace(bucket, samples=samples)


def forgetful(incident: Incident, deleted: Set[str]) -> Incident:
    """Return *incident* without the samples that *deleted* names, itself if there are none."""
    kept = without(incident.samples, deleted)
    return incident if len(kept) == len(incident.samples) else replace(incident, samples=kept)


def without(samples: tuple[Sample, ...], deleted: Set[str]) -> tuple[Sample, ...]:
    """Return the *samples* that *deleted* does not name, by id or by the account in it."""
    return tuple(sample for sample in samples if not names(deleted, sample.report_id))


def names(deleted: Set[str], report_id: str) -> bool:
    """Whether *deleted* holds the id, or the beginning of it that ends in its last "/"."""
    account, slash, _ = report_id.rpartition("/")
    return report_id in deleted or (slash != "" and account + slash in deleted)


def _hint(hint: Hint, deleted: Set[str]) -> Hint:
    kept = without(hint.samples, deleted)
    return hint if len(kept) == len(hint.samples) else msgspec.structs.replace(hint, samples=kept)
