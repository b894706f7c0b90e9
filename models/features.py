"""
What the linear model sees of one service in one post: a list of strings, to be hashed.

Four views: the words of the post with the service in question, and every other one, masked; the
words on either side of the service, by distance; the classes of outage phrases as a skeleton, which
carries over between languages; and whether a backbone is named, on which others depend and which
they blame.
"""

from collections.abc import Sequence, Set
from itertools import pairwise

from models.text import Tokens
from models.vocabulary import Said, Span

SELF, OTHER = "<svc>", "<other>"
CUES = ("down", "unable")  # classes of phrases that speak for a report, whatever stands around them
_NEAR, _WINDOW = 2, 6
_MAX_OTHERS = 3  # other services of the post; so many stand for more
_MAX_SEEN = 3  # mentions of the same service whose surroundings count
_FIRST_PERSON = "i"


def features(tokens: Tokens, spans: Sequence[Span], service: str, backbones: Set[str]) -> list[str]:
    """
    The features of *service* in a post; pure, and linear in the number of tokens.

    *backbones* are the ids that many services depend on.
    """
    words = mask(tokens, service)
    positions = [i for i, word in enumerate(words) if word == SELF]
    return [
        *_ngrams(words),
        *_around(words, positions),
        *_skeleton(words, spans, positions),
        *_rank(tokens, service, backbones),
    ]


def cues(said: Said) -> list[float]:
    """1 for each of `CUES` of which the post holds a phrase, else 0; in their order."""
    kinds = {span.kind for span in said.spans}
    return [float(kind in kinds) for kind in CUES]


def mask(tokens: Tokens, service: str) -> list[str]:
    """The words, with *service* as `SELF` and every other service as `OTHER`."""
    return [
        word if not owner else SELF if owner == service else OTHER
        for word, owner in zip(tokens.words, tokens.owners, strict=True)
    ]


def _ngrams(words: Sequence[str]) -> list[str]:
    bounded = ["<s>", *words, "</s>"]
    pairs = [f"{a} {b}" for a, b in pairwise(bounded)]
    triples = [f"{a} {b} {c}" for a, b, c in zip(words, words[1:], words[2:], strict=False)]
    stems = [f"p:{word[:5]}" for word in words if len(word) > 5]
    return [*set(words), *set(pairs), *set(triples), *set(stems)]


def _around(words: Sequence[str], positions: Sequence[int]) -> set[str]:
    found: set[str] = set()
    for at in positions[:_MAX_SEEN]:
        for distance in range(1, _WINDOW + 1):
            near = "1" if distance <= _NEAR else ""
            if at >= distance:
                found.add(f"L{near}:{words[at - distance]}")
            if at + distance < len(words):
                found.add(f"R{near}:{words[at + distance]}")
    return found


def _skeleton(words: Sequence[str], spans: Sequence[Span], positions: Sequence[int]) -> set[str]:
    kinds = {span.start: span.kind for span in spans}
    bones = [
        (i, kinds.get(i) or word)
        for i, word in enumerate(words)
        if i in kinds or word in (SELF, OTHER, "?", ".")
    ]
    names = [name for _, name in bones]
    found = {f"k:{name}" for name in names}
    found.update(f"k:{a} {b}" for a, b in pairwise(names))
    spoken = [name for name in names if name not in (_FIRST_PERSON, ".")]
    found.update(f"K:{a} {b}" for a, b in pairwise(spoken))
    found.update(f"K:{a} {b} {c}" for a, b, c in zip(spoken, spoken[1:], spoken[2:], strict=False))
    for at in positions[:_MAX_SEEN]:
        found.update(_reach(words, bones, at))
    return found


def _reach(words: Sequence[str], bones: Sequence[tuple[int, str]], at: int) -> set[str]:
    """Each class with its side and distance from the service, and whether another one is nearer."""
    found: set[str] = set()
    before = [bone for bone in reversed(bones) if bone[0] < at]
    after = [bone for bone in bones if bone[0] > at]
    for side, outward in (("<", before), (">", after)):
        barred, is_in_sentence = "", True
        for i, name in outward:
            if name not in (".", SELF):
                far = min(abs(i - at).bit_length(), 5)
                found.add(f"d:{name}{side}{far}{barred}")
                if not is_in_sentence:
                    found.add(f"d:{name}{side}.")
            if words[i] == OTHER:
                barred = "|"
            elif words[i] == ".":
                is_in_sentence = False
    return found


def _rank(tokens: Tokens, service: str, backbones: Set[str]) -> list[str]:
    if service in backbones:
        others = len({owner for owner in tokens.owners if owner}) - 1
        return ["b:self", f"b:self others={min(others, _MAX_OTHERS)}"]
    return [] if backbones.isdisjoint(tokens.owners) else ["b:other"]
