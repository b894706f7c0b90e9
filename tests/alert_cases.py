"""Incidents to tell people of: one believable story, and any incident at all for laws."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from detector.incidents import (
    Affected,
    Cause,
    Incident,
    Sample,
    Severity,
    Status,
    Step,
    Transition,
)
from detector.suspects import Suspect
from models.catalogue import Catalogue, Service
from stream.alerts.channel import Alert, is_story

ONSET = datetime(2025, 10, 20, 6, 49, tzinfo=UTC)
ATTACKS = [
    "<!channel> wake up",
    "<@U024BE7LH> <#C1|general> <!subteam^S1>",
    "*bold* _italic_ ~strike~ `code` ```block```",
    "<https://evil.example|Open the incident>",
    "https://evil.example/login @here @channel @everyone",
    "\x1b]0;owned\x07\x1b[31mred\x1b[0m \x9b2J \r\n> quote\b\b",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "&lt;!channel&gt; &amp;amp; <&>",
    ":fire: [bold red]rich[/] [link=https://evil.example]x[/link]",
    "\ud800 \u0000 \ufeff \U000e0041",
    "=HYPERLINK(1) <img src=x onerror=alert(1)> ![x](https://evil.example/p.png)",
]

NAMES = {
    "aws": "Amazon Web Services",
    "snapchat": "Snapchat",
    "ring": "Ring",
    "venmo": "Venmo",
    "roblox": "Roblox",
    "att": "AT&T",
}
CATALOGUE = Catalogue(
    {id: Service(id=id, name=name, industry="test") for id, name in NAMES.items()}
)


def at(minutes: float) -> datetime:
    """Return the instant that lies *minutes* after the onset of the story."""
    return ONSET + timedelta(minutes=minutes)


def affected(service: str, **changed: object) -> Affected:
    """Return a service that fails badly since the onset."""
    value = Affected(
        service=service,
        status=Status.ONGOING,
        severity=Severity.MAJOR,
        onset_at=ONSET,
        joined_at=at(2),
        observed=120,
        expected=2.5,
        peak_per_minute=31.0,
        symptoms=(("login", 40), ("loading", 22)),
        regions=(("us-east-1", 18), ("US", 9)),
    )
    return replace(value, **changed)  # type: ignore[arg-type]


def suspect(text: str = "snapchat is down", **changed: object) -> Suspect:
    """Return a service that is held back, with one post."""
    value = Suspect(
        service="snapchat",
        since_at=at(3),
        held=True,
        posts=500,
        people=100,
        newcomers=95,
        alike=90,
        usual_newcomers=0.2,
        why=("90 of 100 people post the same text, or nearly", "95% of them were never heard of"),
        samples=(sample(text),),
    )
    return replace(value, **changed)  # type: ignore[arg-type]


def sample(text: str, service: str = "snapchat", **changed: object) -> Sample:
    """Return a made-up post."""
    value = Sample(
        report_id=f"r-{text[:20]}",
        service=service,
        text=text,
        source="bluesky",
        posted_at=at(1),
        score=0.9,
        synthetic=True,
    )
    return replace(value, **changed)  # type: ignore[arg-type]


def opened() -> Incident:
    """Return the story's incident as it is raised: one service, nothing known of the cause."""
    incident = Incident(
        id="20251020T0651-snapchat",
        status=Status.EMERGING,
        severity=Severity.MAJOR,
        affected=(affected("snapchat", status=Status.EMERGING, observed=31, expected=0.4),),
        onset_at=ONSET,
        opened_at=at(2),
        updated_at=at(2),
        observed=31,
        expected=0.4,
        samples=(
            sample("anyone else's snapchat not loading?? stuck on the white screen"),
            sample("snap is down again, can't log in", score=0.8),
        ),
        synthetic=True,
    )
    return after(incident, Step.OPENED, at(2))


def explained() -> Incident:
    """Return the incident when its cause is known and many services have joined."""
    first = after(opened(), Step.CONFIRMED, at(6), status=Status.ONGOING)
    services = ("snapchat", "ring", "venmo", "roblox", "att")
    more = tuple(f"vendor-{i:02}" for i in range(20))
    joined = replace(
        first,
        affected=tuple(affected(one) for one in services)
        + tuple(affected(one, severity=Severity.MINOR, observed=12) for one in more),
        severity=Severity.CRITICAL,
        observed=840,
        expected=12.5,
        samples=(
            *first.samples,
            sample("Ring doorbell and cameras all offline, is AWS down?", "ring"),
            sample("venmo won't let me pay my rent lol", "venmo", score=0.95),
        ),
        cause=Cause(
            provider="aws",
            region="us-east-1",
            probability=0.96,
            reasons=(
                "24 of 25 affected services depend on Amazon Web Services",
                "143 reports blame Amazon Web Services by name",
                "all onsets lie within 4 minutes",
            ),
        ),
    )
    detail = "24 of its dependents fail at once"
    return after(joined, Step.CAUSE_CHANGED, at(9), severity=Severity.CRITICAL, detail=detail)


def resolved() -> Incident:
    """Return the incident after its end."""
    falling = after(explained(), Step.RECOVERING, at(150), status=Status.RECOVERING)
    ended = replace(falling, resolved_at=at(171), observed=9_321, expected=214.0)
    detail = "all 25 services are back to normal"
    return after(ended, Step.RESOLVED, at(171), status=Status.RESOLVED, detail=detail)


def after(
    incident: Incident,
    step: Step,
    when: datetime,
    *,
    status: Status | None = None,
    severity: Severity | None = None,
    detail: str = "",
) -> Incident:
    """Return *incident* after one more transition."""
    transition = Transition(
        at=when,
        step=step,
        status=status or incident.status,
        severity=severity or incident.severity,
        detail=detail,
    )
    return replace(
        incident,
        status=transition.status,
        severity=transition.severity,
        updated_at=when,
        transitions=(*incident.transitions, transition),
    )


def alert(incident: Incident, newest: Incident | None = None, entry_id: str = "1-1") -> Alert:
    """Return the alert of the last transition of *incident*."""
    return Alert(
        entry_id=entry_id,
        incident=incident,
        transition=incident.transitions[-1],
        newest=newest or incident,
        is_story=is_story(incident.transitions[-1]),
    )


_text = st.one_of(st.sampled_from(ATTACKS), st.text(max_size=60), st.just("x" * 4_000))
_instant = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
    datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_count = st.integers(0, 10**12)
_rate = st.floats(0, 1e12) | st.sampled_from([float("inf"), float("nan")])
_service = st.sampled_from([*NAMES, "unknown-service"]) | _text
_pairs = st.lists(st.tuples(_text, _count), max_size=30).map(tuple)
_transitions = st.builds(
    Transition,
    at=_instant,
    step=st.sampled_from(Step),
    status=st.sampled_from(Status),
    severity=st.sampled_from(Severity),
    detail=_text,
)
_affected = st.builds(
    Affected,
    service=_service,
    status=st.sampled_from(Status),
    severity=st.sampled_from(Severity),
    onset_at=_instant,
    joined_at=_instant,
    observed=_count,
    expected=_rate,
    symptoms=_pairs,
    regions=_pairs,
)
_samples = st.builds(
    Sample,
    report_id=_text,
    service=_service,
    text=_text,
    source=_text,
    posted_at=_instant,
    score=st.floats(0, 1),
    synthetic=st.booleans(),
)
_causes = st.builds(
    Cause,
    provider=_service,
    probability=_rate,
    region=st.none() | _text,
    reasons=st.lists(_text, max_size=12).map(tuple),
)
incidents = st.builds(
    Incident,
    id=_text,
    status=st.sampled_from(Status),
    severity=st.sampled_from(Severity),
    affected=st.lists(_affected, max_size=40).map(tuple),
    onset_at=_instant,
    opened_at=_instant,
    updated_at=_instant,
    resolved_at=st.none() | _instant,
    cause=st.none() | _causes,
    observed=_count,
    expected=_rate,
    samples=st.lists(_samples, max_size=12).map(tuple),
    transitions=st.lists(_transitions, min_size=1, max_size=6).map(tuple),
    synthetic=st.booleans(),
)
