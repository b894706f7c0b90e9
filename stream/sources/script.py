"""The file of a scenario: sourced facts, and the numbers of the crowd made up around them."""

from datetime import date, time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from stream.report import ServiceId

Share = Annotated[float, Meta(ge=0, le=1)]
Weight = Annotated[float, Meta(gt=0)]
Amount = Annotated[int, Meta(ge=0, le=1_000_000)]
Solidity = Literal["A", "B", "C", "D"]
Standing = Literal["confirmed", "listed"]
Kind = Literal["shared", "coincidence", "quiet", "manipulation", "viral", "restriction"]

ENGLISH = {"en": 1.0}


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Fact(_Table, frozen=True, kw_only=True):
    """Something that happened, how solid its source is, and whether people could know it then."""

    at: time
    what: str
    public: bool
    source: str
    solidity: Solidity


class Official(_Table, frozen=True, kw_only=True):
    """A post by a company's own account: no user report."""

    at: time
    service: ServiceId
    text: str


class Wave(_Table, frozen=True, kw_only=True):
    """How the crowd's interest goes: [time, level] points with straight lines between."""

    id: str
    posts: Amount
    shape: list[tuple[time, Annotated[float, Meta(ge=0)]]]


class Failure(_Table, frozen=True, kw_only=True):
    """One service that fails from *start* to *end*; *weight* is its share of a wave's posts."""

    service: ServiceId
    start: time
    end: time
    weight: Weight
    standing: Standing


class Failures(_Table, frozen=True, kw_only=True):
    """Services that fail in the same waves."""

    waves: list[str]
    rows: list[Failure]


class Rumour(_Table, frozen=True, kw_only=True):
    """
    A service that is reported although nothing of it fails.

    *documented*: that it was blamed wrongly is on record, and a detector should clear it.
    """

    service: ServiceId
    posts: Amount
    documented: bool = False


class Spillover(_Table, frozen=True, kw_only=True):
    """Rumours between two times; *naming* is the share that names who really fails."""

    start: time
    end: time
    rows: list[Rumour]
    naming: Share = 0.0


class Chatter(_Table, frozen=True, kw_only=True):
    """A service that everybody talks about while nothing of it fails."""

    service: ServiceId
    start: time
    end: time
    posts: Amount


class Campaign(_Table, frozen=True, kw_only=True):
    """Accounts that report a failure together that does not exist; "{n}" in a text varies it."""

    start: time
    end: time
    services: list[ServiceId]
    accounts: Annotated[int, Meta(ge=1, le=10_000)]
    posts: Amount
    texts: Annotated[list[str], Meta(min_length=1)]


class Blame(_Table, frozen=True, kw_only=True):
    """From when on posts name the provider, when that is in full swing, and then in which share."""

    start: time = msgspec.field(name="from")
    full: time
    share: Share


class Crowd(_Table, frozen=True, kw_only=True):
    """Numbers of posts of each kind over the whole scenario, and shares."""

    mentions: Amount = 2_500
    single_complaints: Amount = 450
    own_outage_questions: Amount = 90
    noise: Amount = 1_500
    news: Amount = 150
    bots: Amount = 60
    edge_cases: Amount = 0
    recovered_share: Share = 0.13
    elsewhere_share: Share = 0.05
    repost_share: Share = 0.05
    copied_share: Share = 0.02
    form_share: Share = 0.03
    again_share: Share = 0.12
    redelivered_share: Share = 0.003


class Character(_Table, frozen=True, kw_only=True):
    """How posts name a service; *mentions* is its popularity against the others on a quiet day."""

    names: Annotated[list[str], Meta(min_length=1)]
    handle: str | None = None
    genre: str = "any"
    mentions: Weight = 2.0
    languages: list[str] | None = None


class Cast(_Table, frozen=True, kw_only=True):
    services: dict[ServiceId, Character]


class Script(_Table, frozen=True, kw_only=True):
    """
    A scenario's file.

    *provider* is what failed, None where nothing is shared; *event* the id of the outage in the
    catalogue's evidence, so that a back-test can leave out the edges that only it has shown.
    """

    id: ServiceId
    title: str
    kind: Kind = "shared"
    event: str | None = None
    provider: ServiceId | None = None
    region: str | None = None
    provider_names: list[str] = []
    date: date
    start: time
    end: time
    seed: int
    timeline: list[Fact] = []
    official: list[Official] = []
    waves: list[Wave] = []
    blame: Blame | None = None
    languages: dict[str, dict[str, Share]] = msgspec.field(default_factory=lambda: {"00": ENGLISH})
    truth: list[Failures] = []
    spillover: list[Spillover] = []
    chatter: list[Chatter] = []
    campaign: list[Campaign] = []
    crowd: Crowd = Crowd()
