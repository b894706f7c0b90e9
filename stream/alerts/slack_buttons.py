"""What a click on a message's button means, and who may click."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from detector.actions import Actions, Actor, Role

MUTE = timedelta(hours=1)


class Unknown(Exception):
    """A payload that is no click on one of our buttons."""


def act(
    payload: Mapping[str, Any], operators: Collection[str], actions: Actions, now: datetime
) -> str:
    """
    Do what was clicked and return what was done; *operators* are the ids of who may.

    Raises `Unknown`, `Forbidden` and `ActionError`; then nothing was done.
    """
    name, incident, user, shown = _click(payload)
    role = Role.OPERATOR if user in operators else Role.VIEWER
    by = Actor(name=f"{shown} ({user})", role=role, via="slack")
    match name:
        case "outcry_acknowledge":
            actions.acknowledge(incident, by, now)
        case "outcry_mute":
            actions.silence(by, now, now + MUTE, incident=incident)
        case "outcry_false_alarm":
            actions.call_false(incident, by, now)
        case _:
            raise Unknown(f"button {name[:80]!r}: expected one of ours")
    return name


def _click(payload: Mapping[str, Any]) -> tuple[str, str, str, str]:
    match payload:
        case {
            "type": "block_actions",
            "actions": [{"action_id": str(name), "value": str(incident)}, *_],
            "user": {"id": str(user), **rest},
        }:
            shown = rest.get("username") or rest.get("name") or "somebody"
            return name, incident, user, str(shown)
    raise Unknown("payload: expected the click of a button")
