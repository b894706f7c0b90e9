"""
Which stored incidents hold which post as evidence, so that a deletion finds all of its copies.

The text of a post is stored in the incident alone: outbox entries carry none, readers get the
samples that the incident has at that moment.
"""

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Any

import msgspec

from detector.erasure import forgetful, names
from detector.incidents import Incident, Status

_decoder = msgspec.json.Decoder(Incident)


def note(pipe: Any, base: str, incidents: Iterable[Incident]) -> None:
    """Remember, within the transaction *pipe*, which posts *incidents* hold."""
    held = {f"{s.report_id} {one.id}": "" for one in incidents for s in one.samples}
    if held:
        pipe.hset(base + "evidence", mapping=held)


def without_deleted(client: Any, base: str, deleted: Set[str]) -> list[Incident]:
    """Return those stored incidents that hold a post which *deleted* names, without it."""
    if not deleted:
        return []
    pairs = (key.decode().rpartition(" ") for key in client.hkeys(base + "evidence"))
    ids = sorted({incident for report, _, incident in pairs if names(deleted, report)})
    return [forgetful(one, deleted) for one in _load(client, base, ids)]


def forget(client: Any, base: str, before: float) -> int:
    """
    Remove the evidence of all incidents that were opened before *before* and are resolved.

    Returns from how many of them; they are looked at once. Unix seconds, idempotent.
    """
    done = float(client.get(base + "forgotten_until") or 0)
    named = client.zrangebyscore(base + "index", done, f"({before}")
    found = _load(client, base, [name.decode() for name in named])
    old = [one for one in found if one.status is Status.RESOLVED]
    if len(old) < len(found):  # what is still open is looked at again, with all that came after it
        going_on = (one for one in found if one.status is not Status.RESOLVED)
        before = min(one.opened_at.timestamp() for one in going_on)
    with client.pipeline(transaction=True) as pipe:
        for one in old:
            bare = replace(one, samples=())
            pipe.hset(base + "incidents", one.id, msgspec.json.encode(bare))
            for sample in one.samples:
                pipe.hdel(base + "evidence", f"{sample.report_id} {one.id}")
        pipe.set(base + "forgotten_until", before)
        pipe.execute()
    return sum(bool(one.samples) for one in old)


def _load(client: Any, base: str, ids: list[str]) -> list[Incident]:
    rows = client.hmget(base + "incidents", ids) if ids else []
    return [_decoder.decode(row) for row in rows if row is not None]
