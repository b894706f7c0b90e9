"""A service as `outcry catalogue add` writes it into an own file."""

import hashlib
import json
import shlex
from dataclasses import dataclass

_STRENGTH = 0.5  # P(it fails | the provider fails) where the user gives none


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of a new service; *providers* are "PROVIDER" or "PROVIDER=STRENGTH"."""

    name: str
    industry: str = "other"
    aliases: tuple[str, ...] = ()
    handles: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The name in Latin letters, digits and hyphens; of other scripts a hash of it."""
        kept = (c if c.isascii() and c.isalnum() else " " for c in self.name.lower())
        slug = "-".join("".join(kept).split())[:64].rstrip("-")
        return slug or "own-" + hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()

    def as_toml(self) -> str:
        """Return the entry's table."""
        lines = [f"[services.{self.id}]", f"name = {_quoted(self.name)}"]
        lines.append(f"industry = {_quoted(self.industry)}")
        for key, values in (("aliases", self.aliases), ("handles", self.handles)):
            if values:
                lines.append(f"{key} = [{', '.join(map(_quoted, values))}]")
        if self.providers:
            lines.append(f"depends_on = [{', '.join(map(_edge, self.providers))}]")
        return "\n".join(lines) + "\n"


def add_line(name: str) -> str:
    """Return the command that adds *name*, a stranger's spelling, safe to paste into a shell."""
    return f"outcry catalogue add {shlex.quote(name)}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _edge(text: str) -> str:
    provider, _, strength = text.partition("=")
    try:
        number = json.dumps(float(strength or _STRENGTH))
    except ValueError:
        number = _quoted(strength)  # the check of the catalogue says what is wrong with it
    return f'{{ provider = {_quoted(provider)}, strength = {number}, evidence = "own knowledge" }}'
