"""
A message as Slack blocks, with nothing in them for Slack to interpret.

All text stands in `rich_text` elements, which Slack shows as they are: there is no mrkdwn to escape
from, so a post cannot mention a channel, open a link or turn bold. Only the fallback text of a
message is mrkdwn to Slack, and that goes through `escape`.
Limits: https://docs.slack.dev/reference/block-kit/blocks (50 blocks, header 150); the sum of all
blocks is undocumented and was found at 13,200 characters (slackapi/bolt-js issue 2509).
"""

from collections.abc import Sequence
from typing import Any

from stream.alerts.facts import Fact
from stream.alerts.message import Message, Quote

BUTTONS = {
    "outcry_acknowledge": "Acknowledge",
    "outcry_mute": "Mute 1 h",
    "outcry_false_alarm": "Not us / false alarm",
}
_VALUE_LIMIT = 2_000
TEXT_LIMIT = 3_000  # Slack shortens text above 4,000 characters

Block = dict[str, Any]


def render(message: Message, footer: str) -> list[Block]:
    """Return the blocks of *message*, below 10,000 characters for any incident."""
    top = [_section(_text(message.notice, bold=True))] if message.notice else []
    top += [_line(fact) for fact in message.facts]
    blocks = [_header(message.headline), _rich_text(top)]
    if message.quotes:
        blocks.append(_rich_text(_quotes(message.quotes)))
    rest = [element for fact in message.background for element in _paragraph(fact)]
    if message.url:
        rest.append(_section({"type": "link", "url": message.url, "text": "Open the incident"}))
    if rest:
        blocks.append(_rich_text(rest))
    blocks.append({"type": "context", "elements": [_plain_text(footer)]})
    return blocks


def render_line(line: str) -> list[Block]:
    """Return the blocks of a plain sentence."""
    return [_rich_text([_section(_text(line))])]


def render_list(line: str, items: Sequence[str], footer: str) -> list[Block]:
    """Return the blocks of a sentence with a list below it."""
    listed = [_section(_text(item)) for item in items]
    elements: list[Block] = [_section(_text(line, bold=True))]
    if listed:
        elements.append({"type": "rich_text_list", "style": "bullet", "elements": listed})
    context = {"type": "context", "elements": [_plain_text(footer)]}
    return [_rich_text(elements), context]


def buttons(incident_id: str) -> list[Block]:
    """Return the row of buttons; none for an id that is too long for Slack."""
    if len(incident_id) > _VALUE_LIMIT:
        return []
    elements = [
        {"type": "button", "action_id": name, "text": _plain_text(text), "value": incident_id}
        for name, text in BUTTONS.items()
    ]
    return [{"type": "actions", "elements": elements}]


def escape(text: str) -> str:
    """Escape Slack's three control characters; the ampersand first, so that it is done once."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback(text: str) -> str:
    """Return *text* as the `text` of a message: escaped, and never cut inside an entity."""
    escaped = escape(text)
    while len(escaped) > TEXT_LIMIT:
        text = text[: len(text) - (len(escaped) - TEXT_LIMIT + 5) // 6 - 1]
        escaped = escape(text) + "…"
    return escaped


def _line(fact: Fact) -> Block:
    elements = [_text(f"{fact.label}: ", bold=True), _text(fact.text)]
    if fact.at is not None:
        elements += [_text(" ("), _date(fact), _text(" your time)")]
    return _section(*elements)


def _date(fact: Fact) -> Block:
    assert fact.at is not None
    return {
        "type": "date",
        "timestamp": int(fact.at.timestamp()),
        "format": "{date_short_pretty} {time}",
        "fallback": fact.text[:100],
    }


def _quotes(quotes: tuple[Quote, ...]) -> list[Block]:
    elements = [_section(_text("What people say:", bold=True))]
    for one in quotes:
        quoted = [_text(one.text), _text(f"\n{one.origin}", italic=True)]
        elements.append({"type": "rich_text_quote", "elements": quoted})
    return elements


def _paragraph(fact: Fact) -> list[Block]:
    if not fact.items:
        return [_line(fact)]
    items = [_section(_text(item)) for item in fact.items]
    return [_line(fact), {"type": "rich_text_list", "style": "bullet", "elements": items}]


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain_text(text)}


def _plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _rich_text(elements: list[Block]) -> Block:
    return {"type": "rich_text", "elements": elements}


def _section(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _text(text: str, **style: bool) -> Block:
    element: Block = {"type": "text", "text": text}
    return {**element, "style": style} if style else element
