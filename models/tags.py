"""What a post says of one service: the vocabulary shared by the tagger, the wire and the counts."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """How a post speaks of a service: failing now, blamed for others' failure, or named only."""

    AFFECTED = "affected"
    CAUSE = "cause"
    MENTIONED = "mentioned"


class Kind(StrEnum):
    """Whether an affected service is said to fail or to work again."""

    DOWN = "down"
    RECOVERED = "recovered"


class Symptom(StrEnum):
    """What does not work."""

    LOGIN = "login"
    PAYMENT = "payment"
    LOADING = "loading"
    CONNECTIVITY = "connectivity"
    CRASH = "crash"
    API = "api"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """
    A statement about one service in one post.

    *service* is a catalogue id; *score* is the probability in [0, 1] that the role is right;
    *region* is a cloud region ("us-east-1") or an ISO 3166 country code, where the text says so.
    """

    service: str
    role: Role
    kind: Kind = Kind.DOWN
    symptom: Symptom | None = None
    region: str | None = None
    score: float = 1.0
