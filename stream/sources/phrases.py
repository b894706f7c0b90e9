"""A language's phrasings, and how people bend them: case, missing marks, typing mistakes."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from stream.sources.draw import Draw

NAME = re.compile(r"\{(\w+)\}")
MAX_DEPTH = 4
CASELESS = frozenset({"ja"})


class Phrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """
    The grammar of one language: *voices* and *symptoms* are sentences with names in braces.

    A name is replaced by what the caller gives for it, or by a line of the list of *slots* of that
    name; ``{symptom}`` by one of the service's genre, else of ``any``.
    """

    slots: dict[str, list[str]]
    symptoms: dict[str, list[str]]
    voices: dict[str, list[str]]

    def say(self, voice: str, genre: str, words: Mapping[str, str], draw: Draw) -> str:
        """Return one sentence of *voice*; *words* has the value of each name that is no slot."""
        return self._fill(draw.pick(self.voices[voice]), genre, words, draw, 0)

    def problems(self, words: frozenset[str]) -> list[str]:
        """Return the names in braces that are neither slots, nor symptoms, nor in *words*."""
        texts = [
            text
            for lists in (self.slots, self.symptoms, self.voices)
            for options in lists.values()
            for text in options
        ]
        known = words | self.slots.keys() | {"symptom"}
        return sorted({name for text in texts for name in NAME.findall(text)} - known)

    def _fill(self, text: str, genre: str, words: Mapping[str, str], draw: Draw, depth: int) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in words:
                return words[name]
            options = self._symptoms(genre) if name == "symptom" else self.slots[name]
            return self._fill(draw.pick(options), genre, words, draw, depth + 1)

        if depth > MAX_DEPTH:
            raise ValueError(f"{text!r}: slots that contain each other")
        return NAME.sub(value, text)

    def _symptoms(self, genre: str) -> list[str]:
        return self.symptoms.get(genre) or self.symptoms["any"]


def load_phrases(directory: Path, language: str) -> Phrases:
    """Read ``<language>.toml``; raises `OSError` or `msgspec.DecodeError`."""
    return msgspec.toml.decode((directory / f"{language}.toml").read_bytes(), type=Phrases)


def bend(text: str, language: str, draw: Draw) -> str:
    """Return *text* as somebody in a hurry types it; most texts stay as they are."""
    if language in CASELESS:
        return text
    if draw.chance(0.3):
        text = text.lower()
    elif draw.chance(0.03):
        text = text.upper()
    if draw.chance(0.15):
        text = text.replace(",", "").replace("'", "")
    if draw.chance(0.04) and len(text) > 12:
        at = 1 + draw.below(len(text) - 3)
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text
