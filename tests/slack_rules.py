"""What Slack takes as a message: fields, types and lengths; anything unknown is refused."""

from collections.abc import Callable
from typing import Any

# Documented, but for the total, which was measured by others (slackapi/bolt-js issue 2509).
MAX_BLOCKS, MAX_TEXT, MAX_HEADER, MAX_SECTION, MAX_TOTAL = 50, 4_000, 150, 3_000, 13_200

Rule = Callable[[Any], bool]


class Refused(Exception):
    """A request that Slack would refuse with *code*."""

    def __init__(self, code: str, detail: str):
        super().__init__(detail)
        self.code = code


def _is(kind: type, limit: int | None = None) -> Rule:
    def rule(value: Any) -> bool:
        fits = limit is None or 0 < len(value) <= limit
        return isinstance(value, kind) and (kind is int or not isinstance(value, bool)) and fits

    return rule


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_COMMON: dict[str, Rule] = {"text": _is(str, MAX_TEXT), "blocks": _is(list)}
_UNFURL: dict[str, Rule] = {"unfurl_links": _flag, "unfurl_media": _flag, "mrkdwn": _flag}
_FIELDS: dict[str, tuple[set[str], dict[str, Rule]]] = {
    "chat.postMessage": (
        {"channel", "text", "blocks"},
        {**_COMMON, **_UNFURL, "channel": _is(str), "thread_ts": _is(str), "metadata": _is(dict)}
        | {"reply_broadcast": _flag},
    ),
    "chat.update": (
        {"channel", "ts", "text", "blocks"},
        {**_COMMON, "channel": _is(str), "ts": _is(str), "parse": _is(str), "link_names": _flag},
    ),
    "webhook": ({"text", "blocks"}, {**_COMMON, **_UNFURL}),
}
_STYLE = {"bold", "italic", "strike", "code"}
_PARENTS = {"rich_text_section", "rich_text_quote"}


def check_message(method: str, body: dict[str, Any]) -> None:
    """Raise `Refused` unless *body* is a message that *method* takes."""
    required, fields = _FIELDS[method]
    for name, value in body.items():
        if name not in fields:
            raise Refused("invalid_arguments", f"unknown field {name}")
        if not fields[name](value):
            raise Refused("invalid_arguments", f"{name}: {value!r}"[:200])
    if missing := required - set(body):
        raise Refused("invalid_arguments", f"missing {missing}")
    if "<" in body["text"] or ">" in body["text"]:
        raise Refused("invalid_arguments", "text holds an unescaped control character")
    _check_metadata(body.get("metadata"))
    check_blocks(body["blocks"])


_QUERIES = {
    "conversations.history": {"channel", "oldest", "limit", "include_all_metadata", "cursor"},
    "conversations.replies": {"channel", "ts", "oldest", "limit", "include_all_metadata", "cursor"},
    "conversations.list": {"limit", "exclude_archived", "types", "cursor"},
}


def check_query(method: str, query: dict[str, str]) -> None:
    """Raise `Refused` unless *query* is one that the reading *method* takes."""
    if unknown := set(query) - _QUERIES[method]:
        raise Refused("invalid_arguments", f"unknown {unknown}")
    if not query.get("limit", "1").isdigit() or not 0 < int(query.get("limit", 1)) <= 999:
        raise Refused("invalid_limit", query["limit"])


def check_blocks(blocks: list[Any]) -> None:
    """Raise `Refused` unless Slack would show *blocks*."""
    if not 0 < len(blocks) <= MAX_BLOCKS:
        raise Refused("invalid_blocks", f"{len(blocks)} blocks")
    for block in blocks:
        _check_block(block)
    if sum(len(str(block)) for block in blocks) > MAX_TOTAL:
        raise Refused("msg_blocks_too_long", "all blocks together")


def _check_block(block: Any) -> None:
    match block:
        case {"type": "header", "text": text, **rest} if not rest:
            _check_plain(text, MAX_HEADER)
        case {"type": "context", "elements": [*elements], **rest} if not rest and elements:
            for one in elements[:10]:
                _check_plain(one, MAX_SECTION)
            _need(len(elements) <= 10, block)
        case {"type": "rich_text", "elements": [*elements], **rest} if not rest and elements:
            for one in elements:
                _check_rich(one)
        case {"type": "actions", "elements": [*elements], **rest} if not rest and elements:
            _need(len(elements) <= 25, block)
            for one in elements:
                _check_button(one)
        case _:
            raise Refused("invalid_blocks", f"{block!r}"[:200])


def _check_button(button: Any) -> None:
    match button:
        case {"type": "button", "action_id": str(name), "text": text, "value": str(value), **rest}:
            _check_plain(text, 75)
            _need(not rest and 0 < len(name) <= 255 and 0 < len(value) <= 2_000, button)
        case _:
            raise Refused("invalid_blocks", f"{button!r}"[:200])


def _check_plain(text: Any, limit: int) -> None:
    match text:
        case {"type": "plain_text", "text": str(value), "emoji": bool(), **rest} if not rest:
            _need(0 < len(value) <= limit, text)
        case _:
            raise Refused("invalid_blocks", f"{text!r}"[:200])


def _check_rich(element: Any) -> None:
    match element:
        case {"type": str(kind), "elements": [*parts], **rest} if kind in _PARENTS and not rest:
            _need(bool(parts), element)
            for part in parts:
                _check_part(part)
        case {
            "type": "rich_text_list",
            "style": "bullet" | "ordered",
            "elements": [*items],
            **rest,
        } if not rest and items:
            for item in items:
                _need(item.get("type") == "rich_text_section", item)
                _check_rich(item)
        case _:
            raise Refused("invalid_blocks", f"{element!r}"[:200])


def _check_part(part: Any) -> None:
    style = part.get("style", {})
    _need(set(style) <= _STYLE and all(_flag(value) for value in style.values()), part)
    match {name: value for name, value in part.items() if name != "style"}:
        case {"type": "text", "text": str(text), **rest} if text and not rest:
            _need(len(text) <= MAX_SECTION, part)
        case {"type": "link", "url": str(url), "text": str(text), **rest} if text and not rest:
            _need(url.startswith(("http://", "https://")) and len(url) <= 3_000, part)
        case {
            "type": "date",
            "timestamp": int(),
            "format": str(template),
            "fallback": str(),
            **rest,
        } if not rest:
            _need("{" in template, part)
        case _:
            raise Refused("invalid_blocks", f"{part!r}"[:200])


def _check_metadata(metadata: Any) -> None:
    match metadata:
        case None:
            return
        case {"event_type": str(kind), "event_payload": {**payload}, **rest} if kind and not rest:
            fits = all(isinstance(value, str | int) for value in payload.values())
            _need(fits, metadata, "metadata_must_be_sent_as_json")
        case _:
            raise Refused("invalid_metadata_format", f"{metadata!r}"[:200])


def _need(fits: bool, value: Any, code: str = "invalid_blocks") -> None:
    if not fits:
        raise Refused(code, f"{value!r}"[:200])
