"""Which name a link gives: the site that it leads to, not the site that something is shared on."""

import re

# Hosts that tell of another service's state by the name in their path.
_TELLERS = ("downdetector", "downforeveryone", "isitdownrightnow", "isdown")
_SOCIAL = frozenset({"x.com", "twitter.com", "mobile.twitter.com", "www.twitter.com", "www.x.com"})
# Sites on which people share things: a link into them does not speak of them.
_SHARING = frozenset(
    {"x", "t", "twitter", "facebook", "instagram", "youtube", "youtu", "reddit", "tiktok", "medium"}
    | {"linkedin", "github", "google", "apple", "amazon", "bbc", "pinterest", "tumblr", "telegram"}
)
_PARTS = re.compile(r"(?:https?://)?([^/:?#]*)(?::\d+)?([^?#]*)")
_REGISTERED = re.compile(r"(?:status)?(?:\.\w{2,6}){0,2}$")
_ENDS = re.compile(r"(?:[_-]?(?:status|support|help|care|cares|app|hq))?$")


def is_named(url: str, start: int, end: int) -> bool:
    """
    Say whether the name at [start, end) of a folded *url* is what the link speaks of.

    It is in the domain (status.slack.com, registry.npmjs.org), in the path of a site that tells
    of outages, or the account of a status page (x.com/spotifystatus).
    """
    match = _PARTS.match(url)
    if match is None:
        return False
    if start >= match.start(1) and end <= match.end(1):
        return _is_domain(match, start, end)
    if start < match.start(2) or end > match.end(2) or url[start - 1] != "/":
        return False
    segment = url[start : match.end(2)].split("/")[0]
    rest = segment[end - start :]
    if match[1] in _SOCIAL:
        return bool(rest) and _ENDS.match(rest) is not None
    return not rest and any(host in match[1] for host in _TELLERS)


def _is_domain(match: re.Match[str], start: int, end: int) -> bool:
    """Say whether the name is the label that somebody registered, up to a word of status."""
    host = match[1]
    first, last = start - match.start(1), end - match.start(1)
    before, name, after = host[:first], host[first:last], host[last:]
    if (before and before[-1] != ".") or not _REGISTERED.match(after):
        return False
    label = name.split(".")[-2] if "." in name else name
    is_state = after.startswith("status") or before in ("status.", "api.")
    return label not in _SHARING or is_state or len(match[2]) <= 1
