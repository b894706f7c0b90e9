"""HTML that is safe by construction: what is not `Markup` already is escaped on its way in."""

from html import escape

from dashboard.words import Mark


class Markup(str):
    """A piece of HTML made by `el`; a plain `str` next to it is text."""

    __slots__ = ()


def el(name: str, *children: str, **attributes: str | None) -> Markup:
    """
    Return the element *name* with *children*, text among them escaped.

    A trailing underscore of an attribute's name is dropped (``class_``), inner ones become hyphens
    (``aria_label``); attributes that are None are left out.
    """
    opening = name + "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{opening}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Return *children* side by side, text among them escaped."""
    return Markup(
        "".join(child if isinstance(child, Markup) else escape(child) for child in children)
    )


def mark(said: Mark, kind: str = "mark") -> Markup:
    """Draw a sign with its word."""
    return el(
        "span", el("b", said.sign, aria_hidden="true"), said.word, class_=f"{kind} {said.tone}"
    )
