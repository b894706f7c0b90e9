"""What stands around a name inside one glued word: #WhatsAppDown, #SeCayoWhatsApp, #LINE障害."""

from enum import StrEnum
from functools import lru_cache

from models.context import vocabulary

MAX_REST = 40  # letters on either side of the name; longer than any phrase that people glue


class Rest(StrEnum):
    """What the rest of a glued word says: a failure, nothing of weight, or something else."""

    OUTAGE = "outage"
    GLUE = "glue"
    OTHER = "other"


class Hashtags:
    """Reads the letters that are left of a word when a name is taken out of it."""

    def __init__(self) -> None:
        self._outage = frozenset(_glued(word) for word in vocabulary("outage"))
        glue = (_glued(word) for word in (*vocabulary("app"), *vocabulary("glue")))
        self._glue = frozenset(glue) - self._outage
        self._longest = max(map(len, self._outage | self._glue))
        # The same few tags fill a stream for hours.
        self._judged = lru_cache(maxsize=4096)(self._judge)

    def read(self, before: str, after: str) -> Rest:
        """Judge what stands *before* and *after* a name; nothing at all is glue."""
        rests = {self._judged(before), self._judged(after)}
        if Rest.OTHER in rests:
            return Rest.OTHER
        return Rest.OUTAGE if Rest.OUTAGE in rests else Rest.GLUE

    def name_length(self, hashtag: str) -> int:
        """Return the length of a folded *hashtag* without the word of outage at its end."""
        for cut in range(2, len(hashtag)):
            if hashtag[cut:] in self._outage:
                return cut
        return len(hashtag)

    def _judge(self, rest: str) -> Rest:
        """Cut *rest* into known words, left to right; quadratic in at most 40 letters."""
        rest = "".join(letter for letter in rest if letter != "_" and not letter.isdigit())
        if not rest or len(rest) > MAX_REST:
            return Rest.OTHER if rest else Rest.GLUE
        reached: list[set[Rest]] = [{Rest.GLUE}, *(set() for _ in rest)]
        for start, says in enumerate(reached[:-1]):
            for end in range(start + 1, min(len(rest), start + self._longest) + 1 if says else 0):
                if (word := rest[start:end]) in self._outage:
                    reached[end].add(Rest.OUTAGE)
                elif word in self._glue:
                    reached[end] |= says
        return max(reached[-1], default=Rest.OTHER)


def _glued(word: str) -> str:
    return "".join(letter for letter in word if letter.isalnum() or ord(letter) > 0x2FF)
