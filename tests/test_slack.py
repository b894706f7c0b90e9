import json
import logging
import traceback
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from detector.incidents import Severity, Status, Step
from stream.alerts.channel import AlertError
from stream.alerts.slack import SlackBot
from stream.alerts.slack_webhook import SlackWebhook
from tests.alert_cases import (
    ATTACKS,
    CATALOGUE,
    after,
    alert,
    at,
    explained,
    opened,
    resolved,
    sample,
)
from tests.slack_double import CHANNEL, HOOK, TOKEN, Fault, SlackDouble

PAGE = "https://outcry.example/"
SECRETS = (TOKEN, "T0SECRET", "B0SECRET", "hook-secret")


def bot(slack: SlackDouble, token: str = TOKEN, channel: str = "#outages") -> SlackBot:
    return SlackBot(token, channel, CATALOGUE, PAGE, base_url=slack.base_url, timeout_seconds=1)


def webhook(slack: SlackDouble) -> SlackWebhook:
    return SlackWebhook(slack.webhook_url, CATALOGUE, PAGE, timeout_seconds=1)


def channels(slack: SlackDouble) -> list[SlackBot | SlackWebhook]:
    return [bot(slack), webhook(slack)]


# --- bot token ---


def test_an_opened_incident_becomes_one_root_message(slack: SlackDouble) -> None:
    reference = bot(slack).send(alert(opened(), entry_id="7-1"), None)

    (root,) = slack.messages
    assert reference == f"{CHANNEL}:{root.ts}"
    assert root.thread_ts is None
    assert root.blocks[0]["text"]["text"].endswith("Major, emerging: Snapchat may be failing")
    assert root.metadata == {
        "event_type": "outcry_incident",
        "event_payload": {"incident_id": opened().id, "entry_id": "7-1"},
    }


def test_the_story_is_a_thread_under_a_root_that_shows_the_end(slack: SlackDouble) -> None:
    channel, reference = bot(slack), None
    joined = after(opened(), Step.SERVICE_JOINED, at(7), detail="Ring joined")
    rising = after(explained(), Step.SECOND_WAVE, at(80), detail="reports rise again")
    for incident in (opened(), joined, explained(), rising, resolved()):
        reference = channel.send(alert(incident), reference)

    (root,) = slack.roots
    steps = [reply.text.splitlines()[0].split("·")[1] for reply in slack.thread(root)]
    assert [step.split(":")[0].strip() for step in steps] == [
        "Probable cause",
        "Second wave",
        "Resolved",
    ]
    assert "Resolved after 2 h 51 min" in root.blocks[0]["text"]["text"]
    assert root.n_edits == 4


def test_a_backlog_is_told_with_one_edit_and_every_step(slack: SlackDouble) -> None:
    channel = bot(slack)
    reference = channel.send(alert(opened()), None)

    for step in (explained(), resolved()):
        channel.send(alert(step, newest=resolved()), reference)

    (root,) = slack.roots
    assert root.n_edits == 1
    assert "840 reports in 9 min" in slack.thread(root)[0].text
    assert "9,321 reports" in slack.thread(root)[1].text


def test_after_a_restart_the_same_message_is_edited(slack: SlackDouble) -> None:
    reference = bot(slack).send(alert(opened()), None)

    again = bot(slack).send(alert(explained()), reference)

    assert again == reference
    assert [root.n_edits for root in slack.roots] == [1]


def test_an_incident_whose_opening_was_lost_is_posted_by_its_next_step(
    slack: SlackDouble,
) -> None:
    reference = bot(slack).send(alert(explained()), None)

    assert slack.requests == ["chat.postMessage"]
    assert reference == f"{CHANNEL}:{slack.roots[0].ts}"


def test_a_root_that_somebody_deleted_is_posted_anew(slack: SlackDouble) -> None:
    reference = bot(slack).send(alert(opened()), None)
    slack.messages.clear()
    slack.faults.append(Fault(error="message_not_found"))

    renewed = bot(slack).send(alert(explained()), reference)

    assert slack.requests == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert renewed == f"{CHANNEL}:{slack.roots[0].ts}"


def test_where_editing_is_forbidden_the_thread_goes_on(slack: SlackDouble) -> None:
    reference = bot(slack).send(alert(opened()), None)
    slack.faults.append(Fault(error="edit_window_closed"))

    assert bot(slack).send(alert(explained()), reference) == reference
    assert len(slack.thread(slack.roots[0])) == 1


def test_a_reply_that_failed_is_tried_again_without_a_second_root_or_edit(
    slack: SlackDouble,
) -> None:
    channel = bot(slack)
    reference = channel.send(alert(opened()), None)
    slack.faults.extend([None, Fault(status=503)])

    with pytest.raises(AlertError):
        channel.send(alert(explained()), reference)
    channel.send(alert(explained()), reference)

    assert slack.requests[1:] == ["chat.update", "chat.postMessage", "chat.postMessage"]
    assert len(slack.roots) == 1


def test_check_names_the_bot_and_refuses_a_wrong_token(slack: SlackDouble) -> None:
    assert bot(slack).check() == "outcry in Test"

    with pytest.raises(AlertError, match="invalid_auth") as caught:
        bot(slack, token="xoxb-wrong").check()
    assert not caught.value.retryable
    slack.refused.clear()


def test_a_wrong_channel_is_refused_for_good(slack: SlackDouble) -> None:
    with pytest.raises(AlertError, match="channel_not_found") as caught:
        bot(slack, channel="#nowhere").send(alert(opened()), None)

    assert not caught.value.retryable
    slack.refused.clear()


# --- webhook ---


def test_a_webhook_posts_the_steps_that_matter_and_says_that_it_cannot_edit(
    slack: SlackDouble,
) -> None:
    channel, reference = webhook(slack), None
    confirmed = after(opened(), Step.CONFIRMED, at(6), status=Status.ONGOING)
    falling = after(explained(), Step.RECOVERING, at(90), status=Status.RECOVERING)
    for incident in (opened(), confirmed, explained(), falling, resolved()):
        reference = channel.send(alert(incident), reference)

    lines = [one.blocks[0]["text"]["text"] for one in slack.messages]
    assert len(lines) == 3
    assert ["emerging" in lines[0], "Critical" in lines[1], "Resolved" in lines[2]] == [True] * 3
    assert "never edited" in slack.messages[0].blocks[-1]["elements"][0]["text"]


@pytest.mark.parametrize(
    ("step", "severity", "n_posts"),
    [
        (Step.CONFIRMED, Severity.CRITICAL, 1),
        (Step.CONFIRMED, Severity.MAJOR, 0),
        (Step.SEVERITY_CHANGED, Severity.CRITICAL, 1),
        (Step.SEVERITY_CHANGED, Severity.MINOR, 0),
        (Step.SERVICE_JOINED, Severity.CRITICAL, 0),
        (Step.SECOND_WAVE, Severity.CRITICAL, 0),
    ],
)
def test_a_webhook_is_sparing(
    slack: SlackDouble, step: Step, severity: Severity, n_posts: int
) -> None:
    changed = after(opened(), step, at(9), status=Status.ONGOING, severity=severity)

    webhook(slack).send(alert(changed), "an earlier post")

    assert len(slack.messages) == n_posts


def test_a_webhook_does_not_post_a_merger(slack: SlackDouble) -> None:
    detail = "merged into 20251020T0651-aws"
    merged = after(opened(), Step.RESOLVED, at(9), status=Status.RESOLVED, detail=detail)

    assert webhook(slack).send(alert(merged), "an earlier post") == "an earlier post"
    assert slack.messages == []


def test_a_webhook_tells_a_backlog_once(slack: SlackDouble) -> None:
    reference = None
    for incident in (opened(), explained(), resolved()):
        reference = webhook(slack).send(alert(incident, newest=resolved()), reference)

    (only,) = slack.messages
    assert "Resolved" in only.text


def test_a_webhook_that_was_removed_is_refused_for_good(slack: SlackDouble) -> None:
    gone = SlackWebhook(f"{slack.address}/services/gone", CATALOGUE, timeout_seconds=1)

    with pytest.raises(AlertError, match="no_service") as caught:
        gone.send(alert(opened()), None)
    assert not caught.value.retryable
    slack.refused.clear()


# --- failures ---

FAULTS = [
    (Fault(status=429, retry_after="30"), True, 30.0),
    (Fault(status=429, retry_after="soon"), True, None),
    (Fault(status=429), True, None),
    (Fault(status=500), True, None),
    (Fault(status=503, retry_after="7"), True, 7.0),
    (Fault(kind="drop"), True, None),
    (Fault(kind="hang"), True, None),
    (Fault(status=403, error="invalid_token"), False, None),
]
BOT_FAULTS = [
    (Fault(kind="garbage"), True, None),
    (Fault(kind="not_object"), True, None),
    (Fault(error="ratelimited", status=429, retry_after="1"), True, 1.0),
    (Fault(error="internal_error"), True, None),
    (Fault(error="invalid_blocks"), False, None),
    (Fault(error="token_revoked"), False, None),
]


@pytest.mark.parametrize("which", [0, 1], ids=["bot", "webhook"])
@pytest.mark.parametrize(("fault", "retryable", "retry_after"), FAULTS)
def test_each_failure_says_whether_and_when_to_retry(
    slack: SlackDouble, which: int, fault: Fault, retryable: bool, retry_after: float | None
) -> None:
    slack.faults.append(fault)

    with pytest.raises(AlertError) as caught:
        channels(slack)[which].send(alert(opened()), None)

    assert (caught.value.retryable, caught.value.retry_after) == (retryable, retry_after)
    assert slack.requests in (["chat.postMessage"], ["webhook"])
    assert slack.messages == []


@pytest.mark.parametrize(("fault", "retryable", "retry_after"), BOT_FAULTS)
def test_slack_s_own_codes_tell_what_passes_from_what_needs_a_person(
    slack: SlackDouble, fault: Fault, retryable: bool, retry_after: float | None
) -> None:
    slack.faults.append(fault)

    with pytest.raises(AlertError) as caught:
        bot(slack).send(alert(opened()), None)

    assert (caught.value.retryable, caught.value.retry_after) == (retryable, retry_after)


def test_nobody_listening_is_retryable() -> None:
    with SlackDouble() as gone:
        channel = bot(gone)

    with pytest.raises(AlertError) as caught:
        channel.send(alert(opened()), None)
    assert caught.value.retryable


# --- secrets and untrusted text ---


@pytest.mark.parametrize("which", [0, 1], ids=["bot", "webhook"])
def test_no_secret_is_in_any_log_error_or_repr(
    slack: SlackDouble, which: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel, said = channels(slack)[which], []
    faults = [fault for fault, _, _ in FAULTS]

    with capture_logs() as events:
        channel.send(alert(opened()), None)
        for fault in faults:
            slack.faults.append(fault)
            with pytest.raises(AlertError) as caught:
                channel.send(alert(opened()), None)
            said += traceback.format_exception(caught.value)
            said += [repr(caught.value), repr(vars(caught.value))]

    said += [repr(channel), str(channel), caplog.text, repr(events)]
    assert len(said) > 2 * len(faults)
    assert not [secret for secret in SECRETS for text in said if secret in text]


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://127.0.0.1{HOOK}",
        f"http://127.0.0.1:1{HOOK} x",
        f"http://[{HOOK}",
        f"http://h{HOOK}é",
    ],
)
def test_a_malformed_webhook_address_is_not_repeated(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AlertError) as caught:
        SlackWebhook(url, CATALOGUE, timeout_seconds=1).send(alert(opened()), None)

    assert not caught.value.retryable
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert not [secret for secret in SECRETS if secret in said]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("which", [0, 1], ids=["bot", "webhook"])
def test_slack_takes_every_attack_as_text(slack: SlackDouble, which: int, attack: str) -> None:
    hostile = replace(opened(), id=f"i-{attack}", samples=(sample(attack, attack),))

    channels(slack)[which].send(alert(hostile), None)

    (message,) = slack.messages
    assert "<!" not in message.text
    assert "\\u001b" not in json.dumps(message.blocks)
