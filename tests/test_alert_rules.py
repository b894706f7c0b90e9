from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from detector.incidents import Incident, Severity, Status, Step
from stream.alert_settings import Alerts
from stream.alerts.rules import Maintenance, QuietHours, Route, Rules, flickers
from stream.destinations import names, rules
from stream.settings import SettingsError
from tests.alert_cases import CATALOGUE, after, at, explained, opened, resolved

NIGHT = QuietHours(begin=time(22), end=time(7), zone=ZoneInfo("Europe/Paris"))
BOT = {"slack": {"bot_token": "xoxb-1", "channel": "#outages"}}


@pytest.mark.parametrize(
    ("hour", "until"), [(21, 6), (3, 6), (5.9, 6), (6, None), (12, None), (20.5, None)]
)
def test_quiet_hours_go_over_midnight_in_their_own_zone(hour: float, until: int | None) -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC) + timedelta(hours=hour)

    end = NIGHT.until(now)

    assert (end is None) == (until is None)
    if end is not None:
        assert end.hour == until
        assert timedelta(0) < end - now < timedelta(hours=10)


def test_what_is_critical_is_told_at_night() -> None:
    rules, night = Rules(quiet=NIGHT), datetime(2026, 1, 10, 23, tzinfo=UTC)

    assert rules.withheld(opened(), night) == (datetime(2026, 1, 11, 6, tzinfo=UTC), "quiet hours")
    assert rules.withheld(explained(), night) is None


def test_a_mute_ends_by_itself() -> None:
    until = at(60)

    assert Rules().withheld(opened(), at(59), until) == (until, "muted")
    assert Rules().withheld(opened(), at(60), until) is None


def test_maintenance_holds_back_only_what_is_wholly_in_it() -> None:
    window = Maintenance(begins_at=at(0), ends_at=at(60), services=frozenset({"snapchat"}))
    rules = Rules(maintenance=(window,))

    assert rules.withheld(opened(), at(30)) == (at(60), "maintenance")
    assert rules.withheld(explained(), at(30)) is None
    assert rules.withheld(opened(), at(61)) is None


@pytest.mark.parametrize(
    ("route", "goes"),
    [
        (Route(), True),
        (Route(services=frozenset({"aws"})), True),
        (Route(services=frozenset({"zoom"})), False),
        (Route(industries=frozenset({"test"}), regions=frozenset({"us-east-1"})), True),
        (Route(industries=frozenset({"test"}), regions=frozenset({"eu"})), False),
        (Route(severity=Severity.CRITICAL), True),
    ],
)
def test_an_incident_goes_the_ways_that_it_matches(route: Route, goes: bool) -> None:
    assert route.takes(explained(), CATALOGUE) is goes
    assert Rules(routes=(route,)).admits(explained(), CATALOGUE) is goes


def test_a_route_has_a_least_severity_and_may_wait_for_confirmation() -> None:
    assert not Route(severity=Severity.CRITICAL).takes(opened(), CATALOGUE)
    assert not Rules(confirmed_only=True).admits(opened(), CATALOGUE)
    assert Rules(confirmed_only=True).admits(resolved(), CATALOGUE)


def wavering() -> list[Incident]:
    """An incident that recovers and fails again by the minute."""
    story = [explained()]
    for minute in range(20, 32, 2):
        falling = after(story[-1], Step.RECOVERING, at(minute), status=Status.RECOVERING)
        rising = after(falling, Step.SECOND_WAVE, at(minute + 1), status=Status.ONGOING)
        story += [falling, rising]
    return story


def test_flicker_is_told_once_in_five_minutes_and_the_end_always() -> None:
    story = wavering()
    told = [one for one in story if not flickers(one, one.transitions[-1])]
    over = after(story[-1], Step.RESOLVED, at(32), status=Status.RESOLVED)

    steps = [one.transitions[-1].step.value for one in told]
    assert steps == ["cause_changed", *["recovering", "second_wave"] * 2]
    assert not flickers(over, over.transitions[-1])


def test_another_cause_is_no_flicker_but_a_surer_one_is() -> None:
    def blamed(incident: Incident, name: str, sure: int, minute: float) -> Incident:
        detail = f"probable cause {name}, {sure} %"
        return after(incident, Step.CAUSE_CHANGED, at(minute), detail=detail)

    first = blamed(opened(), "AWS", 60, 3)
    surer, other = blamed(first, "AWS", 90, 4), blamed(first, "Azure", 70, 4)

    assert flickers(surer, surer.transitions[-1])
    assert not flickers(other, other.transitions[-1])


def test_without_routes_everything_goes_to_all_that_is_configured() -> None:
    alerts = Alerts.model_validate({**BOT, "pagerduty": {"routing_key": "k"}, "severity": "major"})

    assert names(Alerts()) == ("terminal",)
    assert names(alerts) == ("slack", "pagerduty")
    assert rules("slack", alerts).routes == (Route(severity=Severity.MAJOR),)


def test_routes_name_slack_channels_and_refuse_what_is_not_configured() -> None:
    route = {"to": ["slack:#payments", "slack"], "industries": ["finance"], "severity": "major"}
    alerts = Alerts.model_validate({**BOT, "routes": [route]})

    assert names(alerts) == ("slack:#payments", "slack")
    assert not rules("slack", alerts).admits(explained(), CATALOGUE)
    for to in ("pagerduty", "webhook"):
        wrong = Alerts.model_validate({**BOT, "routes": [{"to": [to]}]})
        with pytest.raises(SettingsError, match=f"names '{to}', which is not configured"):
            names(wrong)


def test_a_severity_that_falls_does_not_change_what_a_route_took() -> None:
    minor = replace(opened(), severity=Severity.MINOR)

    assert not Rules(routes=(Route(severity=Severity.MAJOR),)).admits(minor, CATALOGUE)
