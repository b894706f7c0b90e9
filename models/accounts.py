"""Accounts that companies take: @askspectrum, @AldiUK and @zoom_support, though none is listed."""

import re
from collections.abc import Iterable

from models.fold import fold
from models.service import Service

_MIN_NAME = 4  # letters of a name that stands for itself in an account
_SUPPORT = frozenset(
    {"support", "help", "helps", "care", "cares", "assist", "service", "status", "ask", "cs"}
    | {"soporte", "ayuda", "atencion", "teayuda", "contigo", "suporte", "ajuda", "hilfe", "aide"}
    | {"helpers", "helpdesk", "destek", "responde", "escucha", "clientes", "cliente", "sac"}
)
_PLACES = frozenset(
    {"uk", "us", "usa", "in", "india", "id", "indonesia", "es", "espana", "mx", "mexico", "ar"}
    | {"argentina", "co", "colombia", "cl", "chile", "pe", "peru", "br", "brasil", "de", "fr", "it"}
    | {"nl", "pl", "tr", "ca", "au", "nz", "ie", "za", "ng", "ke", "jp", "kr", "ph", "my", "latam"}
    | {
        "ireland",
        "turkiye",
        "espanol",
        "deutsch",
        "egypt",
        "la",
        "chi",
        "ec",
        "gt",
        "bo",
        "py",
        "uy",
    }
)
_OWN = frozenset({"app", "hq", "official", "oficial", "online", "team", "hey", "get", "news", "tv"})
_WORDS = sorted(_SUPPORT | _PLACES | _OWN, key=len, reverse=True)
_BEFORE = re.compile("ask|hey|hello|team|get|official|soporte|ayuda|cs")
_AFTER = re.compile(f"(?:{'|'.join(_WORDS)})$")
_BESIDE_NAME = 2  # words that an account puts after the name: @telcel_mx_ayuda
_NO_NAME = re.compile(r"[^a-z0-9]+")


class Accounts:
    """Tells whose account a handle is by the name in it; built once, then read only."""

    def __init__(self, services: Iterable[Service]):
        self._names: dict[str, str | None] = {}
        self._doubtful: dict[str, str | None] = {}
        for service in services:
            doubtful = {fold(name) for name in service.ambiguous}
            for name in map(fold, (service.name, *service.aliases, *service.ambiguous)):
                self._add(name, service.id, is_doubtful=name in doubtful)

    def _add(self, name: str, service: str, *, is_doubtful: bool) -> None:
        stem = _NO_NAME.sub("", name)
        if len(stem) < len(name) - name.count(" ") - 2 or len(stem) < 2:
            return  # a name of another script, or next to nothing
        names = self._doubtful if is_doubtful or len(stem) < _MIN_NAME else self._names
        # A name of two services is nobody's account.
        names[stem] = service if names.get(stem, service) == service else None

    def owner(self, account: str) -> str | None:
        """
        The service whose account the folded *account* (with @) seems to be; None if nobody's.

        A doubtful or short name counts only beside a word of support.
        """
        rest = account.removeprefix("@").replace("_", "").rstrip("0123456789")
        before = _BEFORE.match(rest)
        for name in dict.fromkeys((rest, rest[before.end() :] if before else rest)):
            is_support = name != rest and before is not None and before[0] in _SUPPORT
            if found := self._read(name, is_support=is_support):
                return found
        return None

    def _read(self, name: str, *, is_support: bool) -> str | None:
        for _ in range(_BESIDE_NAME + 1):
            if found := self._names.get(name):
                return found
            if is_support and (found := self._doubtful.get(name)):
                return found
            if (after := _AFTER.search(name)) is None:
                return None
            is_support = is_support or after[0] in _SUPPORT
            name = name[: after.start()]
        return None
