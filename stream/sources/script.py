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
    """A service that is reported although nothing of it fails."""

    service: ServiceId
    posts: Amount


class Spillover(_Table, frozen=True, kw_only=True):
    """Rumours between two times."""

    start: time
    end: time
    rows: list[Rumour]


class Blame(_Table, frozen=True, kw_only=True):
    """From when on posts name the provider, when that is in full swing, and then in which share."""

    start: time = msgspec.field(name="from")
    full: time
    share: Share


class Crowd(_Table, frozen=True, kw_only=True):
    """Numbers of posts of each kind over the whole scenario, and shares."""

    mentions: Amount
    single_complaints: Amount
    own_outage_questions: Amount
    noise: Amount
    news: Amount
    bots: Amount
    edge_cases: Amount
    recovered_share: Share
    elsewhere_share: Share
    repost_share: Share
    copied_share: Share
    form_share: Share
    again_share: Share
    redelivered_share: Share


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
    """A scenario's file."""

    id: ServiceId
    title: str
    provider: ServiceId
    region: str
    provider_names: Annotated[list[str], Meta(min_length=1)]
    date: date
    start: time
    end: time
    seed: int
    timeline: list[Fact]
    official: list[Official]
    waves: list[Wave]
    blame: Blame
    languages: dict[str, dict[str, Share]]
    truth: list[Failures]
    spillover: list[Spillover]
    crowd: Crowd
