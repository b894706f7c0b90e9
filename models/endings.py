"""What may be glued to a name: endings of languages that bend names, and words of apps."""

from models.script import script

MIN_STEM = 5  # letters of a name that may take an ending

# Turkish, Polish, German and others bend a name; Indonesian says whose it is. No plural of Turkish
# is here: nobody has several Instagrams, but "instalar" is a word of Spanish and Portuguese.
_ENDINGS = frozenset(
    {"s", "a", "e", "i", "u", "y", "ya", "ye", "yi", "yu", "da", "de", "ta", "te", "dan", "den"}
    | {"tan", "ten", "in", "un", "nin", "nun", "im", "um", "em", "ie", "owi", "om", "ow", "es"}
    | {"en", "ia", "nya", "ny", "ku", "mu", "kah"}
)
_PLAIN = frozenset(
    {"app", "apps", "api", "support", "help", "status", "site", "website", "server", "servers"}
    | {"login", "online", "mobile", "business", "again", "uk", "us", "in", "jp", "アプリ"}
)


def is_ending(folded: str, end: int, stop: int) -> bool:
    """Say whether [end, stop) is an ending of the name before it, or its last letter drawn out."""
    ending = folded[end:stop]
    is_drawl = set(ending) == {folded[end - 1]}
    return script(folded[end]) == "latin" and (ending in _ENDINGS or is_drawl)


def is_plain(ending: str) -> bool:
    """Say whether *ending* is one plain word of apps: spotifyapp."""
    return ending in _PLAIN
