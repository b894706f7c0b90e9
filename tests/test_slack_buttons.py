import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from websockets.sync.server import ServerConnection, serve

from detector.actions import Actions, Forbidden, What
from stream.alerts.slack_buttons import Unknown, act
from stream.alerts.slack_socket import Buttons
from tests.alert_cases import at
from tests.slack_double import SlackDouble

NOW, APP_TOKEN = at(10), "xapp-secret-of-the-test"


def click(name: str, user: str = "U1") -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "jane"},
        "actions": [{"type": "button", "action_id": name, "value": "incident-1"}],
    }


@pytest.fixture
def actions(redis: Redis) -> Actions:
    return Actions(redis, "test")


def test_an_operator_s_clicks_are_done_and_audited(actions: Actions) -> None:
    for name in ("outcry_acknowledge", "outcry_mute", "outcry_false_alarm"):
        assert act(click(name), {"U1"}, actions, NOW) == name

    marks = actions.marks(["incident-1"])["incident-1"]
    assert marks.acknowledged is not None
    assert marks.false_alarm is not None
    (silence,) = actions.silences(NOW)
    assert (silence.incident, silence.until) == ("incident-1", NOW + timedelta(hours=1))
    assert [one.what for one in actions.audit()] == [
        What.FALSE_ALARM,
        What.SILENCED,
        What.ACKNOWLEDGED,
    ]
    assert {(one.by, one.via) for one in actions.audit()} == {("jane (U1)", "slack")}


def test_nobody_else_s_click_and_no_other_payload_does_anything(actions: Actions) -> None:
    with pytest.raises(Forbidden):
        act(click("outcry_mute", user="U2"), {"U1"}, actions, NOW)
    for payload in (click("other"), {}, {"type": "block_actions", "actions": [], "user": {}}):
        with pytest.raises(Unknown):
            act(payload, {"U1"}, actions, NOW)

    assert actions.audit() == ()


@contextmanager
def socket_mode(slack: SlackDouble, envelopes: list[str]) -> Iterator[list[str]]:
    """Let *slack* hand out a websocket that sends *envelopes*; yields what comes back."""
    answers: list[str] = []

    def talk(connection: ServerConnection) -> None:
        for envelope in envelopes:
            connection.send(envelope)
        for message in connection:
            answers.append(str(message))

    with serve(talk, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        slack.socket_url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/link"
        yield answers
        server.shutdown()
        thread.join()


def test_a_click_comes_through_the_socket_and_is_answered(
    actions: Actions, slack: SlackDouble
) -> None:
    payload = click("outcry_acknowledge")
    envelope = {"envelope_id": "e-1", "type": "interactive", "payload": payload}
    stop = threading.Event()
    with socket_mode(slack, [json.dumps(envelope)]) as answers:
        slack.app_token = APP_TOKEN
        buttons = Buttons(APP_TOKEN, {"U1"}, actions, base_url=slack.base_url)
        thread = threading.Thread(target=buttons.run, args=(stop,))
        thread.start()
        for _ in range(1_000):
            if answers and actions.audit():
                break
            stop.wait(0.01)
        stop.set()
        thread.join(timeout=20)

    assert [json.loads(one)["envelope_id"] for one in answers] == ["e-1"]
    assert [one.what for one in actions.audit()] == [What.ACKNOWLEDGED]
