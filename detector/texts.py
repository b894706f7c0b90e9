"""
Copied text: the same long text counts once per hour for a service, whoever posts it.

Short texts ("is X down?") are alike because people are, and are left alone; which text is long
enough to have a fingerprint is the tagger's business. Pure.
"""

from collections.abc import Mapping
from dataclasses import replace

from detector.bucket import Bucket

MEMORY = 3600  # seconds

Texts = Mapping[str, int]
"""``service|fingerprint`` → start of the bucket in which the text counted last."""


def count_once(bucket: Bucket, texts: Texts) -> tuple[Bucket, Texts]:
    """
    Fold ``bucket.texts`` into ``bucket.affected``, each text once per `MEMORY`.

    Returns the bucket without texts, and the memory to hand in with the next one.
    """
    if not bucket.texts:
        return bucket, texts
    affected = dict(bucket.affected)
    memory = {key: at for key, at in texts.items() if bucket.start - at < MEMORY}
    for service, fingerprints in bucket.texts.items():
        new = [key for text in fingerprints if (key := f"{service}|{text}") not in memory]
        if new:
            affected[service] = affected.get(service, 0) + len(new)
            memory.update(dict.fromkeys(new, bucket.start))
    return replace(bucket, affected=dict(sorted(affected.items())), texts={}), memory
