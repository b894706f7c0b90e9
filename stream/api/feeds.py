"""Incidents as RSS and Atom, and a service's state as a badge; all text escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from detector.incidents import Incident
from models.catalogue import Catalogue
from stream.alerts.message import compose, link
from stream.alerts.plain import plain

_TITLE = "Outcry: outages that people report"
_ATOM = "http://www.w3.org/2005/Atom"
_COLOURS = {"normal": "#2e7d32", "recovering": "#1565c0", "emerging": "#a15c00"}
_FAILING = "#b3261e"


def rss(incidents: Sequence[Incident], catalogue: Catalogue, page_url: str) -> bytes:
    """Return *incidents*, newest first, as RSS 2.0."""
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", _TITLE)
    _add(channel, "link", page_url)
    _add(channel, "description", "Outages heard in what people post.")
    for incident in incidents:
        message = compose(incident, catalogue, page_url)
        item = ET.SubElement(channel, "item")
        _add(item, "title", message.headline)
        _add(item, "link", message.url or page_url)
        ET.SubElement(item, "guid", isPermaLink="false").text = _xml(incident.id)
        _add(item, "pubDate", format_datetime(incident.opened_at.astimezone(UTC)))
        _add(item, "description", message.summary())
    return _bytes(root)


def atom(incidents: Sequence[Incident], catalogue: Catalogue, page_url: str) -> bytes:
    """Return *incidents*, newest first, as Atom (RFC 4287)."""
    root = ET.Element("feed", xmlns=_ATOM)
    _add(root, "title", _TITLE)
    _add(root, "id", page_url)
    newest = max((one.updated_at for one in incidents), default=datetime.fromtimestamp(0, UTC))
    _add(root, "updated", newest.isoformat())
    ET.SubElement(ET.SubElement(root, "author"), "name").text = "Outcry"
    for incident in incidents:
        message = compose(incident, catalogue, page_url)
        entry = ET.SubElement(root, "entry")
        _add(entry, "title", message.headline)
        _add(entry, "id", link(page_url, incident.id) or page_url)
        ET.SubElement(entry, "link", href=message.url or page_url)
        _add(entry, "published", incident.opened_at.isoformat())
        _add(entry, "updated", incident.updated_at.isoformat())
        _add(entry, "summary", message.summary())
    return _bytes(root)


def badge(name: str, state: str) -> bytes:
    """Return a picture that says how the service *name* does."""
    label = plain(name, 40) or "?"
    left, right = 7 * len(label) + 14, 7 * len(state) + 14
    size = {"width": str(left + right), "height": "20"}
    text = {"y": "14", "fill": "#fff", "text-anchor": "middle"}
    said = f"{label}: {state}"
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": _xml(said)}
    root = ET.Element("svg", {**attributes, **size})
    _add(root, "title", said)
    ET.SubElement(root, "rect", {"width": str(left), "height": "20", "fill": "#444"})
    colour = _COLOURS.get(state, _FAILING)
    ET.SubElement(
        root, "rect", {"x": str(left), "width": str(right), "height": "20", "fill": colour}
    )
    font = {"font-family": "Verdana,sans-serif", "font-size": "11"}
    group = ET.SubElement(root, "g", font)
    ET.SubElement(group, "text", {**text, "x": str(left // 2)}).text = _xml(label)
    ET.SubElement(group, "text", {**text, "x": str(left + right // 2)}).text = state
    return bytes(ET.tostring(root, encoding="utf-8"))


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = _xml(text)


def _xml(text: str) -> str:
    """Drop what XML 1.0 cannot hold."""
    allowed = (one for one in text if one in "\t\n\r" or " " <= one <= "\ud7ff" or one >= "\ue000")
    return "".join(one for one in allowed if one not in "\ufffe\uffff")


def _bytes(root: ET.Element) -> bytes:
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))
