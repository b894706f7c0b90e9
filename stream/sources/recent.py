"""Which posts were sent lately: a reconnect brings some of them again."""

from collections import OrderedDict


class Recent:
    """Remembers the last *size* ids, by their hashes alone: 100,000 take some 12 MB."""

    def __init__(self, size: int = 100_000):
        self._size = size
        self._seen: OrderedDict[int, None] = OrderedDict()

    def add(self, id: str) -> bool:
        """Remember *id*; False when it was known."""
        key = hash(id)
        if key in self._seen:
            return False
        self._seen[key] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return True
